"""`make release`: writes the release of HEAD into dist/, the same bytes each time.

    waitercaller-X.Y.Z.tar.gz        the source at HEAD; every file has the commit's time
    waitercaller-X.Y.Z.cdx.json      what it consists of, by name and version: an SBOM (CycloneDX 1.6)
    waitercaller-X.Y.Z-licences.txt  the licences of all that is not ours, in full
    SHA256SUMS                       checksums of these

The version is that of pyproject.toml, the parts are those that requirements.txt pins and static/vendor holds. Licences
are read from the packages installed here. Prints the reason and exits with 1 if something is missing or not committed.
"""

import gzip
import hashlib
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NAME = "waitercaller"
_PIN = re.compile(r"([a-z0-9-]+)==([^\s;]+)")
_VIA = re.compile(r" +# (?:via | {2})(.+)")  # who wants the package above it, as uv writes it
_LICENCE_FILE = re.compile(r"(LICEN[CS]E|COPYING|NOTICE)", re.IGNORECASE)


class NoRelease(Exception):
    """Why no release can be made."""


@dataclass
class Part:
    """A package that a release consists of."""

    purl: str  # https://github.com/package-url/purl-spec
    name: str
    version: str
    licence: dict[str, Any]  # as CycloneDX has it
    texts: list[str]
    wanted_by: list[str] = field(default_factory=list)  # names of packages; none: by us


def main(root: Path, folder: Path) -> None:
    """Write the release of the repository `root` into `folder`. Raises NoRelease."""
    if _git(root, "status", "--porcelain", "--untracked-files=no"):
        raise NoRelease("some changes are not committed; a release is what HEAD holds.")
    version = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    parts = [*_packages(root / "requirements.txt"), *_vendored(root / "static/vendor")]
    commit, seconds = _git(root, "show", "--no-patch", "--format=%H %ct", "HEAD").decode().split()
    release = f"{NAME}-{version}"
    files = {
        f"{release}.tar.gz": gzip.compress(_archive(root, release), mtime=0),
        f"{release}.cdx.json": _sbom(version, parts, commit, datetime.fromtimestamp(int(seconds), UTC)),
        f"{release}-licences.txt": _licences(root, parts),
    }
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
    folder.mkdir(exist_ok=True)
    for name, content in {**files, "SHA256SUMS": sums.encode()}.items():
        (folder / name).write_bytes(content)
    sys.stdout.write(sums)


def _archive(root: Path, release: str) -> bytes:
    """All files of HEAD below the folder `release`, as a tar. Its times are the commit's, whatever the umask."""
    return _git(root, "-c", "tar.umask=0022", "archive", "--format=tar", f"--prefix={release}/", "HEAD")


def _packages(requirements: Path) -> Iterator[Part]:
    """What requirements.txt pins."""
    part = None
    for line in requirements.read_text("utf-8").splitlines():
        if pin := _PIN.match(line):
            part = _package(*pin.groups())
            yield part
        elif part and (via := _VIA.fullmatch(line)):
            part.wanted_by.append(via[1])


def _package(name: str, version: str) -> Part:
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        raise NoRelease(f"{name} is not installed, so its licence cannot be read.") from None
    if found.version != version:
        raise NoRelease(f"{name} {found.version} is installed, and {version} is pinned.")
    texts = [each.read_text("utf-8").strip() for each in found.files or [] if _is_licence(each)]
    return Part(f"pkg:pypi/{name}@{version}", name, version, _licence(found), texts)


def _is_licence(path: importlib.metadata.PackagePath) -> bool:
    return ".dist-info" in path.parts[0] and bool(_LICENCE_FILE.match(path.name))


def _licence(package: importlib.metadata.Distribution) -> dict[str, Any]:
    """The licence as the package says it: as an expression of SPDX, or in words."""
    said = package.metadata.json
    if expression := said.get("license_expression"):
        return {"expression": expression}
    classified = [each.rpartition(" :: ")[2] for each in said.get("classifier", []) if each.startswith("License ::")]
    words = str(said.get("license", "")).strip()
    name = words if words and "\n" not in words else " and ".join(classified)
    if not name:
        raise NoRelease(f"{package.name} does not say its licence.")
    return {"license": {"name": name}}


def _vendored(folder: Path) -> Iterator[Part]:
    """The files of others in static/vendor; each folder has their VERSION and LICENSE."""
    for each in sorted(folder.iterdir()):
        name, version = (each / "VERSION").read_text("utf-8").splitlines()[0].split()
        text = (each / "LICENSE").read_text("utf-8").strip()
        licence = {"license": {"name": text.splitlines()[0]}}
        yield Part(f"pkg:npm/{name.lower()}@{version}", name.lower(), version, licence, [text])


def _sbom(version: str, parts: list[Part], commit: str, at: datetime) -> bytes:
    us = f"pkg:generic/{NAME}@{version}"
    wants: dict[str, list[str]] = {us: [], **{part.purl: [] for part in parts}}
    purls = {part.name: part.purl for part in parts}
    for part in parts:
        for name in part.wanted_by or [""]:
            wants[purls.get(name, us)].append(part.purl)
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{us}#{commit}')}",
        "version": 1,
        "metadata": {
            "timestamp": at.isoformat(),
            "component": {
                "type": "application",
                "bom-ref": us,
                "name": NAME,
                "version": version,
                "licenses": [{"license": {"id": "MIT"}}],
            },
        },
        "components": [
            {
                "type": "library",
                "bom-ref": part.purl,
                "name": part.name,
                "version": part.version,
                "licenses": [part.licence],
                "purl": part.purl,
            }
            for part in parts
        ],
        "dependencies": [{"ref": ref, "dependsOn": sorted(set(on))} for ref, on in wants.items()],
    }
    return f"{json.dumps(bom, indent=1)}\n".encode()


def _licences(root: Path, parts: list[Part]) -> bytes:
    """All licences, one below the other: ours, that of the data, and those of the parts."""
    ours = (root / "LICENSE").read_text("utf-8").strip()
    data = (root / NAME / "data/LICENSE").read_text("utf-8").strip()
    sections = [("Waiter Caller", ours), (f"{NAME}/data", data)]
    for part in parts:
        said = part.licence.get("expression") or part.licence["license"]["name"]
        text = "\n\n".join(part.texts) or "Its package has no text of it."
        sections.append((f"{part.name} {part.version}: {said}", text))
    return "\n\n".join(f"{title}\n{'=' * len(title)}\n\n{text}\n" for title, text in sections).encode()


def _git(root: Path, *words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=root, capture_output=True, check=True).stdout


if __name__ == "__main__":
    try:
        main(ROOT, ROOT / "dist")
    except NoRelease as error:
        sys.exit(f"No release: {error}")

"""`make release`, and an upgrade from what it makes."""

import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest

from tests.support import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
TARBALL = f"waitercaller-{VERSION}.tar.gz"
PARTS = ("pyproject.toml", "requirements.txt", "LICENSE", "deploy/release.py", "waitercaller/data", "static/vendor")
UPGRADE = '#!/bin/bash\necho "the new one: $*"\ncat "$(dirname "$0")/../pyproject.toml"\n'


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with what a release is made from, and the release. Its upgrade.sh only says that it runs."""
    repository = tmp_path_factory.mktemp("repository")
    for part in PARTS:
        (repository / part).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, repository / part)
        else:
            shutil.copy(ROOT / part, repository / part)
    (repository / "deploy/upgrade.sh").write_text(UPGRADE)
    identity = ["-c", "user.name=A test", "-c", "user.email=test@example.org"]
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "All"]):
        subprocess.run(["git", *words], cwd=repository, check=True)
    done = released(repository)
    assert done.returncode == 0, done.stderr
    return repository


def released(repository: Path, umask: int = 0o022) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(repository / "deploy/release.py")]
    return subprocess.run(command, capture_output=True, text=True, check=False, umask=umask)


def made(repository: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (repository / "dist").iterdir()}


def test_a_release_is_the_same_each_time_and_is_what_it_says(repository: Path) -> None:
    first = made(repository)
    for path in repository.glob("*.*"):
        path.touch()
    assert released(repository, umask=0o077).returncode == 0
    assert made(repository) == first
    sums = first.pop("SHA256SUMS").decode().splitlines()
    assert sums == [f"{hashlib.sha256(first[line.split()[1]]).hexdigest()}  {line.split()[1]}" for line in sums]
    assert {line.split()[1] for line in sums} == set(first)
    with tarfile.open(fileobj=io.BytesIO(first[TARBALL])) as tar:
        files = [member for member in tar if member.isfile()]
    tracked = subprocess.run(["git", "ls-files"], cwd=repository, capture_output=True, text=True, check=True)
    assert sorted(each.name for each in files) == [f"waitercaller-{VERSION}/{name}" for name in tracked.stdout.split()]
    assert len({each.mtime for each in files}) == 1


def test_a_release_names_every_part_and_its_licence(repository: Path) -> None:
    pins = re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements.txt").read_text("utf-8"), re.M)
    wanted = {f"pkg:pypi/{name}@{version}" for name, version in pins}
    bom = json.loads(made(repository)[f"waitercaller-{VERSION}.cdx.json"])
    assert {part["purl"] for part in bom["components"] if ":npm/" not in part["purl"]} == wanted
    assert len(bom["components"]) == len(wanted) + len([*(ROOT / "static/vendor").iterdir()])
    assert bom["metadata"]["component"]["version"] == VERSION
    wants = {each["ref"]: each["dependsOn"] for each in bom["dependencies"]}
    direct = {name.partition("@")[0] for name in wants[f"pkg:generic/waitercaller@{VERSION}"]}
    asked = re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.in").read_text("utf-8"), re.M)
    assert direct == {f"pkg:pypi/{name}" for name in asked} | {"pkg:npm/morphdom"}
    assert set().union(*wants.values()) == set(wants) - {f"pkg:generic/waitercaller@{VERSION}"}
    licences = made(repository)[f"waitercaller-{VERSION}-licences.txt"].decode()
    assert [name for name, version in pins if f"\n{name} {version}: " not in licences] == []


def test_what_is_not_committed_is_not_released(repository: Path) -> None:
    before, project = made(repository), (repository / "pyproject.toml").read_text()
    (repository / "pyproject.toml").write_text(project.replace(VERSION, "9.9.9"))
    done = released(repository)
    (repository / "pyproject.toml").write_text(project)
    assert done.returncode == 1
    assert "not committed" in done.stderr
    assert made(repository) == before


def test_an_upgrade_takes_a_tarball_that_is_as_its_checksum_says(repository: Path, tmp_path: Path) -> None:
    def upgrade(*words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [ROOT / "deploy/upgrade.sh", "--dry-run", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    for path in (repository / "dist").iterdir():
        shutil.copy(path, tmp_path)
    tarball = tmp_path / TARBALL
    done = upgrade(tarball)
    assert done.returncode == 0, done.stderr
    assert "the new one: --dry-run" in done.stdout
    assert f'version = "{VERSION}"' in done.stdout
    assert upgrade(tarball, "--rollback").returncode == 2

    tarball.write_bytes(tarball.read_bytes()[:-1])
    done = upgrade(tarball)
    assert done.returncode == 1
    assert "not what SHA256SUMS says" in done.stderr
    assert "the new one" not in done.stdout
    (tmp_path / "SHA256SUMS").unlink()
    assert "SHA256SUMS is missing" in upgrade(tarball).stderr
    assert "there is no file" in upgrade(tarball.with_name("other.tar.gz")).stderr

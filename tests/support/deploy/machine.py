"""A Debian (or Ubuntu) machine to install on: made by debootstrap, booted with systemd in its own namespaces.

It shares only the kernel with this computer. It has its own loopback network, so it can use ports 80 and 443, and it
ends with the process that started it. The fresh system is cached between runs; changes by tests are discarded.
"""

import contextlib
import hashlib
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support import ROOT

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "waitercaller-tests"
INIT = ["systemd", "systemd-sysv", "dbus", "iproute2"]
BOOT_SECONDS = 60


def release() -> dict[str, str]:
    """/etc/os-release of this computer."""
    lines = Path("/etc/os-release").read_text().splitlines()
    return {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}


def can_boot() -> str:
    """The reason why such a machine cannot run here; empty if it can."""
    if os.geteuid() != 0:
        return "only root may make a machine to install on"
    if (release()["ID"], release().get("VERSION_ID")) not in (("debian", "12"), ("ubuntu", "24.04")):
        return "a machine to install on is made from Debian 12 or Ubuntu 24.04"
    missing = [name for name in ("debootstrap", "unshare", "nsenter", "setpriv") if shutil.which(name) is None]
    return f"missing: {', '.join(missing)} (make deploy-tools)" if missing else ""


def fresh_system() -> Path:
    """A minimal system with systemd and the packages of install.sh; made once, from this computer's mirror."""
    packages = [*_packages_of_install(), *INIT]
    name = release()["VERSION_CODENAME"]
    key = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:8]
    system = CACHE / f"{name}-{key}"
    if not (system / "complete").exists():
        shutil.rmtree(system, ignore_errors=True)
        root = system / "root"
        root.mkdir(parents=True)
        _run("debootstrap", "--variant=minbase", f"--components={_components()}", name, root, _mirror(name))
        # Services must not start while packages are installed: no init is running.
        (root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
        (root / "usr/sbin/policy-rc.d").chmod(0o755)
        noninteractive = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
        install = ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages]
        _run("chroot", root, "apt-get", "-qq", "update")
        _run("chroot", root, *install, env=noninteractive)
        _run("chroot", root, "apt-get", "clean")
        (root / "usr/sbin/policy-rc.d").unlink()
        (system / "complete").touch()
    return system / "root"


def wheels() -> Path:
    """The packages in requirements.txt, for that system's Python; downloaded once."""
    requirements = ROOT / "requirements.txt"
    folder = (
        CACHE / f"wheels-{release()['VERSION_CODENAME']}-{hashlib.sha256(requirements.read_bytes()).hexdigest()[:8]}"
    )
    if not (folder / "complete").exists():
        python = {"bookworm": "3.11", "noble": "3.12"}[release()["VERSION_CODENAME"]]
        wanted = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--python-version", python]
        _run(sys.executable, "-m", "pip", "download", "-q", *wanted, "-r", requirements, "-d", folder)
        (folder / "complete").touch()
    return folder


def _packages_of_install() -> list[str]:
    found = re.findall(r"^(?:WEB_)?PACKAGES=\((.*?)\)", (ROOT / "deploy/install.sh").read_text(), re.M)
    return sorted(" ".join(found).split())


def _components() -> str:
    return "main,universe" if release()["ID"] == "ubuntu" else "main"


def _mirror(name: str) -> str:
    formatted = ["apt-get", "indextargets", "--format", "$(REPO_URI)", f"Codename: {name}", "Component: main"]
    return subprocess.run(formatted, capture_output=True, text=True, check=True).stdout.split()[0]


def _run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    done = _said(command, env)
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}"


def _said(command: Sequence[str | Path], env: dict[str, str] | None) -> subprocess.CompletedProcess[str]:
    """Run it to its end, with stdout and stderr in one text."""
    out = subprocess.PIPE
    return subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, text=True, errors="replace"
    )


class Machine:
    """`start` boots it; `run` runs a command in it; `beside` starts a program of this computer on its network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = folder / "source"  # a copy, so that edits do not affect a running test
        self._children: list[subprocess.Popen[bytes]] = []
        self._init = 0

    def start(self) -> None:
        script = Path(__file__).with_name("machine.sh")
        without = shutil.ignore_patterns(".*", "__pycache__", "bench", "browser", "instance")
        shutil.copytree(ROOT, self.source, ignore=without)
        # unshare is killed with this process, the machine's init with unshare, and all its processes with the init.
        command: list[str | Path] = ["setpriv", "--pdeathsig", "KILL", "unshare", "--kill-child", "--fork"]
        command += ["--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup"]
        command += ["sh", script, fresh_system(), self.folder, self.source, wheels()]
        with (self.folder / "boot.log").open("wb") as log:
            self._children.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        outer = self._children[0].pid
        deadline = time.monotonic() + BOOT_SECONDS
        while self._init == 0 or self.run("systemctl is-system-running", check=False).stdout.strip() not in (
            "running",
            "degraded",
        ):
            said = (self.folder / "boot.log").read_text(errors="replace")
            assert self._children[0].poll() is None, f"the machine did not boot:\n{said}"
            assert time.monotonic() < deadline, f"the machine boots for too long:\n{said}"
            children = Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
            self._init = int(children[0]) if children else 0
            time.sleep(0.2)

        # The hard limit of open files cannot be raised here, so units that ask for more get this limit.
        _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        if limit < 65536:
            self.run("mkdir -p /etc/systemd/system/apache2.service.d")
            self.run(f"printf '[Service]\nLimitNOFILE={limit}\n' >/etc/systemd/system/apache2.service.d/zz-limit.conf")

    def run(self, script: str, *, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a shell script in the machine as root, with stdout and stderr in one text."""
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        environ = {"PATH": path, "LC_ALL": "C.UTF-8", **variables}
        command = ["nsenter", "--target", str(self._init), "--all", "--root", "env", "-i", "--chdir=/"]
        command += [f"{name}={value}" for name, value in environ.items()]
        done = _said([*command, "bash", "-c", script], None)
        assert not check or done.returncode == 0, f"{script}: {done.returncode}\n{done.stdout[-6000:]}"
        return done

    def beside(self, *command: str | Path, **variables: str) -> subprocess.Popen[bytes]:
        """Start a program of this computer on the machine's loopback network; it ends with the machine."""
        enter: list[str | Path] = ["nsenter", "--target", str(self._init), "--net"]
        environ = {**os.environ, **variables}
        with (self.folder / f"beside-{Path(command[0]).name}.log").open("ab") as log:
            process = subprocess.Popen(
                [*enter, *command], env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._children.append(process)
        return process

    def stop(self) -> None:
        for process in reversed(self._children):
            process.kill()  # the machine's init, and so everything in it
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
        for name in ("upper", "work", "source"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

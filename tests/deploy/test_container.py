"""deploy/container/ agrees with the settings, with what a release ships, and with itself. Nothing is built here."""

import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import Config
from tests.support import ROOT

FOLDER = ROOT / "deploy/container"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
STAGES = (FOLDER / "Containerfile").read_text("utf-8").replace("\\\n", " ").split("\nFROM ")[1:]
APP = next(stage for stage in STAGES if stage.partition("\n")[0].endswith(" AS app"))
TYPED = {"SECRET_KEY": "k3y-" * 3 + "abcdefghijklmnopqrstuvwxyz"}  # what an operator fills in


def example(name: Path) -> dict[str, str]:
    """The variables of an example of settings."""
    found = re.findall(r"^([A-Z_]+)=(.*)$", name.read_text("utf-8"), re.M)
    return {variable: value.strip('"') for variable, value in found}


def test_the_settings_start_the_application_and_each_is_one_that_it_knows() -> None:
    given = {**example(FOLDER / "env.example"), **TYPED}
    composed = {
        name: re.sub(r"\$\{(\w+)[^}]*\}", lambda variable: given[variable[1]], value)
        for name, value in SERVICES["app"]["environment"].items()
    }
    config = Config.from_env({**given, **composed})
    assert (config.public_url, config.trusted_hosts) == ("https://call.example.org", ("call.example.org",))
    assert config.proxy_count == 1
    of_compose = set(re.findall(r"\$\{(\w+)", (FOLDER / "compose.yml").read_text("utf-8")))
    assert of_compose <= set(given)
    assert set(given) - of_compose | set(composed) <= set(example(ROOT / ".env.example"))
    erasures = re.search(r"ERASURE_LOG=(\S+)", APP)
    assert erasures
    lock = re.search(r"WC_LOCK=(\S+)", APP)  # restore.sh's; elsewhere nothing can be written
    assert lock
    assert str(Path(lock[1]).parent) in SERVICES["app"]["tmpfs"]
    assert SERVICES["app"]["volumes"] == [f"erasures:{Path(erasures[1]).parent}"]


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_is_root_or_can_write_into_its_image(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    if "build" in service:
        stage = next(each for each in STAGES if each.partition("\n")[0].endswith(f" AS {service['build']['target']}"))
        user = re.findall(r"^USER (.*)$", stage, re.M)[-1]
        assert (ROOT / "deploy/container" / service["build"]["context"]).resolve() == ROOT
        assert (ROOT / service["build"]["dockerfile"]).is_file()
    else:
        user = service["user"]
    assert int(user.partition(":")[0]) > 0
    assert {volume.partition(":")[0] for volume in service.get("volumes", [])} <= set(COMPOSE["volumes"])


def test_visitors_reach_the_proxy_only_and_the_proxy_no_database() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert COMPOSE["networks"]["inside"]["internal"] is True
    assert SERVICES["database"]["networks"] == ["inside"]
    assert SERVICES["proxy"]["networks"] == ["outside"]
    assert "reverse_proxy app:8000" in (FOLDER / "Caddyfile").read_text("utf-8")
    assert '"0.0.0.0:8000"' in APP
    assert "respond /metrics 404" in (FOLDER / "Caddyfile").read_text("utf-8")


def test_the_database_is_a_replica_set_of_one_under_the_name_in_the_uri() -> None:
    database = SERVICES["database"]
    assert database["image"].endswith("mongo:8.0")
    assert "--replSet=rs0" in database["command"]
    assert '{_id: "rs0", members: [{_id: 0, host: "database:27017"}]}' in database["healthcheck"]["test"][-1]
    assert SERVICES["app"]["environment"]["MONGODB_URI"] == "mongodb://database:27017/waitercaller?replicaSet=rs0"


def test_the_image_holds_what_a_release_ships_and_is_built_from_the_pinned_packages() -> None:
    shipped = re.search(r"^SHIPPED=\((.*?)\)", (ROOT / "deploy/lib.sh").read_text("utf-8"), re.M | re.S)
    assert shipped
    copied = [name for words in re.findall(r"^COPY (?!--from)(.*)$", APP, re.M) for name in words.split()[:-1]]
    assert sorted(copied) == sorted(shipped[1].split())
    ignored = (FOLDER / "Containerfile.dockerignore").read_text("utf-8")
    assert sorted(re.findall(r"^!(.*)$", ignored, re.M)) == sorted(shipped[1].split())
    pythons = {re.search(r"python:(3\.\d+)-", stage.partition("\n")[0]) for stage in STAGES[:2]}
    assert all(python and python[1] in ("3.11", "3.12", "3.13") for python in pythons)  # requires-python
    assert re.search(r"pip install .*--require-hashes .*--only-binary :all:", STAGES[0])
    command = json.loads(re.findall(r"^CMD (\[.*\])$", APP, re.M)[-1])
    unit = (ROOT / "deploy/systemd/waitercaller.service").read_text("utf-8")
    assert f"{' '.join(command[:3])} {command[-1]}" in unit  # as under systemd, but for --bind


@contextmanager
def answering(status: int) -> Iterator[tuple[int, list[str]]]:
    """A server that answers everything with this status: its port, and the hosts and paths it was asked for."""
    asked: list[str] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.headers['Host']}{self.path}")
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server.server_port, asked
        server.shutdown()


@pytest.mark.parametrize("status", [200, 503])
def test_its_health_is_what_readyz_says(status: int) -> None:
    (command,) = re.findall(r"^HEALTHCHECK .*CMD (\[.*\])$", APP, re.M)
    with answering(status) as (port, asked):
        settings = {**os.environ, "PORT": str(port), "TRUSTED_HOSTS": "call.example.org,10.0.0.1"}
        words = [sys.executable, *json.loads(command)[1:]]
        done = subprocess.run(words, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
    assert asked == ["call.example.org/readyz"]
    assert (done.returncode == 0) == (status == 200), done.stderr
    assert "Traceback" not in done.stderr

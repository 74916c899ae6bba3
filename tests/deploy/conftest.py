"""Fixtures of the tests with real Apache, certbot and gunicorn processes on 127.0.0.1."""

import os
import resource
import shutil
from collections.abc import Callable, Iterator, Sequence

import pytest
from flask import Flask

from tests.support.deploy.apache import Apache
from tests.support.deploy.site import Site

OPEN_FILES = 20_000
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


@pytest.fixture(scope="session")
def programs() -> Callable[..., None]:
    """`programs("certbot", "pebble")`: skip the test if one is missing (in CI a failure)."""

    def need(*names: str) -> None:
        missing = [name for name in names if shutil.which(name, path=PATH) is None]
        if missing:
            pytest.skip(f"{', '.join(missing)} missing: make deploy-tools")

    return need


@pytest.fixture(scope="package")
def many_files() -> Iterator[None]:
    """Raise the limit of open files to production's LimitNOFILE, as far as this machine allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="package")
def shared_site(
    programs: Callable[..., None], many_files: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    programs("apache2", "openssl")
    site = Site(tmp_path_factory.mktemp("site"))
    try:
        site.open()
        yield site
    finally:
        site.close()


@pytest.fixture
def site(shared_site: Site) -> Iterator[Site]:
    """The site on one machine: Apache, gunicorn on a unix socket, and an empty database."""
    yield shared_site
    shared_site.empty()


@pytest.fixture
def app(site: Site) -> Flask:
    """The application that people and tables are created with."""
    return site.app


@pytest.fixture
def apaches(programs: Callable[..., None]) -> Iterator[Callable[..., Apache]]:
    """Creates Apaches, which are stopped after the test: `apaches()`, `apaches(["127.0.0.1:8001", …])`."""
    programs("apache2", "openssl")
    made: list[Apache] = []

    def make(webs: Sequence[str] = ()) -> Apache:
        made.append(Apache(webs))
        return made[-1]

    yield make
    for apache in made:
        apache.close()

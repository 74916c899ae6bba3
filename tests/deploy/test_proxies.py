"""nginx and HAProxy in the place of Apache, with the configurations that docs/proxies.md prints."""

import re
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support import ROOT, databases
from tests.support.cast import Person, wait_until
from tests.support.deploy.apache import DOMAIN
from tests.support.deploy.site import Site
from tests.support.gunicorn import Gunicorn
from tests.support.visits import Answer, Connection, visit
from waitercaller.local import processes
from waitercaller.model import logins
from waitercaller.model.tables import Table

PATH = "/usr/sbin:/usr/bin"
VISITOR, FORGED = (
    "127.0.0.9",
    {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "http"},
)  # all of 127/8 is this machine
STOP_SECONDS = 5.0
NGINX = """daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{printed}
}}
"""


def printed(language: str) -> str:
    """The configuration in docs/proxies.md."""
    (block,) = re.findall(f"^```{language}\n(.*?)^```$", (ROOT / "docs/proxies.md").read_text("utf-8"), re.M | re.S)
    return str(block)


@pytest.fixture(scope="module")
def web(shared_site: Site) -> Iterator[Gunicorn]:
    """gunicorn as after install.sh --listen --trusted-proxies 127.0.0.1."""
    environ = {**shared_site.environ, "PROXY_COUNT": "0", "TRUSTED_PROXIES": "127.0.0.1"}
    gunicorn = Gunicorn(f"127.0.0.1:{databases.free_port()}", environ, shared_site.folder / "proxied.log", workers=1)
    gunicorn.start()
    yield gunicorn
    gunicorn.stop()


@pytest.fixture(params=["nginx", "haproxy"])
def proxy(
    request: pytest.FixtureRequest, programs: Callable[..., None], web: Gunicorn, site: Site, tmp_path: Path
) -> Iterator[str]:
    """The address of a proxy that speaks https."""
    name, address = request.param, f"127.0.0.1:{databases.free_port()}"
    plain = f"127.0.0.1:{databases.free_port()}"
    programs(name)
    certificate = tmp_path / "both.pem"
    certificate.write_bytes(site.apache.cert.read_bytes() + site.apache.key.read_bytes())
    config = re.sub(r"/etc/\S+\.pem", str(certificate), printed(name)).replace("127.0.0.1:8000", web.bind)
    config = config.replace("listen 80;", f"listen {plain};").replace("bind :80\n", f"bind {plain}\n")
    file = tmp_path / name
    if name == "nginx":
        file.write_text(NGINX.format(folder=tmp_path, printed=config.replace("listen 443", f"listen {address}")))
        command = ["nginx", "-c", str(file), "-p", str(tmp_path)]
    else:
        file.write_text(config.replace("bind :443", f"bind {address}"))
        command = ["haproxy", "-db", "-f", str(file)]
    with (tmp_path / "output").open("wb") as output:
        process = processes.start(command, environ={"PATH": PATH}, output=output)
    wait_until(lambda: process.poll() is not None or answers(address, site.tls))
    assert process.poll() is None, (tmp_path / "output").read_text()
    redirected = visit(plain, "/login?a=b", {"Host": DOMAIN})
    assert (redirected.status, headers_of(redirected)["location"]) == (308, f"https://{DOMAIN}/login?a=b")
    yield address
    processes.stop(process, STOP_SECONDS)


def answers(address: str, tls: ssl.SSLContext) -> bool:
    try:
        return visit(address, "/healthz", tls=tls, name=DOMAIN).status == 200
    except OSError:
        return False


def headers_of(answer: Answer) -> dict[str, str]:
    """By their names in lower case, as HAProxy sends them."""
    return {name.lower(): value for name, value in answer.headers}


def address_of_login(site: Site, person: Person, address: str, tls: ssl.SSLContext | None) -> str:
    """Log in from VISITOR, who forges headers; returns the address that the login is listed under."""
    host = {"Host": DOMAIN, **FORGED}
    page = visit(address, "/login", host, tls=tls, name=DOMAIN, source=VISITOR)
    cookie = headers_of(page)["set-cookie"].partition(";")[0]
    token = re.search(r'name="csrf_token"[^>]*?value="([^"]+)"', page.text)
    assert token
    form = urlencode({"email": person.email, "password": person.password, "csrf_token": token[1]}).encode()
    headers = {**host, "Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    headers["Origin"] = f"https://{DOMAIN}"
    entered = visit(address, "/login", headers, method="POST", body=form, tls=tls, name=DOMAIN, source=VISITOR)
    assert entered.status == 303, entered.text
    with site.app.app_context():
        latest = max(logins.of_person(person.user_id), key=lambda login: login["created_at"])
    return latest["address"]


def test_visitors_keep_their_addresses_and_streams_come_at_once(
    proxy: str, web: Gunicorn, site: Site, alice: Person, table: Table
) -> None:
    assert address_of_login(site, alice, proxy, site.tls) == VISITOR
    with Connection(proxy, site.tls, DOMAIN) as connection:
        stream = connection.ask(f"/t/{table['code']}/live", {"Host": DOMAIN, "Accept-Encoding": "gzip, br"})
        assert stream.status == 200
        assert stream.readline().startswith(b"retry: ")
        stream.readline()
        assert stream.readline() == b"event: state\n"  # before the stream ends: nothing buffers it
    assert visit(proxy, "/metrics", tls=site.tls, name=DOMAIN).status == 403
    headers = headers_of(visit(proxy, "/login", tls=site.tls, name=DOMAIN))
    assert headers["strict-transport-security"] == "max-age=63072000"
    assert headers["cache-control"] == "no-store"


def test_who_comes_past_the_proxy_is_not_believed(web: Gunicorn, site: Site, alice: Person) -> None:
    assert address_of_login(site, alice, web.bind, None) == VISITOR

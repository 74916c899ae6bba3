"""Apache's virtual hosts: exact response headers, request headers passed to gunicorn, TLS, host names, logs."""

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest

from tests.support.cast import Person, wait_until
from tests.support.deploy.apache import DOMAIN, Apache
from tests.support.deploy.site import Site
from tests.support.visits import Answer, visit
from waitercaller.model.tables import Table
from waitercaller.web import security

UNKNOWN_CODE = "A" * 26

SAFE = {
    "content-security-policy": security.CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "referrer-policy": "same-origin",
    "server": "Apache",
    "strict-transport-security": "max-age=63072000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
PAGE = {**SAFE, "cache-control": "no-store", "content-type": "text/html; charset=utf-8", "x-request-id": "…"}
STATIC = {
    **SAFE,
    "accept-ranges": "bytes",
    "cache-control": "public, max-age=31536000, immutable",
    "content-type": "text/css; charset=utf-8",
    "vary": "Accept-Encoding",
}
AWAY = {
    **SAFE,
    "accept-ranges": "bytes",
    "cache-control": "no-store",
    "content-type": "text/html; charset=utf-8",
    "refresh": "5",
    "retry-after": "5",
}
OF_THE_MOMENT = {
    "date",
    "content-length",
    "last-modified",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "set-cookie",
}


def headers(answer: Answer) -> dict[str, str]:
    """All headers except those that vary; fails if one occurs twice."""
    names = [name.lower() for name, _ in answer.headers]
    assert len(names) == len(set(names)), names
    found = {name.lower(): value for name, value in answer.headers if name.lower() not in OF_THE_MOMENT}
    if re.fullmatch(r"[A-Za-z0-9_-]{24,32}", found.get("x-request-id", "")):
        found["x-request-id"] = "…"
    return found


# --- headers --------------------------------------------------------------------------------------------------


def test_a_page_has_exactly_these_headers(site: Site) -> None:
    answer = site.visit("/forgot")
    assert answer.status == 200
    assert headers(answer) == {**PAGE, "vary": "Cookie,Accept-Encoding"}


def test_a_page_that_is_not_there_has_exactly_these_headers(site: Site) -> None:
    answer = site.visit(f"/t/{UNKNOWN_CODE}")
    assert answer.status == 404
    assert headers(answer) == PAGE  # it reads no session


# Another version belongs to the previous or the next release: the file served now may be the wrong one.
@pytest.mark.parametrize(("version", "kept"), [("0", STATIC["cache-control"]), ("3f2a9c01d7be", "no-store")])
def test_a_static_file_comes_from_apache_with_exactly_these_headers(site: Site, version: str, kept: str) -> None:
    answer = site.visit(f"/static/{version}/css/tokens.css")
    assert answer.status == 200
    assert headers(answer) == {**STATIC, "cache-control": kept}
    assert answer.body == (site.apache.folder / "root/static/css/tokens.css").read_bytes()


def test_a_static_file_that_is_not_there_has_exactly_these_headers(site: Site) -> None:
    answer = site.visit("/static/0/css/nowhere.css")
    expected = {**SAFE, "cache-control": "no-store", "content-type": "text/html; charset=iso-8859-1"}
    assert answer.status == 404
    assert headers(answer) == expected


@pytest.mark.parametrize("path", ["/static/0/%2e%2e/config.py", "/static/../config.py", "/static/0/..%2fconfig.py"])
def test_nothing_else_of_the_code_is_served(site: Site, path: str) -> None:
    assert site.visit(path).status in (400, 403, 404)


def test_a_stream_has_exactly_these_headers_and_comes_at_once(site: Site, table: Table) -> None:
    with site.connect() as connection:
        response = connection.ask(f"/t/{table['code']}/live", {"Host": DOMAIN, "Accept-Encoding": "gzip, br"})
        answer = Answer(response.status, response.getheaders(), b"")
        expected = {**PAGE, "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no"}
        assert answer.status == 200
        assert headers(answer) == expected
        assert response.readline().startswith(b"retry: ")
        response.readline()
        assert response.readline() == b"event: state\n"  # before the stream ends: nothing buffers it


def test_text_is_compressed(site: Site) -> None:
    for path in ("/", "/static/0/css/base.css", "/static/0/js/event-stream.js", "/static/0/icons/favicon.svg"):
        assert site.visit(path, {"Accept-Encoding": "gzip"}).header("Content-Encoding") == "gzip", path


def test_without_gunicorn_there_is_a_page_of_our_own_and_with_it_everything_is_as_before(site: Site) -> None:
    site.gunicorn.stop()
    try:
        answer = site.visit("/forgot")
        posted = site.visit("/forgot", method="POST", body=b"")
        stream = site.visit(f"/t/{UNKNOWN_CODE}/live")
        style = site.visit("/.errors/503.css")
    finally:
        site.gunicorn.start()
    assert answer.status == 503
    assert headers(answer) == AWAY
    assert "We are just being restarted" in answer.text
    # A GET reloads itself; a POST must be sent again by the visitor.
    assert posted.status == 503
    assert headers(posted) == {name: AWAY[name] for name in AWAY if name != "refresh"}
    assert stream.status == 503
    assert headers(stream) == AWAY
    assert (style.status, style.header("Content-Type")) == (200, "text/css; charset=utf-8")
    assert site.visit("/forgot").status == 200


# --- http, TLS, other names -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_http_leads_to_https_on_the_same_host(site: Site, method: str) -> None:
    path = "/t/ABC?lang=de&next=%2Fa%2Fb"
    answer = visit(f"127.0.0.1:{site.apache.http}", path, name=DOMAIN, method=method)
    assert (answer.status, answer.header("Location")) == (308, f"https://{DOMAIN}{path}")
    assert answer.header("Strict-Transport-Security") is None  # browsers ignore it over http


def test_what_lets_encrypt_asks_for_is_served_over_http(site: Site) -> None:
    (site.apache.webroot / ".well-known/acme-challenge/abc_-1").write_text("abc.def")
    answer = visit(f"127.0.0.1:{site.apache.http}", "/.well-known/acme-challenge/abc_-1", name=DOMAIN)
    assert (answer.status, answer.text) == (200, "abc.def")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", f"evil.{DOMAIN}", f"{DOMAIN}.evil.example", ""])
def test_another_name_is_refused_on_both_ports(site: Site, host: str) -> None:
    # Also with the right name in the TLS handshake (SNI), and without any.
    places = [
        (site.apache.https, site.tls, DOMAIN),
        (site.apache.https, unverified(), None),
        (site.apache.http, None, None),
    ]
    for port, tls, name in places:
        answer = visit(f"127.0.0.1:{port}", "/login", {"Host": host}, tls=tls, name=name)
        assert (answer.status, answer.text) in [(421, "This name is not served here."), (400, answer.text)], host
        assert "<form" not in answer.text


def test_a_name_in_the_request_line_does_not_reach_the_application_either(site: Site) -> None:
    answer = site.visit("https://evil.example/login")
    assert answer.status == 421


def unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def handshake(site: Site, name: str | None, **settings: object) -> tuple[str | None, str | None]:
    """The negotiated TLS version and ALPN protocol. Raises ssl.SSLError."""
    context = unverified()
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.set_ciphers(str(settings.pop("ciphers", "ALL:@SECLEVEL=0")))
    for key, value in settings.items():
        setattr(context, key, value)
    line = socket.create_connection(("127.0.0.1", site.apache.https), 10)
    with line, context.wrap_socket(line, server_hostname=name) as secured:
        return secured.version(), secured.selected_alpn_protocol()


@pytest.mark.parametrize("name", [DOMAIN, None, "evil.example"])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_tls_and_weak_ciphers_are_refused_and_http_2_is_spoken(site: Site, name: str | None) -> None:
    old, fair, new = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    for version in (ssl.TLSVersion.TLSv1, old):
        with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
            handshake(site, name, minimum_version=version, maximum_version=version)
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        handshake(site, name, maximum_version=fair, ciphers="AES128-SHA:AES256-SHA:ECDHE-ECDSA-AES128-SHA@SECLEVEL=0")
    assert handshake(site, name, maximum_version=fair) == ("TLSv1.2", "h2")
    assert handshake(site, name, minimum_version=new) == ("TLSv1.3", "h2")


# --- request headers ------------------------------------------------------------------------------------------


class Echo:
    """Replaces gunicorn: responds with the request's head as received."""

    def __init__(self, apache: Apache) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(apache.socket))
        apache.socket.chmod(0o666)
        self.socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self.socket.accept()
            except OSError:
                return
            with line:
                head = b""
                while b"\r\n\r\n" not in head and (more := line.recv(65536)):
                    head += more
                head = head.partition(b"\r\n\r\n")[0]
                line.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/x-echo\r\nContent-Length: %d\r\n\r\n" % len(head) + head
                )


@pytest.fixture
def echoed(apaches: Callable[..., Apache]) -> Iterator[Callable[..., tuple[str, dict[str, str]]]]:
    """`echoed(path, headers)`: the request line and the headers that arrive behind Apache."""
    apache: Apache = apaches()
    apache.certify()
    echo = Echo(apache)
    apache.start()

    def arrived(path: str, sent: dict[str, str] | None = None, port: int = 0) -> tuple[str, dict[str, str]]:
        tls = None if port else apache.trust()
        name = "localhost" if port else DOMAIN
        answer = visit(f"127.0.0.1:{port or apache.https}", path, sent, tls=tls, name=name)
        assert answer.status == 200, answer
        first, *lines = answer.text.split("\r\n")
        fields = [line.split(": ", 1) for line in lines]
        assert len({name.lower() for name, _ in fields}) == len(fields), fields
        return first, {name.lower(): value for name, value in fields}

    arrived.apache = apache  # type: ignore[attr-defined]
    yield arrived
    echo.socket.close()


FORGED = {
    "Forwarded": "for=6.6.6.6;host=evil.example;proto=http",
    "X-Forwarded": "for=6.6.6.6",
    "X-Forwarded-By": "6.6.6.6",
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "666",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Protocol": "http",
    "X-Forwarded-Scheme": "http",
    "X-Forwarded-Server": "evil.example",
    "X-Forwarded-Ssl": "off",
    "X-Real-Ip": "6.6.6.6",
    "X-Request-Id": "forged-forged-forged",
}


@pytest.mark.parametrize("path", ["/login", f"/t/{UNKNOWN_CODE}/live"])
def test_what_claims_to_come_from_a_proxy_never_arrives(
    echoed: Callable[..., tuple[str, dict[str, str]]], path: str
) -> None:
    first, arrived = echoed(path, {**FORGED, "Cookie": "a=b"})
    request_id = arrived.pop("x-request-id")
    assert (first, arrived) == (
        f"GET {path} HTTP/1.1",
        {
            "host": DOMAIN,
            "cookie": "a=b",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-host": DOMAIN,
            "x-forwarded-proto": "https",
            "x-forwarded-server": DOMAIN,
            "connection": "close",
        },
    )
    assert re.fullmatch(r"[A-Za-z0-9_-]{8,64}", request_id)  # the format that the application accepts
    assert request_id != FORGED["X-Request-Id"]


def test_behind_other_proxies_their_list_arrives_with_their_address(
    echoed: Callable[..., tuple[str, dict[str, str]]],
) -> None:
    echoed.apache.set(WC_BEHIND_PROXIES="")  # type: ignore[attr-defined]
    echoed.apache.reload()  # type: ignore[attr-defined]
    # A child of before the reload may take one more connection.
    wait_until(lambda: echoed("/login", FORGED)[1]["x-forwarded-for"] == "6.6.6.6, 127.0.0.1")
    _, arrived = echoed("/login", FORGED)
    assert (arrived["x-forwarded-proto"], arrived["x-forwarded-host"]) == ("https", DOMAIN)


@pytest.mark.parametrize("path", ["/.well-known/security.txt", "/robots.txt", "/favicon.ico", "/T/ABC", "/healthz"])
def test_all_that_is_not_a_static_file_reaches_the_application(
    echoed: Callable[..., tuple[str, dict[str, str]]], path: str
) -> None:
    assert echoed(path)[0] == f"GET {path} HTTP/1.1"


def test_metrics_are_for_this_machine_only(echoed: Callable[..., tuple[str, dict[str, str]]], site: Site) -> None:
    for path in ("/metrics", "/metrics/", "/%6detrics", "//metrics", "/./metrics", "/metrics?a=b", "/metrics/x"):
        assert site.visit(path).status == 403, path
        assert visit(f"127.0.0.1:{site.apache.http}", path, name=DOMAIN).status == 308, path
    first, arrived = echoed("/metrics", port=echoed.apache.metrics)  # type: ignore[attr-defined]
    assert (first, arrived["host"]) == ("GET /metrics HTTP/1.1", DOMAIN)
    assert visit(f"127.0.0.1:{site.apache.metrics}", "/login").status == 403


# --- logs -----------------------------------------------------------------------------------------------------


def test_codes_tokens_and_receipts_are_in_no_log(site: Site, table: Table, alice: Person) -> None:
    code, token, receipt = table["code"], "WyJ0b2tlbiIsInRva2VuIl0.abcdef", "WyJyZWNlaXB0Il0.ghijkl"
    paths = [
        f"/t/{code}",
        f"/T/{code}?r={receipt}",
        f"/t/{code}/call",
        f"/reset/{token}",
        f"/confirm/{token}?r={receipt}",
    ]
    paths += [f"/{code}", f"//t/{code}", f"/t/{code}/../{code}", f"/t/{code}/%00", f"/t/{code.lower()}", f"/t//{code}"]
    for path in paths:
        referrer = {"Referer": f"{site.url}/t/{code}?r={receipt}", "Cookie": f"session={token}"}
        for method in ("GET", "POST", "BREW"):
            site.visit(path, referrer, method=method)
            visit(f"127.0.0.1:{site.apache.http}", path, referrer, name=DOMAIN, method=method)
    with site.connect() as connection:  # gunicorn dies during the response: Apache's message about it quotes the URL
        connection.ask(f"/t/{code}/live?r={receipt}", {"Host": DOMAIN, "Referer": f"{site.url}/t/{code}"}).readline()
        site.gunicorn.kill()
        site.visit(f"/t/{code}?r={receipt}")
    site.gunicorn.start()
    logged = {
        name: site.apache.log(name) for name in ("waitercaller-access", "waitercaller-error", "error", "out", "others")
    }
    logged["gunicorn"] = site.gunicorn.log
    for name, text in logged.items():
        for secret in (code, code.lower(), token, receipt, token[:16], receipt[:16]):
            assert secret not in text, (name, next(line for line in text.splitlines() if secret in line))
    assert logged["others"] == ""
    assert "failed to make connection to backend" in logged["waitercaller-error"]


def test_the_access_log_says_what_was_asked_for_and_under_which_id(site: Site, table: Table) -> None:
    answer = site.visit(f"/t/{table['code']}", {"X-Request-Id": "forged-forged"})
    request_id = answer.header("X-Request-Id")
    wait_until(lambda: str(request_id) in site.apache.log("waitercaller-access"))
    lines = site.apache.log("waitercaller-access").splitlines()
    entry = next(line for line in lines if line.endswith(f" {request_id} -"))
    assert re.fullmatch(r"\S+T\S+ 127\.0\.0\.1 GET /t/\* 200 \d+B \d+ms HTTP/1\.1 \S+ -", entry), entry


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/", "/"),
        ("/login?next=%2Fr%2Fsecret", "/login"),
        ("/reset/abc", "/reset"),
        ("/t/abc/call", "/t/*/call"),
        ("/r/0123456789abcdef01234567/requests/0123456789abcdef01234567/accept", "/r/*/requests"),
        ("/static/0/css/tokens.css", "/static"),
        ("/.well-known/security.txt", "/.well-known"),
        ("/ABC", "other"),
        ("/abcdefghijklmnopqrstuvwxyz", "other"),
    ],
)
def test_of_an_address_its_kind_is_logged(site: Site, path: str, logged: str) -> None:
    before = len(site.apache.log("waitercaller-access").splitlines())
    site.visit(path)
    wait_until(lambda: len(site.apache.log("waitercaller-access").splitlines()) > before)
    assert site.apache.log("waitercaller-access").splitlines()[before].split()[3] == logged


def test_a_form_that_was_sent_arrives(site: Site) -> None:
    body = urlencode({"email": "alice@example.org"}).encode()
    assert (
        site.visit("/forgot", {"Content-Type": "application/x-www-form-urlencoded"}, method="POST", body=body).status
        == 400
    )
    assert site.visit("/forgot", {"Content-Type": "text/plain"}, method="POST", body=b"x" * 1_100_000).status == 413

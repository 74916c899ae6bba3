"""Certificates from an ACME server: the first one, renewal under load, failures, expiry warnings."""

import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.cast import wait_until
from tests.support.deploy.acme import Acme
from tests.support.deploy.apache import DOMAIN, Apache, certify
from tests.support.deploy.load import load
from tests.support.visits import visit

STATIC = "/static/0/css/tokens.css"


@pytest.fixture
def apache(apaches: Callable[..., Apache]) -> Apache:
    """Apache as install.sh first starts it, without a certificate."""
    apache: Apache = apaches()
    return apache


@pytest.fixture
def acme(programs: Callable[..., None], apache: Apache) -> Iterator[Acme]:
    programs("certbot", "pebble", "pebble-challtestsrv", "openssl")
    acme = Acme(apache)
    apache.set(WC_CERT=acme.live / "fullchain.pem", WC_KEY=acme.live / "privkey.pem")
    apache.start()
    acme.start()
    yield acme
    acme.stop()


@pytest.fixture
def certified(acme: Acme) -> Acme:
    """With the first certificate in use."""
    result = acme.first_certificate()
    assert result.returncode == 0, result.stdout + result.stderr
    return acme


def serial(apache: Apache, tls: ssl.SSLContext) -> str:
    """The serial number of the certificate that Apache serves; `tls` must trust it for DOMAIN."""
    line = socket.create_connection(("127.0.0.1", apache.https), 10)
    with tls.wrap_socket(line, server_hostname=DOMAIN) as secured:
        return str((secured.getpeercert() or {})["serialNumber"])


def test_the_first_certificate_comes_through_our_vhost_and_is_used_at_once(acme: Acme, apache: Apache) -> None:
    assert visit(f"127.0.0.1:{apache.http}", "/", name=DOMAIN).status == 308
    result = acme.first_certificate()
    assert result.returncode == 0, result.stdout + result.stderr
    tls = acme.trust()
    wait_until(lambda: apache.generations == 2)
    answer = visit(f"127.0.0.1:{apache.https}", STATIC, tls=tls, name=DOMAIN)
    assert answer.status == 200
    assert "id-ecPublicKey" in openssl("x509", "-in", str(acme.live / "fullchain.pem"), "-noout", "-text")
    assert acme.mails == ""


def test_a_forced_renewal_under_load_loses_no_request(certified: Acme, apache: Apache) -> None:
    tls = certified.trust()
    wait_until(lambda: apache.generations == 2)
    before = serial(apache, tls)

    def ask() -> int:
        return visit(f"127.0.0.1:{apache.https}", STATIC, tls=tls, name=DOMAIN).status

    with load(ask) as asked:
        wait_until(lambda: asked.total > 50)
        result = certified.renew("--force-renewal")
        assert result.returncode == 0, result.stdout + result.stderr
        wait_until(lambda: apache.generations == 3)
        until = asked.total + 200
        wait_until(lambda: asked.total > until)
    assert asked.lost == 0, asked.answered
    assert serial(apache, tls) != before
    assert certified.mails == ""


def test_a_failed_validation_keeps_the_old_certificate(certified: Acme, apache: Apache) -> None:
    tls = certified.trust()
    wait_until(lambda: apache.generations == 2)
    before = serial(apache, tls)
    certified.point_domain_to("127.0.0.66")  # nobody listens there
    result = certified.renew("--force-renewal")
    assert result.returncode == 1
    assert "Timeout" in result.stdout + result.stderr or "refused" in result.stdout + result.stderr
    assert (serial(apache, tls), apache.generations) == (before, 2)
    certified.point_domain_to("127.0.0.1")
    assert certified.renew("--force-renewal").returncode == 0
    wait_until(lambda: apache.generations == 3)
    assert serial(apache, tls) != before


def test_a_new_certificate_that_apache_cannot_take_up_is_reported(certified: Acme, apache: Apache) -> None:
    tls = certified.trust()
    wait_until(lambda: apache.generations == 2)
    before = serial(apache, tls)
    with (apache.folder / "apache.conf").open("a") as file:
        file.write("Nonsense here\n")
    certified.renew("--force-renewal")
    assert "Subject: The new certificate is not in use" in certified.mails
    assert "Invalid command 'Nonsense'" in certified.mails
    assert (serial(apache, tls), apache.generations) == (before, 2)


def test_a_pair_that_does_not_fit_never_reaches_apache(certified: Acme, apache: Apache, tmp_path: Path) -> None:
    wait_until(lambda: apache.generations == 2)
    certify(tmp_path / "other.pem", tmp_path / "other.key", DOMAIN, 90)
    (certified.live / "privkey.pem").resolve().write_bytes((tmp_path / "other.key").read_bytes())
    result = certified.run([str(certified.hooks / "deployed.sh")], RENEWED_LINEAGE=str(certified.live))
    assert result.returncode == 1
    assert "do not belong together" in certified.mails
    assert apache.generations == 2


def test_it_is_renewed_when_a_third_of_its_lifetime_is_left(certified: Acme, apache: Apache) -> None:
    def lifetime(days: int) -> str:
        """Put a new certificate of this lifetime into certbot's folder, and run the deploy hook."""
        cert, key = ((certified.live / name).resolve() for name in ("cert.pem", "privkey.pem"))
        certify(cert, key, DOMAIN, days)
        (certified.live / "fullchain.pem").resolve().write_bytes(cert.read_bytes())
        certified.run([str(certified.hooks / "deployed.sh")], RENEWED_LINEAGE=str(certified.live))
        settings = (certified.folder / "certbot/renewal" / f"{DOMAIN}.conf").read_text()
        assert settings.count("renew_before_expiry") == 1
        return settings.partition("renew_before_expiry = ")[2].partition("\n")[0]

    assert lifetime(90) == "720 hours"
    assert lifetime(64) == "512 hours"
    assert lifetime(6) == "48 hours"
    assert "not yet due" in certified.renew().stdout.replace(
        "\n", " "
    )  # by certbot's default of 30 days it would be due
    assert certified.mails == ""


@pytest.mark.parametrize(("days", "warned"), [(13, True), (15, False)])
def test_the_watch_warns_when_fewer_than_14_days_are_left(
    apaches: Callable[..., Apache], days: int, warned: bool
) -> None:
    apache = apaches()
    apache.certify(days=days)
    apache.start()
    mails = watch(apache)
    assert ("Subject: The certificate of call.waitercaller.test needs you" in mails) == warned
    assert ("ends on" in mails) == warned


def test_the_watch_warns_when_nobody_shows_a_certificate(apaches: Callable[..., Apache]) -> None:
    apache = apaches()
    apache.start()  # without a certificate
    assert "Nobody answered" in watch(apache)


def watch(apache: Apache) -> str:
    """Run watch.sh as the timer does; returns what it mailed."""
    acme = Acme(apache)
    assert acme.run([str(acme.hooks / "watch.sh"), DOMAIN, f"127.0.0.1:{apache.https}"]).returncode == 0
    return acme.mails


def openssl(*arguments: str) -> str:
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True).stdout

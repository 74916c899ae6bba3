"""Encryption and signature of push messages by the examples of RFC 8291 and 8292, and the allowed push services."""

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag

from config import PUSH_SERVICES
from tests.support.push.service import Phone, b64, signed_claims, unb64, verified
from waitercaller.outgoing import delivery
from waitercaller.push import encryption

# RFC 8291, appendix A.
TEXT = b"When I grow up, I want to be a watermelon"
P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
SEALED = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
    "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_the_example_of_rfc_8291_is_sealed_byte_by_byte() -> None:
    sealed = encryption.seal(TEXT, P256DH, AUTH, encryption._private(SENDER), unb64(SALT))
    assert b64(sealed) == SEALED


def test_only_the_browser_itself_can_read_a_message_and_no_two_are_alike() -> None:
    phone, other = Phone(""), Phone("")
    keys = phone.form["p256dh"], phone.form["auth"]
    first, second = encryption.seal(TEXT, *keys), encryption.seal(TEXT, *keys)
    assert phone.open(first) == phone.open(second) == TEXT
    assert first[:86] != second[:86]
    assert TEXT not in first
    with pytest.raises(InvalidTag):
        other.open(first)


def test_a_push_service_can_check_who_sends() -> None:
    private = encryption.new_private_key()
    header = encryption.authorization("https://push.example.org/send/abc?d=1", private, "mailto:ops@example.org")
    assert (
        verified(header, encryption.public_key(private), "https://push.example.org")["sub"] == "mailto:ops@example.org"
    )
    token, _, rest = header.partition(".")
    with pytest.raises(InvalidSignature):
        verified(f"{token}.{b64(b'{}')}.{rest.partition('.')[2]}", encryption.public_key(private), "")


def test_the_example_of_rfc_8292_is_understood_by_what_checks_here() -> None:
    token = (
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1"
        "YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjj"
        "vW2L9OkSSHzvoD1oA"
    )
    key = "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs"
    claims = signed_claims(f"vapid t={token},k={key}", key)
    assert claims == {"aud": "https://push.example.net", "exp": 1453523768, "sub": "mailto:push@example.com"}


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [
        (P256DH, AUTH + "AA"),
        (P256DH, ""),
        (P256DH[:-4], AUTH),
        ("BA" + P256DH[2:], AUTH),  # not a point of the curve
        ("", AUTH),
        ("ü" * 87, AUTH),
        (P256DH, "*" * 22),
    ],
)
def test_what_cannot_be_a_browsers_keys_is_refused(p256dh: str, auth: str) -> None:
    assert not encryption.are_keys(p256dh, auth)
    assert encryption.are_keys(P256DH, AUTH)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/abc:def",
        "https://fcm.googleapis.com:443/fcm/send/abc",
        "https://updates.push.services.mozilla.com/wpush/v2/abc",
        "https://web.push.apple.com/QABC",
        "https://db5p.notify.windows.com/w/?token=abc%2bd",
    ],
)
def test_the_push_services_of_browsers_are_allowed(endpoint: str) -> None:
    assert delivery.is_allowed(endpoint, PUSH_SERVICES)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/fcm/send/abc",
        "https://fcm.googleapis.com.evil.example/abc",
        "https://evil.example/fcm.googleapis.com",
        "https://evil.example?.push.apple.com",
        "https://evil.example#.push.apple.com",
        "https://evil.example\\.push.apple.com/",
        "https://push.apple.com/abc",
        "https://.push.apple.com/abc",
        "https://web..push.apple.com/abc",
        "https://" + "a" * 64 + ".push.apple.com/abc",
        "https://fcm.googleapis.com@127.0.0.1/",
        "https://127.0.0.1@fcm.googleapis.com/",
        "https://fcm.googleapis.com:8443/abc",
        "https://fcm.googleapis.com:0/abc",
        "https://fcm.googleapis.com:99999/abc",
        "https://fcm.googleapis.com/a b",
        "https://fcm.googleapis.com/a\r\nHost: evil.example",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::1",
        "https://169.254.169.254/latest/meta-data/",
        "https://localhost/",
        "file:///etc/passwd",
        "//fcm.googleapis.com/abc",
        "https://fcm.googleapis.com/" + "a" * 1000,
        "https://ｆcm.googleapis.com/abc",
        "",
    ],
)
def test_any_other_address_is_not(endpoint: str) -> None:
    assert not delivery.is_allowed(endpoint, PUSH_SERVICES)


def test_a_service_of_ones_own_is_named_with_its_port() -> None:
    assert delivery.is_allowed("https://push.example.org:8443/a", ("push.example.org:8443",))
    assert not delivery.is_allowed("https://push.example.org/a", ("push.example.org:8443",))
    assert not delivery.is_allowed("https://push.example.org:8444/a", ("push.example.org:8443",))

"""Which addresses are of the internet, and which may be sent to at all."""

from waitercaller.outgoing import delivery

INSIDE = [
    *("127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.1.9", "172.16.0.1", "100.64.0.1", "224.0.0.1", "0.0.0.0"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "ff02::1", "2001:db8::1"),
    *("::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"),  # IPv4 addresses inside
]
OF_THE_INTERNET = ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822", "::ffff:93.184.216.34"]


def test_addresses_that_only_this_machine_or_its_network_reaches_are_not_public() -> None:
    assert [each for each in [*INSIDE, *OF_THE_INTERNET] if delivery.is_public(each)] == OF_THE_INTERNET


def test_every_host_means_https_all_the_same() -> None:
    assert delivery.is_allowed("https://hooks.example.org:8443/a?b=c", ("*",))
    refused = ["http://a.org/", "https://a:b@a.org/", "https://a.org/#b", "ftp://a.org", "a.org", "https://a b.org", ""]
    assert [each for each in refused if delivery.is_allowed(each, ("*",))] == []

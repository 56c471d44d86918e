"""Hostile URLs and addresses. No name is looked up on a network here."""

import socket
from ipaddress import ip_address

import pytest

from models.errors import ReferenceFetchFailed, ReferenceNotFound, ReferenceUrlRefused
from worker.net.guard import Address, CheckedUrl, check_url, is_public, look_up, resolve

STORE = "127.0.0.1:9000"

REFUSED_URLS = [
    "",
    "images.example.com/a.png",
    "//images.example.com/a.png",
    "http://images.example.com/a.png",
    "http://127.0.0.1/a.png",
    "http://127.0.0.1:9001/a.png",
    "http://localhost:9000/a.png",
    "http://2130706433:9000/a.png",
    "file:///etc/passwd",
    "file://images.example.com/etc/passwd",
    "ftp://images.example.com/a.png",
    "gopher://images.example.com/_a",
    "data:image/png;base64,AAAA",
    "javascript:alert(1)",
    "s3://bucket/a.png",
    "https:images.example.com/a.png",
    "https:/images.example.com/a.png",
    "https://",
    "https:///a.png",
    "https://:443/a.png",
    "https://.../a.png",
    "https://user@images.example.com/a.png",
    "https://user:sesame@images.example.com/a.png",
    "https://images.example.com@10.0.0.1/a.png",
    "https://@images.example.com/a.png",
    "https://images.example.com\\@10.0.0.1/a.png",
    "https:\\\\images.example.com/a.png",
    "https://images.example.com/a\\b.png",
    " https://images.example.com/a.png",
    "https://images.example.com/a.png ",
    "https://images.example.com/a b.png",
    "https://images.example.com/a\r\nHost: evil",
    "https://images.example.com/a\tb",
    "https://images.example.com/\0",
    "https://images.example.com/\u2028",
    "https://images.example.com/é.png",
    "https://images.example.com/?é",
    "https://images.exam\u00adple.com/a.png",
    "https://images.example.com/" + "a" * 8166,
    "https://images.example.com:0/a.png",
    "https://images.example.com:65536/a.png",
    "https://images.example.com:-1/a.png",
    "https://images.example.com:443x/a.png",
    "https://images.example.com:https/a.png",
    "https://localhost/a.png",
    "https://minio:9000/a.png",
    "https://2130706433/a.png",
    "https://0x7f000001/a.png",
    "https://0x7f.1/a.png",
    "https://017700000001/a.png",
    "https://127.1/a.png",
    "https://0177.0.0.1/a.png",
    "https://127.0.0.0x1/a.png",
    "https://1.2.3.4.5/a.png",
    "https://256.0.0.1/a.png",
    "https://example.0x/a.png",
    "https://[::1/a.png",
    "https://[::1]x/a.png",
    "https://[fe80::1%25eth0]/a.png",
    "https://[fe80::1%eth0]/a.png",
    "https://[v1.fe80::a]/a.png",
    "https://[images.example.com]/a.png",
    "https://2606:2800:220:1::1/a.png",
    "https://exa%6dple.com/a.png",
    "https://exa_mple..com/a.png",
    "https://-example.com/a.png",
    "https://example.com;evil/a.png",
    "https://" + "a" * 64 + ".example.com/a.png",
    "https://" + "a." * 130 + "com/a.png",
    "https://fa\u00df.example.com/a.png",
    "https://a\u200db.example.com/a.png",
    "https://\uff11\uff12\uff17.1/a.png",
    "https://evil.example\u2100.com/a.png",
]


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_hostile_urls_are_refused(url: str) -> None:
    with pytest.raises(ReferenceUrlRefused) as caught:
        check_url(url, STORE)

    assert caught.value.message.endswith(".")
    assert "sesame" not in caught.value.message


LONGEST = "https://images.example.com/" + "a" * (8192 - 27)
GOOD_URLS = [
    ("https://images.example.com", CheckedUrl("https", "images.example.com", 443, "/")),
    (
        "HTTPS://Images.Example.COM.:443/A/b.png?X=1&y=%2F#top",
        CheckedUrl("https", "images.example.com", 443, "/A/b.png?X=1&y=%2F"),
    ),
    (
        LONGEST,
        CheckedUrl("https", "images.example.com", 443, LONGEST.removeprefix("https://images.example.com")),
    ),
    ("https://images.example.com:8443?x", CheckedUrl("https", "images.example.com", 8443, "/?x")),
    ("https://images.example.com:/a", CheckedUrl("https", "images.example.com", 443, "/a")),
    ("https://b\u00fccher.example/a", CheckedUrl("https", "xn--bcher-kva.example", 443, "/a")),
    ("https://93.184.216.34/a", CheckedUrl("https", "93.184.216.34", 443, "/a")),
    ("https://[2606:2800:220:1::1]:8443/a", CheckedUrl("https", "2606:2800:220:1::1", 8443, "/a")),
    # Judged by its address, later.
    ("https://127.0.0.1/a", CheckedUrl("https", "127.0.0.1", 443, "/a")),
    ("https://\uff11\uff12\uff17.0.0.1/a", CheckedUrl("https", "127.0.0.1", 443, "/a")),
    ("http://127.0.0.1:9000/b/a?x", CheckedUrl("http", "127.0.0.1", 9000, "/b/a?x", is_own_store=True)),
    ("https://127.0.0.1:9000/a", CheckedUrl("https", "127.0.0.1", 9000, "/a")),
]


@pytest.mark.parametrize(("url", "expected"), GOOD_URLS)
def test_good_urls_come_apart(url: str, expected: CheckedUrl) -> None:
    assert check_url(url, STORE) == expected
    assert check_url(expected.text, STORE) == expected


def test_plain_http_needs_the_setting() -> None:
    with pytest.raises(ReferenceUrlRefused):
        check_url("http://127.0.0.1:9000/a", None)

    assert check_url("http://minio:9000/a", "MinIO:9000").is_own_store
    assert check_url("http://store.local/a", "store.local:80").authority == "store.local"
    assert check_url("http://[::1]:9000/a", "[::1]:9000").authority == "[::1]:9000"


def test_a_checked_url_does_not_print_its_query() -> None:
    checked = check_url("https://images.example.com/a?signature=sesame")

    assert "sesame" not in repr(checked)
    assert "sesame" in checked.text


PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::5db8:d822",
    "100::1",
    "2001:0:5db8:d822::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:5db8:d822::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:2800:220:1::1%eth0",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["93.184.216.34", "1.1.1.1", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"]


@pytest.mark.parametrize("text", PRIVATE)
def test_private_addresses_are_refused_also_among_public_ones(text: str) -> None:
    address = ip_address(text)
    answers = (ip_address(PUBLIC[0]), address)

    assert not is_public(address)
    with pytest.raises(ReferenceUrlRefused) as caught:
        resolve("images.example.com", 443, lambda host, port: answers)
    assert text not in caught.value.message


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_let_through(text: str) -> None:
    assert is_public(ip_address(text))
    assert resolve("images.example.com", 443, lambda host, port: (ip_address(text),))


def test_a_mapped_address_is_connected_to_as_ipv4() -> None:
    found = resolve("images.example.com", 443, lambda host, port: (ip_address("::ffff:1.1.1.1"),))

    assert found == (ip_address("1.1.1.1"),)


def test_no_answer_is_refused() -> None:
    nothing: tuple[Address, ...] = ()

    with pytest.raises(ReferenceUrlRefused):
        resolve("images.example.com", 443, lambda host, port: nothing)


def test_addresses_in_urls_are_judged_as_well() -> None:
    with pytest.raises(ReferenceUrlRefused):
        resolve("127.0.0.1", 443)


@pytest.mark.parametrize(
    ("number", "kind"),
    [(socket.EAI_NONAME, ReferenceNotFound), (socket.EAI_AGAIN, ReferenceFetchFailed)],
)
def test_a_resolver_that_fails(
    monkeypatch: pytest.MonkeyPatch, number: int, kind: type[ReferenceNotFound | ReferenceFetchFailed]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(number, "no")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    with pytest.raises(kind):
        look_up("images.example.com", 443)

"""Who a URL's receiver is."""

import pytest

from worker.webhooks.receivers import receiver_of


@pytest.mark.parametrize(
    ("url", "receiver"),
    [
        ("https://a.example/hook", "a.example"),
        ("https://x.y.a.example:8443/hook?z", "a.example"),
        ("https://USER:pw@X.Example.co.uk./", "example.co.uk"),
        ("https://one.github.io/", "one.github.io"),
        ("https://two.github.io/", "two.github.io"),
        ("https://github.io/", "github.io"),
        ("https://localhost:1/", "localhost"),
        ("https://b\u00fccher.example/", "xn--bcher-kva.example"),
        ("https://192.0.2.7:99/", "192.0.2.7"),
        ("https://[2001:db8::1]:99/", "2001:db8::/64"),
        ("https://[2001:db8::ffff:2]/", "2001:db8::/64"),
        ("https://[oops/", ""),
        ("https:///", ""),
    ],
)
def test_what_one_owner_can_name_is_one_receiver(url: str, receiver: str) -> None:
    assert receiver_of(url) == receiver

"""Where webhooks may go, and how their messages are signed."""

import asyncio
import json
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest

from contracts.notifications import NotificationKind
from notifications_svc.channel import Later
from notifications_svc.repository import Due
from notifications_svc.webhook_sender import body, signature
from notifications_svc.webhook_urls import is_public, place, resolve

PRIVATE = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104  # an address to refuse
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b:1::a00:1",
    "::10.0.0.1",
    "::ffff:0:10.0.0.1",
    "fec0::1",
    "192.0.0.8",
    "2002:a00:1::1",
    "2001:0:a00:1::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_others_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/",
        "https://localhost/",
        "https://LOCALHOST/",
        "https://10.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://user:password@shop.example/",
        "https://shop.example/#part",
        "https://shop.example:0/",
        "https://shop.example:99999/",
        "https:///path",
        "https://[::1/",
        "ftp://shop.example/",
    ],
)
def test_a_url_that_must_not_be_used_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(must|is)"):
        place(url, private=False)


def test_private_addresses_and_http_are_a_choice() -> None:
    assert ("http", "127.0.0.1", 8000, "/a?b=c") == place_of("http://127.0.0.1:8000/a?b=c", private=True)
    assert ("https", "shop.example", 443, "/") == place_of("https://shop.example", private=False)


def place_of(url: str, *, private: bool) -> tuple[str, str, int, str]:
    found = place(url, private=private)
    return found.scheme, found.host, found.port, found.path


@pytest.mark.parametrize("host", ["2130706433", "127.1", "0x7f000001", "localhost."])
def test_other_spellings_of_this_machine_are_found_when_they_are_resolved(host: str) -> None:
    with pytest.raises(Later):
        asyncio.run(resolve(place(f"https://{host}/", private=False), private=False))


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The example of the specification's reference libraries."""
    headers = signature(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    )

    assert {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    } == headers


def test_a_message_says_what_happened() -> None:
    at = datetime(2026, 11, 30, 18, tzinfo=UTC)
    due = Due("0" * 32, "u1", NotificationKind.ORDER_DELIVERED, {"order_id": 7, "user_id": "u1"}, at, 0)

    assert {
        "type": "order_delivered",
        "timestamp": "2026-11-30T18:00:00+00:00",
        "data": {"subject": "Your order 7 has arrived", "order_id": 7, "user_id": "u1"},
    } == json.loads(body(due))

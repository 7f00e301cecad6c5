"""The texts of notifications."""

from contracts.notifications import NotificationKind as Kind
from mesh.events.cloud_event import CloudEvent
from notifications_svc.events import notification_id
from notifications_svc.kinds import KINDS, TokenMail
from notifications_svc.messages import Templates, subject

EVENT = CloudEvent(
    "0b6e3c6e-2f0a-4d0e-9d52-7c1f5f6f9a01", "orders.placed", "/orders", "1", "2026-11-30T18:00:00.123456Z"
)
LINE = {"product_id": 1, "product_name": "<b>Chai</b> & Chang", "quantity": 2, "amount": "36.00"}


def test_every_kind_has_a_subject() -> None:
    assert all(subject(kind, 7) for kind in KINDS)


def test_html_is_escaped_and_plain_text_is_not() -> None:
    texts = Templates().render(Kind.ORDER_PLACED, {"order_id": 7, "lines": [LINE], "total": "36.00"})

    assert "2 x <b>Chai</b> & Chang: 36.00" in texts.plain
    assert "&lt;b&gt;Chai&lt;/b&gt; &amp; Chang" in texts.html
    assert "<b>" not in texts.html


def test_a_mail_with_a_token_has_a_link_if_there_is_a_page_for_it() -> None:
    templates = Templates()
    for kind in TokenMail:
        bare = templates.render(kind, {"token": "t0ken", "link": None})
        linked = templates.render(kind, {"token": "t0ken", "link": "https://shop.example/x#token=t0ken"})
        assert "t0ken" in bare.plain
        assert "<code>t0ken</code>" in bare.html
        assert "https://shop.example/x#token=t0ken" in linked.plain
        assert 'href="https://shop.example/x#token=t0ken"' in linked.html


def test_the_id_follows_from_the_event_and_the_recipient() -> None:
    first = notification_id(EVENT, "a")

    assert first == notification_id(EVENT, "a")
    assert first != notification_id(EVENT, "b")
    assert first != notification_id(EVENT._replace(id="0b6e3c6e-2f0a-4d0e-9d52-7c1f5f6f9a02"), "a")


def test_ids_sort_by_the_time_of_the_event() -> None:
    later = EVENT._replace(time="2026-11-30T20:00:00.124+01:00")

    assert notification_id(EVENT, "a") < notification_id(later, "a")


def test_an_event_without_a_usable_time_has_an_id_too() -> None:
    for time in ("", "yesterday", "1960-01-01T00:00:00Z", "2026-11-30T18:00:00"):
        assert 32 == len(notification_id(EVENT._replace(time=time), "a"))

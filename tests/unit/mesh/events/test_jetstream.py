import pytest

from mesh.core.errors import BadReply, Code, Conflict, Invalid, NoResponder, NotStored, RemoteFault
from mesh.events.dead_letter import dead_headers
from mesh.events.jetstream import Delivery, delivery, nak, publish, pull_request
from mesh.events.retries import Failure, Retries, failure
from mesh.transport.base import Message
from mesh.transport.memory import MemoryBroker, MemoryTransport

FIRST = Delivery("EVENTS", "stock", 1, 7, 3)


def delivered(reply: str, subject: str = "events.sample.happened", **headers: str) -> Message:
    return Message(subject, b"{}", {name.replace("_", "-"): value for name, value in headers.items()}, reply)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("$JS.ACK.EVENTS.stock.1.7.5.1700000000000000000.3", FIRST),
        ("$JS.ACK.hub.ACCOUNT.EVENTS.stock.1.7.5.1700000000000000000.3", FIRST),
        ("$JS.ACK.hub.ACCOUNT.EVENTS.stock.1.7.5.1700000000000000000.3.token", FIRST),
        ("$JS.ACK.EVENTS.stock.1.7.5.1700000000000000000", None),
        ("$JS.ACK.EVENTS.stock.one.7.5.1700000000000000000.3", None),
        ("$JS.ACK.EVENTS.stock.-1.7.5.1700000000000000000.3", None),
        ("$JS.ACK.EVENTS.stock.1.7.5.1700000000000000000." + "9" * 5000, None),
        ("_INBOX_stock.1", None),
        ("", None),
    ],
)
def test_a_delivery_is_read_from_the_subject_of_its_acknowledgement(reply: str, expected: Delivery | None) -> None:
    assert expected == delivery(delivered(reply))


def test_times_are_told_in_nanoseconds() -> None:
    assert b'{"batch":5,"expires":30000000000,"idle_heartbeat":5000000000}' == pull_request(5, 30, 5)
    assert (b'-NAK {"delay": 1500000000}', b"-NAK") == (nak(1.5), nak(0))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b'{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"}}', NotStored),
        (b'{"error":{}}', NotStored),
        (b'{"stream":"EVENTS"}', BadReply),
        (b"+OK", BadReply),
        (b"[" * 20_000, BadReply),
    ],
)
async def test_only_an_acknowledgement_counts_as_stored(answer: bytes, error: type[Exception]) -> None:
    broker = MemoryBroker()
    stream = MemoryTransport(broker)

    def reply(message: Message) -> None:
        broker.route(Message(message.reply, answer))

    await stream.subscribe("events.>", reply)
    with pytest.raises(error):
        await publish(MemoryTransport(broker), "events.sample.happened", b"{}", {})


async def test_a_subject_without_a_stream_has_no_responder() -> None:
    with pytest.raises(NoResponder):
        await publish(MemoryTransport(MemoryBroker()), "events.sample.happened", b"{}", {})


def test_a_dead_letter_has_the_original_headers_and_the_reason() -> None:
    message = delivered(
        "", ce_id="e1", ce_type="sample.happened", Nats_Msg_Id="e1", Nats_Expected_Stream="X", Other="1"
    )
    headers = dead_headers("stock", message, FIRST, "internal", "first\r\nsecond Å")

    assert {
        "ce-id": "e1",
        "ce-type": "sample.happened",
        "Other": "1",
        "Dead-Reason": "internal",
        "Dead-Detail": "first??second ?",
        "Dead-Attempts": "1",
        "Dead-Subject": "events.sample.happened",
        "Dead-Sequence": "7",
        "Nats-Msg-Id": "stock:e1",
    } == headers


def test_each_ordered_retry_has_a_dead_letter_of_its_own() -> None:
    retried = dead_headers("stock", delivered("", "retry.stock", ce_id="e1", Dead_Reason="old"), FIRST, "new", "")
    assert ("stock:e1:7", "new") == (retried["Nats-Msg-Id"], retried["Dead-Reason"])


def test_a_message_without_an_id_is_known_by_its_place() -> None:
    assert "stock::7" == dead_headers("stock", delivered(""), FIRST, "no_cloud_event", "")["Nats-Msg-Id"]


def test_pauses_grow_to_a_bound() -> None:
    rule = Retries(first=0.1, growth=3, longest=120)
    pauses = [rule.pause(attempt) for attempt in (1, 2, 5, 8, 1000)]

    for expected, actual in zip([0.1, 0.3, 8.1, 120, 120], pauses, strict=True):
        assert expected <= actual <= expected * 1.2


def test_an_outage_has_more_tries_than_a_failure() -> None:
    rule = Retries(tries=8, most=40)
    failed, outage = Failure("internal", ""), Failure("database_unavailable", "", outage=True)

    assert [False, True, False, True] == [
        rule.is_last(7, failed),
        rule.is_last(8, failed),
        rule.is_last(39, outage),
        rule.is_last(40, outage),
    ]


def test_an_invalid_argument_is_final_whoever_refuses_it() -> None:
    rule = Retries(tries=8)
    refusals = (Invalid("wrong", ""), RemoteFault(Code.INVALID_ARGUMENT, "wrong", ""))
    others = (Conflict("wrong", ""), RemoteFault(Code.CONFLICT, "wrong", ""), ValueError())

    assert [True, True] == [rule.is_last(1, failure(error, "sample")) for error in refusals]
    assert [False] * 3 == [rule.is_last(1, failure(error, "sample")) for error in others]

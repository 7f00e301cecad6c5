import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from mesh.client.circuit_breaker import CircuitBreaker, Ticket


@pytest.fixture
def breaker() -> CircuitBreaker:
    return CircuitBreaker("sample", timeouts=3, rest=1.0)


def call(breaker: CircuitBreaker, now: float, *, timed_out: bool | None) -> None:
    ticket = breaker.admit(now)
    assert ticket is not None
    breaker.settle(ticket, now, timed_out=timed_out)


def trip(breaker: CircuitBreaker, now: float = 0) -> None:
    for _ in range(3):
        call(breaker, now, timed_out=True)
    assert not breaker.closed


def test_timeouts_in_a_row_open_it(breaker: CircuitBreaker) -> None:
    trip(breaker)
    assert breaker.admit(0.9) is None


def test_an_answer_in_between_keeps_it_closed(breaker: CircuitBreaker) -> None:
    for _ in range(5):
        call(breaker, 0, timed_out=True)
        call(breaker, 0, timed_out=True)
        call(breaker, 0, timed_out=False)
    assert breaker.closed


def test_a_service_that_answers_others_is_not_given_up(breaker: CircuitBreaker) -> None:
    calls = [breaker.admit(0) for _ in range(5)]
    call(breaker, 1, timed_out=False)
    for ticket in calls:
        assert ticket is not None
        breaker.settle(ticket, 5, timed_out=True)
    assert breaker.closed


def test_a_call_that_tells_nothing_is_neither(breaker: CircuitBreaker) -> None:
    for timed_out in (True, None, True, None, True):
        call(breaker, 0, timed_out=timed_out)
    assert not breaker.closed


def test_after_its_rest_one_probe_goes_through_at_a_time(breaker: CircuitBreaker) -> None:
    trip(breaker)
    assert breaker.admit(1.0) is not None
    assert breaker.admit(1.0) is None
    assert breaker.admit(99.0) is None


def test_an_answer_to_the_probe_closes_it(breaker: CircuitBreaker) -> None:
    trip(breaker)
    call(breaker, 1.0, timed_out=False)
    assert breaker.closed
    call(breaker, 1.0, timed_out=True)
    assert breaker.closed


def test_a_probe_that_times_out_opens_it_anew(breaker: CircuitBreaker) -> None:
    trip(breaker)
    call(breaker, 1.0, timed_out=True)
    assert breaker.admit(1.9) is None
    assert breaker.admit(2.0) is not None


def test_a_cancelled_probe_makes_room_for_the_next(breaker: CircuitBreaker) -> None:
    trip(breaker)
    call(breaker, 1.0, timed_out=None)
    assert not breaker.closed
    call(breaker, 1.0, timed_out=False)
    assert breaker.closed


def test_calls_from_before_it_opened_have_no_say(breaker: CircuitBreaker) -> None:
    late, later = breaker.admit(0), breaker.admit(0)
    assert late is not None
    assert later is not None
    trip(breaker)
    breaker.settle(late, 0.5, timed_out=False)
    assert breaker.admit(0.9) is None
    assert breaker.admit(1.0) is not None
    breaker.settle(later, 1.1, timed_out=True)
    assert breaker.admit(1.1) is None, "the probe is still under way"


class Calls(RuleBasedStateMachine):
    """Calls that begin and end in any order."""

    under_way = Bundle("under_way")

    def __init__(self) -> None:
        super().__init__()
        self.breaker = CircuitBreaker("sample", timeouts=2, rest=1.0)
        self.now = 0.0
        self.probes: set[int] = set()
        self.started = 0

    @rule()
    def time_passes(self) -> None:
        self.now += 0.6

    @rule(target=under_way)
    def a_call_begins(self) -> tuple[int, Ticket | None]:
        probing = not self.breaker.closed
        ticket = self.breaker.admit(self.now)
        self.started += 1
        if ticket is not None and probing:
            self.probes.add(self.started)
        return self.started, ticket

    @rule(call=consumes(under_way), timed_out=st.sampled_from([True, False, None]))
    def a_call_ends(self, call: tuple[int, Ticket | None], timed_out: bool | None) -> None:  # noqa: FBT001  # drawn
        number, ticket = call
        if ticket is not None:
            was_closed = self.breaker.closed
            self.breaker.settle(ticket, self.now, timed_out=timed_out)
            if self.breaker.closed and not was_closed:
                assert number in self.probes
        self.probes.discard(number)

    @invariant()
    def there_is_one_probe_at_most(self) -> None:
        assert len(self.probes) <= 1

    @invariant()
    def it_never_sticks(self) -> None:
        if not self.probes:
            ticket = self.breaker.admit(self.now + 1.0)
            assert ticket is not None
            self.breaker.settle(ticket, self.now, timed_out=None)


TestCalls = Calls.TestCase

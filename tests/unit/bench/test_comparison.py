import pytest

from bench.comparison import METRICS, disturbed, ratio, tables
from bench.errors import BenchError
from bench.reporting.results import Claim, LoadKind, Sample
from bench.reporting.rounds import Spread
from bench.sections.http import Bound, Question, check_same, claims

QUESTION = Question(
    "customer",
    "A customer",
    "/v1/customers/ALFKI",
    "/v1/customers/ALFK",
    bearer=True,
    bounds=(
        Bound("express", "paced", "CPU µs/req", 0.4),
        Bound("express", "paced", "req/s", 2.5, at_least=True),
        Bound("absent", "paced", "CPU µs/req", 0.5),
    ),
)


def sample(system: str, turn: int, cpu: float, rate: float, load: LoadKind = "paced") -> Sample:
    return Sample(
        system=system,
        load=load,
        turn=turn,
        requests=1000,
        failures=0,
        rate=rate,
        p50=1.0,
        p99=2.0,
        cpu={"gateway": cpu / 2, "nats": cpu / 2},
        memory={"gateway": 50.0, "nats": 20.0},
    )


SAMPLES = [
    sample("mesh", 1, 200.0, 600.0),
    sample("mesh", 0, 100.0, 500.0),
    sample("express", 0, 400.0, 250.0),
    sample("express", 1, 400.0, 200.0),
]


def test_a_ratio_pairs_the_same_rounds_whatever_their_order() -> None:
    assert Spread(0.375, 0.25, 0.5) == ratio(SAMPLES, "express", "paced", METRICS["CPU µs/req"])


def test_a_claim_holds_or_not_and_an_absent_peer_makes_none() -> None:
    made = claims(QUESTION, SAMPLES)

    assert [(0.375, True), (2.5, True)] == [(claim.measured.median, claim.holds) for claim in made]


@pytest.mark.parametrize(("at_least", "holds"), [(True, False), (False, True)])
def test_a_bound_is_above_or_below(at_least: bool, holds: bool) -> None:  # noqa: FBT001
    claim = Claim(what="", bound=1.0, at_least=at_least, measured=Spread(0.9, 0.8, 1.1))

    assert holds is claim.holds


def test_the_tables_have_ratios_numbers_and_shares() -> None:
    ratios, shares = tables(SAMPLES)

    assert ["mesh / express", "mesh", "express"] == [row[0] for row in ratios.rows]
    assert "50.00 (50.00-50.00)" == ratios.rows[1][-1]  # the servers' memory is everybody's
    assert [["mesh", "75", "75"], ["express", "200", "200"]] == shares.rows


def test_a_peer_that_answers_otherwise_is_not_compared() -> None:
    answers = {"mesh": {"the body": {"a": 1}}, "express": {"the body": {"a": 2}}}

    with pytest.raises(BenchError, match=r"the body is .* of express, .* of mesh"):
        check_same(QUESTION, answers)


def test_peers_that_answer_the_same_are_compared() -> None:
    check_same(QUESTION, {"mesh": {"the body": {"a": 1}}, "express": {"the body": {"a": 1}}})


def test_other_work_on_the_machine_is_said() -> None:
    busy = [one.model_copy(update={"others": 0.7}) for one in SAMPLES]

    assert [] == disturbed(SAMPLES)
    assert ["0.700 (0.700-0.700)"] == [note.split(" on ")[1].split(" of ")[0] for note in disturbed(busy)]

import pytest

from console.sources.instances import Instance, State
from console.sources.map import AMBER_FOR, RED_FOR, Gateway, Seen, picture
from console.sources.metrics import Metrics
from services import PROCESSES

NOW = 1000.0


def instance(state: State, since: float = 0.0, why: str = "", of: str = "orders") -> Instance:
    return Instance(of, f"{state}-{since}", "1", state, why, since, "", "0")


def health(*instances: Instance, nats: bool = True) -> tuple[str, str]:
    seen = Seen(instances, Gateway(ready=True), Metrics(None), (), nats=nats, now=NOW)  # type: ignore[arg-type]
    node = next(one for one in picture(PROCESSES, seen)["nodes"] if one["id"] == "orders")
    return node["health"], node["why"]


@pytest.mark.parametrize(
    ("instances", "expected"),
    [
        ([], ("down", "no instance answers")),
        ([instance("ready")], ("ok", "")),
        ([instance("gone", NOW - 1, "was ended by SIGKILL")], ("down", "no instance answers: was ended by SIGKILL")),
        ([instance("ready"), instance("gone", NOW - RED_FOR + 1, "ended")], ("down", "an instance ended: ended")),
        ([instance("ready"), instance("gone", NOW - RED_FOR - 1, "ended")], ("degraded", "an instance ended: ended")),
        ([instance("ready"), instance("gone", NOW - AMBER_FOR - 1)], ("ok", "")),
        ([instance("ready"), instance("not ready", why="no database")], ("degraded", "not ready: no database")),
        ([instance("not ready", why="no database")], ("down", "not ready: no database")),
    ],
)
def test_a_service_is_as_well_as_its_instances(instances: list[Instance], expected: tuple[str, str]) -> None:
    assert expected == health(*instances)


def test_without_nats_nothing_is_known() -> None:
    assert "unknown" == health(instance("ready"), nats=False)[0]


def test_every_edge_joins_two_boxes() -> None:
    drawn = picture(PROCESSES, Seen((), Gateway(ready=False, why="x"), Metrics(None), (), nats=True, now=NOW))  # type: ignore[arg-type]
    boxes = {one["id"] for one in drawn["nodes"]}
    assert {row.name for row in PROCESSES} <= boxes
    assert all({edge["source"], edge["target"]} <= boxes for edge in drawn["edges"])


def test_the_map_says_how_many_requests_are_traced() -> None:
    seen = Seen((), Gateway(ready=True), Metrics(None), (), nats=True, now=NOW, traced=5.0)  # type: ignore[arg-type]
    assert 5.0 == picture(PROCESSES, seen)["traced"]

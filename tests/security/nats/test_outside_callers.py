"""A caller outside the mesh may send to the subjects that it was given, and hear its own inboxes."""

import json
from pathlib import Path

from devstack.servers.all import Servers
from devstack.servers.nats import CONFIGURATION
from ops.callers import Caller
from ops.nkeys import new_seed
from ops.permissions import replaced
from ops.private_files import write_private
from services import PROCESSES
from tests.security.nats.raw import connected

CALLER = Caller(name="reports", calls=("customers.get", "orders.list"))


async def test_nats_refuses_an_outside_caller_whatever_it_was_not_given(tmp_path: Path) -> None:
    configuration = tmp_path / "nats.conf"
    configuration.write_text(replaced(CONFIGURATION.read_text(), PROCESSES, callers=[CALLER]))
    home = tmp_path / "home"
    home.mkdir()
    write_private(home / "secrets.json", json.dumps({"nats_reports_seed": new_seed()}))

    async with (
        Servers(home, only=["nats"], nats_configuration=configuration) as servers,
        connected(servers, ["reports"]) as connections,
    ):
        reports = connections["reports"]
        for subject in ("customers.get", "orders.list", "customers.list", "_INBOX_gateway.x", "$SRV.PING"):
            reports.publish(subject, "_INBOX_reports.x")
        for subject in ("_INBOX_reports.>", "_INBOX_gateway.>", "customers.get", "events.>", "$SRV.PING"):
            reports.subscribe(subject)

        assert {
            *(("Publish", subject) for subject in ("customers.list", "_INBOX_gateway.x", "$SRV.PING")),
            *(("Subscription", subject) for subject in ("_INBOX_gateway.>", "customers.get", "events.>", "$SRV.PING")),
        } == {(what, subject) for what, subject, _ in await reports.refused()}

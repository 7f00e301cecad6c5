"""Discovery: documents by ADR-32 with the metadata of the contract, and statistics that count."""

import asyncio

from conform.check import Skip, Tally, rule
from conform.golden import examples
from conform.kit import Kit

_MAX_PING = 4 * 1024
_MAX_DOCUMENT = 256 * 1024
_DELIVERIES = ("sent", "errors", "retried", "failed", "running")


@rule("W-DISC-1")
async def each_verb_is_answered(kit: Kit, tally: Tally) -> None:
    """PING, INFO and STATS are answered for all, by service and by instance, as ADR-32 has them."""
    ids = [one.id for one in await kit.pool()]
    for verb in ("PING", "INFO", "STATS"):
        for subject in (f"$SRV.{verb}", f"$SRV.{verb}.{kit.options.service}"):
            found = {one.id for one in await kit.instances.at(subject, 0)}
            tally.expect(set(ids) <= found, f"{subject} is not answered by {set(ids) - found or 'anybody'}")
        for one in ids:
            found_one = await kit.instances.at(f"$SRV.{verb}.{kit.options.service}.{one}", 1)
            tally.expect([one] == [document.id for document in found_one], f"$SRV.{verb} by instance: {len(found_one)}")
        for document in await kit.instances.found(verb):
            kind = document.document.get("type")
            tally.expect(kind == f"io.nats.micro.v1.{verb.lower()}_response", f"{verb}: the type is {kind}")
            texts = all(isinstance(document.document.get(name), str) for name in ("name", "id", "version"))
            tally.expect(texts, f"{verb}: name, id or version is no text")
            strings = all(isinstance(value, str) for value in document.metadata.values())
            tally.expect(strings, f"{verb}: the metadata has values that are no strings")


@rule("W-DISC-2")
async def endpoints_have_their_metadata(kit: Kit, tally: Tally) -> None:
    """INFO lists each endpoint of the contract, with access, contract, idempotent, max_request and timeout_ms."""
    for instance in await kit.instances.found("INFO"):
        listed = {str(one.get("subject")): one for one in instance.endpoints}
        of_all = kit.material.contracts.endpoints.values()
        expected = {one.subject for one in of_all if one.service == kit.options.service}
        tally.expect(set(listed) == expected, f"listed otherwise: {sorted(set(listed) ^ expected)}")
        for endpoint in (one for one in kit.endpoints if one.subject in listed):
            wanted = {
                "access": endpoint.access,
                "contract": endpoint.contract,
                "idempotent": str(endpoint.idempotent).lower(),
                "max_request": str(endpoint.max_request),
                "timeout_ms": str(endpoint.timeout_ms),
            }
            metadata = listed[endpoint.subject].get("metadata") or {}
            wrong = [name for name, value in wanted.items() if metadata.get(name) != value]
            tally.expect(not wrong, f"{endpoint.subject}: {', '.join(wrong)}")


@rule("W-DISC-3")
async def documents_are_short(kit: Kit, tally: Tally) -> None:
    """PING has at most 4 KiB, INFO and STATS at most 256 KiB."""
    for verb, most in (("PING", _MAX_PING), ("INFO", _MAX_DOCUMENT), ("STATS", _MAX_DOCUMENT)):
        for one in await kit.instances.found(verb):
            tally.expect(one.size <= most, f"{verb} of {one.id} has {one.size} bytes")


@rule("W-DISC-6")
async def info_tells_the_contract(kit: Kit, tally: Tally) -> None:
    """INFO has `contract` and `contract_version` of the export; PING and STATS leave them out."""
    contracts = kit.material.contracts
    for instance in await kit.instances.found("INFO"):
        told = instance.metadata
        if "contract" not in told:
            tally.skip("INFO leaves the contract out, so nothing can be compared")
            continue
        if kit.endpoints:  # the contract is a hash of them
            expected = contracts.services[kit.options.service]
            tally.expect(told["contract"] == expected, f"the contract is {told['contract']}")
        tally.expect("contract_version" in told, "contract_version is missing")
    for verb in ("PING", "STATS"):
        for one in await kit.instances.found(verb):
            tally.expect("contract" not in one.metadata, f"{verb} has the contract")


@rule("W-DISC-4")
async def deliveries_are_counted(kit: Kit, tally: Tally) -> None:
    """STATS of notifications counts deliveries by channel."""
    if kit.options.service != "notifications":
        raise Skip("the service delivers nothing")
    for one in await kit.instances.found("STATS"):
        told = one.document.get("data", {}).get("deliveries", {})
        for channel in ("email", "webhook"):
            counts = told.get(channel, {})
            wrong = [name for name in _DELIVERIES if type(counts.get(name)) is not int]
            tally.expect(not wrong, f"{channel}: {', '.join(wrong)} of {one.id} is no number")
            tally.expect(isinstance(counts.get("last_error"), str), f"{channel}: last_error of {one.id} is no text")


@rule("W-DISC-7")
async def endpoints_are_named_by_their_subjects(kit: Kit, tally: Tally) -> None:
    """The name of an endpoint is its subject without the service, with `-` in place of each dot."""
    for instance in await kit.instances.found("INFO"):
        for one in instance.endpoints:
            name = str(one.get("subject")).partition(".")[2].replace(".", "-")
            tally.expect(one.get("name") == name, f"{one.get('subject')}: {one.get('name')}")


@rule("W-SUBJ-2")
async def the_queue_group_is_q(kit: Kit, tally: Tally) -> None:
    """Every endpoint is in queue group `q`."""
    for instance in await kit.instances.found("INFO"):
        for one in instance.endpoints:
            tally.expect(one.get("queue_group") == "q", f"{one.get('subject')}: {one.get('queue_group')}")


@rule("W-READY-1")
async def ready_is_a_text(kit: Kit, tally: Tally) -> None:
    """`ready` is "true" or "false" or left out, and a reason is one line of at most 200 characters."""
    for one in await kit.pool():
        ready, reason = one.metadata.get("ready", "true"), one.metadata.get("reason", "")
        tally.expect(ready in {"true", "false"}, f"ready is {ready!r}")
        fine = isinstance(reason, str) and len(reason) <= 200 and (reason.isprintable())  # noqa: PLR2004  # W-READY-4
        tally.expect(fine, "the reason is no such line")


@rule("W-DISC-1")
async def statistics_count(kit: Kit, tally: Tally) -> None:
    """num_requests grows by the requests sent, num_errors by the errors answered."""
    if not kit.options.private:
        raise Skip("the bus is not private: others send requests too")
    endpoint = next((one for one in kit.endpoints if one.read and one.request.get("required")), kit.open_endpoint())
    before = await kit.instances.served(endpoint.subject)
    good, bad = 0, 0
    request = {}
    for example in examples(kit.material.examples, endpoint.subject)[:1]:
        request = await kit.givens.fill(example.request)
    for body in [request] * 4 + [{"nobody_knows": 1}] * 3:
        reply = await kit.ask(endpoint, body)
        good, bad = good + reply.ok, bad + (not reply.ok)
    after = before
    for _ in range(20):  # a worker may count after its reply
        after = await kit.instances.served(endpoint.subject)
        if _grown(before, after) == (good + bad, bad):
            break
        await asyncio.sleep(0.05)
    requests, errors = _grown(before, after)
    tally.expect(requests == good + bad, f"{endpoint.subject}: {requests} counted of {good + bad} requests")
    tally.expect(errors == bad, f"{endpoint.subject}: {errors} counted of {bad} errors")


def _grown(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> tuple[int, int]:
    pairs = [(count, before.get(one, (0, 0))) for one, count in after.items()]
    return sum(now[0] - then[0] for now, then in pairs), sum(now[1] - then[1] for now, then in pairs)

"""A database or a right that is away, and the end of a worker: with commands of the user."""

import asyncio
import shlex

from conform.bus import NoAnswer, NobodyServes
from conform.check import Skip, Tally, rule
from conform.golden import examples
from conform.kit import NO_TOKEN, Kit
from ops.contracts.tree import EndpointContract


async def run_command(command: str) -> None:
    """Run a command of the user. Raises Skip if it fails."""
    process = await asyncio.create_subprocess_shell(command)
    if await process.wait():
        raise Skip(f"`{command}` failed")


@rule("W-REQ-7")
async def a_slow_request_delays_no_quick_one(kit: Kit, tally: Tally) -> None:
    """While requests wait for the database, one that does not need it is answered before them."""
    command = kit.options.fault_command
    if command is None:
        raise Skip("there is no --fault-command")
    endpoint = kit.open_endpoint()
    request = await kit.givens.fill(examples(kit.material.examples, endpoint.subject)[0].request)
    await run_command(f"{command} away")
    try:
        slow = [asyncio.create_task(kit.ask(endpoint, request)) for _ in range(3)]
        await asyncio.sleep(0)  # they are sent, and before the quick one
        quick = await kit.ask(endpoint, b"{")
        waiting = [one for one in slow if not one.done()]
        answered = await asyncio.gather(*slow, return_exceptions=True)
    finally:
        await run_command(f"{command} back")
    tally.expect(quick.reason == "malformed_json", f"{endpoint.subject}: {quick.said}")
    tally.expect(bool(waiting), f"{endpoint.subject}: the quick request was answered last")
    tally.expect(not any(isinstance(one, NoAnswer) for one in answered), "a request was not answered")
    await kit.until_ready()


@rule("W-READY-3")
async def a_lost_database_makes_it_not_ready(kit: Kit, tally: Tally) -> None:
    """Without its database it is not ready, with the reason of W-READY-4, and it returns by itself."""
    command = kit.options.fault_command
    if command is None:
        raise Skip("there is no --fault-command")
    await run_command(f"{command} away")
    try:
        away = await _becomes(kit, ready=False)
    finally:
        await run_command(f"{command} back")
    tally.expect(away is not None, f"it is still ready after {kit.options.patience:g} s")
    tally.expect(str(away).startswith("the database does not answer"), f"the reason is {away!r}")
    tally.expect(
        await _becomes(kit, ready=True) is not None, f"it is not ready {kit.options.patience:g} s after the database"
    )


@rule("W-READY-3")
async def a_subscription_that_is_refused_makes_it_not_ready(kit: Kit, tally: Tally) -> None:
    """A subscription that is refused makes it not ready; it leaves the queue group, and returns by itself."""
    command = kit.options.rights_command
    if command is None:
        raise Skip("there is no --rights-command")
    endpoint = kit.open_endpoint()
    await run_command(f"{command} away {shlex.quote(endpoint.subject)}")
    try:
        away = await _becomes(kit, ready=False)
        tally.expect(away is not None, f"it is still ready after {kit.options.patience:g} s")
        tally.expect(str(away).startswith("not all endpoints are subscribed yet"), f"the reason is {away!r}")
        for other in kit.endpoints:
            tally.expect(await _left(kit, other), f"it still serves {other.subject} after {kit.options.patience:g} s")
    finally:
        await run_command(f"{command} back")
    tally.expect(
        await _becomes(kit, ready=True) is not None, f"it is not ready {kit.options.patience:g} s after the right"
    )
    tally.expect(await _serves(kit, endpoint), f"it is ready, and nobody serves {endpoint.subject}")


async def _left(kit: Kit, endpoint: EndpointContract) -> bool:
    """Whether nobody serves the endpoint any more, soon."""
    ends = asyncio.get_running_loop().time() + kit.options.patience
    while await _serves(kit, endpoint):
        if asyncio.get_running_loop().time() > ends:
            return False
        await asyncio.sleep(0.1)
    return True


async def _serves(kit: Kit, endpoint: EndpointContract) -> bool:
    """Whether a request is answered. It has no JSON, so it changes nothing, and needs no token."""
    try:
        await kit.ask(endpoint, b"{", token=NO_TOKEN)
    except NobodyServes:
        return False
    return True


async def _becomes(kit: Kit, *, ready: bool) -> str | None:
    """The reason once the instances are so; None if they do not become so."""
    ends = asyncio.get_running_loop().time() + kit.options.patience
    while asyncio.get_running_loop().time() < ends:
        found = await kit.pool()
        if found and all(one.ready is ready for one in found):
            return str(found[0].metadata.get("reason", ""))
        await asyncio.sleep(0.1)
    return None


@rule("W-READY-2", last=True)
async def it_drains_when_it_is_stopped(kit: Kit, tally: Tally) -> None:
    """While it stops, each request is answered or has no responders; none is lost."""
    if kit.options.stop_command is None:
        raise Skip("there is no --stop-command")
    endpoint = kit.open_endpoint()
    request = await kit.givens.fill(examples(kit.material.examples, endpoint.subject)[0].request)
    stopping = asyncio.create_task(run_command(kit.options.stop_command))
    ends = asyncio.get_running_loop().time() + kit.options.patience
    gone = False
    while not gone and asyncio.get_running_loop().time() < ends:
        replies = await asyncio.gather(
            *(kit.ask(endpoint, request, timeout=5) for _ in range(20)), return_exceptions=True
        )
        gone = all(isinstance(one, NobodyServes) for one in replies)
        lost = [one for one in replies if isinstance(one, NoAnswer) and not isinstance(one, NobodyServes)]
        tally.expect(not lost, f"{len(lost)} of {len(replies)} requests were lost")
    await stopping
    tally.expect(gone, f"it still serves after {kit.options.patience:g} s")

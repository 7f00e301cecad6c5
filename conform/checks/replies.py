"""What holds for every reply of the run: the observer has held each against these rules."""

from conform.check import Tally, rule
from conform.kit import Kit

_TITLES = {
    "W-ID-2": "Every reply has the request id, and a problem repeats it",
    "W-OK-1": "Every success fits the contract and has every member",
    "W-OK-2": "No reply and no list is longer than its endpoint allows",
    "W-OK-3": "No reply has a name twice",
    "W-OK-5": "No reply is empty, and all names are snake_case",
    "W-ERR-1": "Two headers mark each error, and no success",
    "W-ERR-2": "Every error is a complete problem document",
    "W-ERR-3": "Every reason is a text of its pattern, and no problem is longer than 64 KiB",
    "W-ERR-4": "Every reason is declared for its subject, with its code",
    "W-ERR-5": "Each of `errors` has field, reason and message",
    "W-ERR-6": "invalid_payload names 1 to 20 fields",
    "W-VAL-8": "Every timestamp is RFC 3339 in UTC with Z",
}


def _register(number: str, title: str) -> None:
    async def observed(kit: Kit, tally: Tally) -> None:
        tally.tried = kit.observer.seen[number]
        tally.faults = kit.observer.flaws.get(number, [])

    observed.__doc__ = title
    observed.__name__ = f"observed_{number}"
    rule(number, last=True)(observed)


for _number, _title in _TITLES.items():
    _register(_number, _title)


@rule("W-CONN-2", last=True)
async def each_request_is_answered_once(kit: Kit, tally: Tally) -> None:
    """No request of the run was answered twice."""
    tally.tried = sum(kit.observer.seen.values())
    tally.faults = [f"{subject} was answered twice" for subject in dict.fromkeys(kit.bus.repeated)]

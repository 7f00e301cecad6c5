"""The rules of wire.md that no check tries, each with the reason."""

from typing import Final

_CALLER: Final = "binds callers, and the kit checks workers"
_NATS: Final = "the permissions of nats.conf enforce it"
_INSIDE: Final = "lies in the database, which the kit does not read"
_GATEWAY: Final = "binds the gateway"

UNCHECKED: Final = {
    "W-SUBJ-1": "binds those who name subjects",
    "W-SUBJ-3": "an event without a stream binds subscribers; the check of W-EVT-1 compares subjects of the others",
    "W-SUBJ-4": "binds those who name headers",
    "W-DISC-5": _GATEWAY,
    "W-READY-4": "the check of W-READY-3 compares its reason",
    "W-POOL-2": "the check of W-POOL-3 provokes it",
    "W-CONN-1": _NATS,
    "W-CONN-3": _NATS,
    "W-CONN-4": _NATS,
    "W-HDR-2": "a value comes back only in X-Request-Id, which has no blanks",
    "W-HDR-5": "the check of W-HDR-1 compares reason and request id",
    "W-HDR-6": "the checks of W-DDL-1, W-IDEM-2, W-TOK-2 and W-REQ-6 send malformed values",
    "W-HDR-7": "the check of W-HDR-1 accepts both readings",
    "W-REQ-8": "the check of W-CALL-3 fills the queue; the estimate is inside the worker",
    "W-DDL-2": _CALLER,
    "W-DDL-5": "needs a caller that answers another one",
    "W-VAL-5": "the check of W-VAL-4 sends some of its code points, since each is a request",
    "W-VAL-6": "the schemas have the pattern, by which payloads and replies are checked",
    "W-VAL-7": "the vectors of W-JSON-5 and generated payloads have days",
    "W-VAL-10": "binds the exported schemas; tests compile each pattern",
    "W-OK-4": _CALLER,
    "W-OK-6": "the schemas have the values, by which payloads and replies are checked",
    "W-ERR-7": _GATEWAY,
    "W-IDEM-6": _INSIDE,
    "W-IDEM-7": _INSIDE,
    "W-IDEM-11": _INSIDE,
    "W-ROW-2": "the golden examples archive and discontinue rows",
    "W-ROW-4": "the check of W-FOLD-2 searches; exact filters are in the golden examples",
    "W-ROW-6": "needs rows whose times differ, and services that several others feed",
    "W-ROW-7": "needs names that nobody has; tests of the pool of Python and Go compare them",
    "W-ROW-8": "as W-ROW-7",
    "W-PAGE-2": "the check of W-PAGE-3 compares the spelling",
    "W-PAGE-6": "binds auth and notifications, which have one implementation",
    "W-FOLD-1": "the check of W-FOLD-2 searches by the fold",
    "W-FOLD-3": "explains the table of W-FOLD-2",
    "W-FOLD-4": _INSIDE,
    "W-FOLD-5": "the golden vectors have no row that such a search could find",
    "W-STATE-1": _INSIDE,
    "W-STATE-2": _INSIDE,
    "W-STATE-3": _INSIDE,
    "W-STATE-5": _INSIDE,
    "W-STATE-6": _INSIDE,
    "W-STATE-7": _INSIDE,
    "W-STATE-4": "binds auth and notifications, which have one implementation",
    "W-CALL-1": _CALLER,
    "W-CALL-2": _CALLER,
    "W-TOK-9": "binds auth",
    "W-TOK-10": "binds auth and the gateway",
}

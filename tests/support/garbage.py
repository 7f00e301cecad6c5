"""What reference counting alone does not free: cycles, which live until a garbage collection."""

import gc
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager


@contextmanager
def census() -> Iterator[Counter[str]]:
    """Count what became garbage meanwhile and was not freed, by type; the counts are there at the end."""
    found: Counter[str] = Counter()
    gc.disable()
    gc.freeze()  # what is there already is passed over: looking through it takes most of the time
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found.update(type(one).__name__ for one in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.unfreeze()
        gc.enable()


def each(left: Counter[str], rounds: int) -> dict[str, int]:
    """What every one of so many rounds has left, not what some other thing has left once.

    Frames are not counted, of which one exception may have as many: what each round leaves has more to it.
    """
    return {kind: count for kind, count in left.items() if count >= rounds and kind not in ("frame", "traceback")}


async def left_by(ask: Callable[[], Awaitable[object]], rounds: int) -> dict[str, int]:
    """What each of so many rounds leaves, after a first one.

    Something else in this process may become garbage meanwhile, but not each time.
    """
    left: dict[str, int] = {}
    for _ in range(3):
        await ask()
        with census() as found:
            for _ in range(rounds):
                await ask()
        if not (left := each(found, rounds)):
            break
    return left

"""The worker stock with a bug that a test turns on and off: while a file exists, it refuses the product named there."""

import os
from functools import partial
from pathlib import Path
from typing import Final

from contracts.orders_events import OrderPlaced
from mesh.core.errors import Invalid
from mesh.process.run import run_worker
from stock_svc.app import build
from stock_svc.events import StockEvents
from stock_svc.settings import StockSettings
from subjects import EVENTS_ORDERS_PLACED
from worker.events import handles

BUG: Final = "NORTHWIND_TEST_BUG"
"""The variable with the path of the file."""


class _Breakable(StockEvents):
    @handles(EVENTS_ORDERS_PLACED)
    async def placed(self, event: OrderPlaced) -> None:
        """Reserve the goods, unless the bug is there."""
        if _is_refused(event):
            raise Invalid("bug", "this version of stock cannot read the order")
        await super().placed(event)


def _is_refused(event: OrderPlaced) -> bool:
    bug = Path(os.environ[BUG])
    return bug.exists() and int(bug.read_text()) in {line.product_id for line in event.lines}


if __name__ == "__main__":
    run_worker("stock", StockSettings, partial(build, handlers=_Breakable))

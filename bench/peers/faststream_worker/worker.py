"""The same worker on FastStream, behind the plain FastAPI gateway.

SERVICE (customers or products), DATABASE_URL, NATS_URL, NATS_USER, NATS_PASSWORD, SUBJECTS.
"""

import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import uvloop
from faststream import FastStream
from faststream.nats import NatsBroker
from faststream.security import SASLPlaintext

sys.path.insert(0, str(Path(__file__).parents[1] / "fastapi_plain"))
import queries  # noqa: E402
from shapes import Customer, GetCustomer, ListProducts, ProductPage  # noqa: E402

SERVICE, SUBJECTS, USER = (os.environ[name] for name in ("SERVICE", "SUBJECTS", "NATS_USER"))

broker = NatsBroker(
    os.environ["NATS_URL"],
    security=SASLPlaintext(USER, os.environ["NATS_PASSWORD"]),
    inbox_prefix=f"_INBOX_{USER}",
    logger=None,  # it would write two lines for each message
)
pool: asyncpg.Pool


@asynccontextmanager
async def lifespan():
    global pool
    pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=10, max_size=10, command_timeout=3.5)
    yield
    await pool.close()


if SERVICE == "customers":

    @broker.subscriber(f"customers.{SUBJECTS}.get", queue="q", max_workers=64)
    async def get(request: GetCustomer) -> Customer:
        return await queries.customer(pool, request.customer_id)

else:

    @broker.subscriber(f"products.{SUBJECTS}.list", queue="q", max_workers=64)
    async def list_products(request: ListProducts) -> ProductPage:
        return await queries.products(pool, request)


app = FastStream(broker, lifespan=lifespan, logger=None)

if __name__ == "__main__":
    uvloop.run(app.run())

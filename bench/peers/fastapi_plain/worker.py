"""A worker on nats-py: a callback that starts a task for each request, so that one does not wait for another.

SERVICE (customers or products), DATABASE_URL, NATS_URL, NATS_USER, NATS_PASSWORD, SUBJECTS.
"""

import asyncio
import os
import signal

import asyncpg
import nats
import queries
import uvloop
from shapes import GetCustomer, ListProducts
from nats.aio.msg import Msg
from pydantic import ValidationError


async def answer(pool: asyncpg.Pool, msg: Msg) -> None:
    try:
        if os.environ["SERVICE"] == "customers":
            found = await queries.customer(pool, GetCustomer.model_validate_json(msg.data).customer_id)
        else:
            found = await queries.products(pool, ListProducts.model_validate_json(msg.data))
    except ValidationError:
        await refuse(msg, "422 invalid request")
    else:
        if found is None:
            await refuse(msg, "404 not found")
        else:
            await msg.respond(found.model_dump_json().encode())


async def refuse(msg: Msg, error: str) -> None:
    await msg._client.publish(msg.reply, error.encode(), headers={"Error": error})


async def main() -> None:
    service, user = os.environ["SERVICE"], os.environ["NATS_USER"]
    pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=10, max_size=10, command_timeout=3.5)
    client = await nats.connect(
        os.environ["NATS_URL"],
        user=user,
        password=os.environ["NATS_PASSWORD"],
        inbox_prefix=f"_INBOX_{user}".encode(),
    )
    tasks = set()

    async def take(msg: Msg) -> None:
        task = asyncio.create_task(answer(pool, msg))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    verb = "get" if service == "customers" else "list"
    await client.subscribe(f"{service}.{os.environ['SUBJECTS']}.{verb}", queue="q", cb=take)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await client.drain()
    await pool.close()


uvloop.run(main())

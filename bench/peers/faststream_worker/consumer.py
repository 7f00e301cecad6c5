"""The consumer on FastStream: NATS_URL, STREAM, SUBJECT, and DURABLE, the name of the pull consumer."""

import os

import uvloop
from faststream import FastStream
from faststream.nats import JStream, NatsBroker, PullSub
from pydantic import BaseModel

FETCH = 1000  # events in one pull: it was the cheapest of 1, 10, 100 and 1000


class Said(BaseModel):
    text: str
    number: int


broker = NatsBroker(os.environ["NATS_URL"], logger=None)  # it would write two lines for each message


@broker.subscriber(
    os.environ["SUBJECT"],
    stream=JStream(os.environ["STREAM"], declare=False),
    durable=os.environ["DURABLE"],
    pull_sub=PullSub(batch_size=FETCH),
)
async def handle(said: Said) -> None:
    pass


if __name__ == "__main__":
    uvloop.run(FastStream(broker, logger=None).run())

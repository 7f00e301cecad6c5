import pytest
from fastapi import FastAPI

from bench.gateway import REQUESTS, Answering, measured, token
from gateway.app import build
from gateway.settings import GatewaySettings


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return build(GatewaySettings(), Answering())


@pytest.mark.parametrize("name", REQUESTS)
async def test_what_is_measured_is_an_answer(app: FastAPI, name: str) -> None:
    assert await measured(app, REQUESTS[name], token(), batches=1) > 0

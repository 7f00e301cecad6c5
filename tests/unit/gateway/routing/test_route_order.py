import pytest
from fastapi import APIRouter, FastAPI

from gateway.routing.shadowing import refuse_shadowed


def application(*routes: str) -> FastAPI:
    """An application with a route for each `METHOD /path`, in this order."""
    router = APIRouter(prefix="/v1/customers")
    for route in routes:
        method, _, path = route.partition(" ")
        router.add_api_route(path, answer, methods=[method])
    app = FastAPI()
    app.include_router(router)
    return app


async def answer() -> None:
    pass


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("/{customer_id}", "/count"),
        ("/{customer_id}", "/{key}"),
        ("/{customer_id}/orders", "/all/orders"),
        ("/count", "/count"),
    ],
)
async def test_a_route_that_an_earlier_one_hides_fails_the_start(earlier: str, later: str) -> None:
    app = application(f"GET {earlier}", f"POST {earlier}", f"GET {later}")
    with pytest.raises(RuntimeError) as refused:
        refuse_shadowed(app)
    why = f"/v1/customers{earlier} is declared before it and matches its requests"
    said = f"GET /v1/customers{later} is never reached: {why}"
    assert said == str(refused.value)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("GET /count", "GET /{customer_id}"),
        ("PATCH /{customer_id}", "GET /count"),
        ("GET /{customer_id}", "GET /count/all"),
        ("GET /{customer_id}", "GET "),
    ],
)
async def test_a_route_that_is_reached_does_not(earlier: str, later: str) -> None:
    refuse_shadowed(application(earlier, later))


async def test_routers_with_prefixes_of_their_own_hide_nothing_of_each_other() -> None:
    app = FastAPI()
    for prefix in ("/v1/customers", "/v1/products"):
        router = APIRouter()
        router.add_api_route("/{key}", answer)
        app.include_router(router, prefix=prefix)
    refuse_shadowed(app)

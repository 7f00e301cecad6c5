"""The gateway, the way FastAPI's and nats-py's documentation show it.

PORT, JWKS (a JWK set as JSON), NATS_URL, NATS_USER, NATS_PASSWORD, SUBJECTS (the second token of every subject).
"""

import json
import os
import uuid
from contextlib import asynccontextmanager
from typing import Annotated, Any

import jwt
import nats
import uvicorn
from shapes import Customer, GetCustomer, ListProducts, ProductPage, ShownCustomer
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError

SUBJECTS = os.environ["SUBJECTS"]
KEYS = {key["kid"]: jwt.PyJWK(key) for key in json.loads(os.environ["JWKS"])["keys"]}
REQUIRED = ["iss", "aud", "sub", "sid", "jti", "roles", "iat", "nbf", "exp"]


@asynccontextmanager
async def lifespan(app: FastAPI):
    user = os.environ["NATS_USER"]
    app.state.nats = await nats.connect(
        os.environ["NATS_URL"],
        user=user,
        password=os.environ["NATS_PASSWORD"],
        inbox_prefix=f"_INBOX_{user}".encode(),
    )
    yield
    await app.state.nats.drain()


app = FastAPI(lifespan=lifespan)
bearer = HTTPBearer()


@app.middleware("http")
async def identify(request: Request, call_next):
    request.state.request_id = request.headers.get("X-Request-Id") or uuid.uuid4().hex
    response = await call_next(request)
    response.headers["X-Request-Id"] = request.state.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


async def user(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(credentials.credentials)
        if header.get("typ") != "at+jwt":
            raise HTTPException(401, "not an access token")
        return jwt.decode(
            credentials.credentials,
            KEYS[header["kid"]],
            algorithms=["EdDSA"],
            issuer="northwind-mesh",
            audience="northwind-mesh",
            leeway=30,
            options={"require": REQUIRED},
        )
    except (jwt.PyJWTError, KeyError) as error:
        raise HTTPException(401, "the access token is not valid") from error


async def call(request: Request, subject: str, payload: str) -> bytes:
    try:
        reply = await request.app.state.nats.request(
            subject, payload.encode(), timeout=5, headers={"X-Request-Id": request.state.request_id}
        )
    except NoRespondersError as error:
        raise HTTPException(503, "nobody answers") from error
    except NatsTimeoutError as error:
        raise HTTPException(504, "no answer in time") from error
    if reply.headers and "Error" in reply.headers:
        status, _, detail = reply.headers["Error"].partition(" ")
        raise HTTPException(int(status), detail)
    return reply.data


@app.get("/v1/customers/{customer_id}", response_model=ShownCustomer, dependencies=[Depends(user)])
async def get_customer(asked: Annotated[GetCustomer, Depends()], request: Request, response: Response):
    reply = await call(request, f"customers.{SUBJECTS}.get", asked.model_dump_json())
    customer = Customer.model_validate_json(reply)
    response.headers["ETag"] = f'"{customer.version}"'
    return customer


@app.get("/v1/products", response_model=ProductPage)
async def list_products(asked: Annotated[ListProducts, Query()], request: Request):
    reply = await call(request, f"products.{SUBJECTS}.list", asked.model_dump_json())
    return ProductPage.model_validate_json(reply)


@app.get("/healthz")
async def live():
    return {"status": "ok"}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]))

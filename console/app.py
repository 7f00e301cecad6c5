"""The console's one wiring place: routes, sign-in, and the headers of every answer."""

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from console.access import Sessions
from console.api import doctor, endpoints, events, live, logs, mail, mesh, otlp, requests, signing
from console.middleware import Guard
from console.paths import STATIC
from console.settings import ConsoleSettings
from console.watch import Watch
from contracts.auth import GetJwks
from mesh.client.client import Client
from mesh.security.verifier import Verifier
from subjects import AUTH_JWKS


def build(settings: ConsoleSettings, watch: Watch) -> Guard:
    """The application. It connects to nothing."""
    client = Client(watch.transport)
    verifier = Verifier(settings, lambda: client.call(AUTH_JWKS, GetJwks()))
    app = FastAPI(title="northwind-mesh console", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.watch = watch
    app.state.sessions = sessions = Sessions(settings, verifier)
    for page in (signing, otlp, live, mesh, requests, events, logs, mail, endpoints, doctor):
        app.include_router(page.router)
    app.mount("/", StaticFiles(directory=STATIC, html=True))
    return Guard(app, sessions)

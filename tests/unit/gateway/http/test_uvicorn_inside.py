"""What we rely on inside uvicorn. An upgrade that changes any of it fails here first, by name."""

import ast
import asyncio
import inspect
from pathlib import Path

import uvicorn
from starlette.types import Receive, Scope, Send

import gateway
from gateway.http import framing, protocol
from gateway.http.uvicorn_inside import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

SOURCES = [Path(str(module.__file__)).read_text() for module in (framing, protocol)]
OURS = {
    "_at",
    "_begin",
    "_answering",
    "_broken",
    "_buffer",
    "_content",
    "_ending",
    "_expiry",
    "_framing",
    "_head",
    "_ignoring",
    "_in_body",
    "_in_head",
    "_lingering",
    "_unread",
    "_wire",
    "_working",
    "limits",
}
ATTRIBUTES = {
    "access_log",
    "access_logger",
    "app",
    "app_state",
    "asgi_version",
    "client",
    "connections",
    "cycle",
    "flow",
    "logger",
    "loop",
    "parser",
    "scheme",
    "scope",
    "server",
    "server_state",
    "tasks",
    "transport",
}
METHODS = {
    "connection_made",
    "connection_lost",
    "data_received",
    "on_body",
    "on_response_complete",
    "on_headers_complete",
    "on_message_complete",
    "pause_writing",
    "resume_writing",
    "shutdown",
    "timeout_keep_alive_handler",
    "_unset_keepalive_if_required",
}
OF_CYCLE = {"disconnected", "keep_alive", "message_event", "more_body", "response_complete", "waiting_for_100_continue"}


def test_one_file_alone_imports_what_is_inside() -> None:
    files = Path(str(gateway.__file__)).parent.rglob("*.py")
    assert ["uvicorn_inside.py"] == [path.name for path in files if "uvicorn.protocols" in path.read_text()]


async def test_this_file_names_all_that_we_use_inside() -> None:
    used = set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
                used.add(node.attr)
    ours = {name for one in (framing.FramedProtocol, protocol.HttpProtocol) for name in vars(one)} | OURS
    assert used - ours - METHODS <= ATTRIBUTES
    assert not (OURS - {"limits"}) & set(vars(made())), "the library has come to use a name of ours"


def made() -> HttpToolsProtocol:
    """A connection of uvicorn's own."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        """Answer nothing."""

    config = uvicorn.Config(app, ws="none", lifespan="off", log_config=None, interface="asgi3")
    config.load()
    state = uvicorn.server.ServerState()
    return HttpToolsProtocol(config, state, {}, asyncio.get_running_loop())


async def test_a_connection_has_what_it_had() -> None:
    one = made()
    assert ATTRIBUTES <= set(dir(one)) | set(HttpToolsProtocol.__annotations__)
    assert METHODS <= set(dir(one))


def test_a_cycle_is_made_as_it_was() -> None:
    assert [
        "scope", "transport", "flow", "logger", "access_logger", "access_log", "default_headers", "message_event",
        "expect_100_continue", "keep_alive", "on_response",
    ] == list(inspect.signature(RequestResponseCycle).parameters)  # fmt: skip
    source = inspect.getsource(RequestResponseCycle.__init__)
    assert {name for name in OF_CYCLE if f"self.{name}" in source} == OF_CYCLE


def test_a_status_line_is_bytes() -> None:
    assert b"HTTP/1.1 400 Bad Request\r\n" == STATUS_LINE[400]

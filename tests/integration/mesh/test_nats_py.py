"""What we rely on inside nats-py. An upgrade that changes any of it fails here first, by name."""

import ast
import inspect
from pathlib import Path

from nats.aio.client import Client as NatsClient
from nats.aio.subscription import Subscription
from nats.aio.transport import Transport

from mesh.nats import client as connection
from mesh.nats.client import NatsConnection
from mesh.nats.socket import NatsSocket

COROUTINES = {
    "_attempt_reconnect": [],
    "_connect_to_server": ["s"],
    "_flush_pending": ["force_flush"],
    "_process_connect_init": [],
    "_process_err": ["err_msg"],
    "_process_info": ["info", "initial_connection"],
    "_process_op_err": ["e"],
    "_process_ping": [],
    "_process_pong": [],
    "_read_loop": [],
    "_send_command": ["cmd", "priority"],
    "_send_ping": ["future"],
}
FUNCTIONS = {"_connect_command": [], "_remove_sub": ["sid", "max_msgs"]}
TASKS = {"_flusher_task", "_ping_interval_task", "_reading_task"}
ATTRIBUTES = {
    "_current_server",
    "_error_cb",
    "_id",
    "_pongs",
    "_server_info",
    "_sid",
    "_status",
    "_subs",
    "_transport",
} | TASKS
METHODS = {"_drain_quietly", "_end_tasks", "_not_let_in", "_on_line", "_on_malformed", "_on_message"}
OURS = {"_refused", "_client", "_deliver", "_draining_tasks", "_subscription"} | METHODS


def parameters(function: object) -> list[str]:
    assert callable(function)
    return [name for name in inspect.signature(function).parameters if name != "self"]


def private(tree: ast.AST) -> set[str]:
    """Every name with an underscore that the code reads, writes or defines on an object."""
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return {name for name in names if name.startswith("_") and not name.startswith("__")}


def who_says(what: str) -> set[str]:
    """The library's methods in whose source this stands."""
    methods = inspect.getmembers(NatsClient, inspect.isfunction)
    return {name for name, method in methods if what in inspect.getsource(method)}


def test_this_file_names_all_that_we_use_inside() -> None:
    used = private(ast.parse(Path(connection.__file__).read_text()))
    assert COROUTINES.keys() | FUNCTIONS.keys() | ATTRIBUTES == used - OURS
    assert not OURS & set(dir(NatsClient())), "the library has come to use a name of ours"


def test_the_methods_take_what_they_took() -> None:
    methods = {**COROUTINES, **FUNCTIONS}
    assert methods == {name: parameters(getattr(NatsClient, name)) for name in methods}
    assert all(inspect.iscoroutinefunction(getattr(NatsClient, name)) for name in COROUTINES)
    assert not any(inspect.iscoroutinefunction(getattr(NatsClient, name)) for name in FUNCTIONS)


def test_the_attributes_are_there_and_begin_as_they_did() -> None:
    client = NatsClient()
    assert ([], 0, NatsClient.DISCONNECTED) == (client._pongs, client._sid, client._status)  # noqa: SLF001  # what this test pins
    assert ({}, {}) == (client._server_info, client._subs)  # noqa: SLF001  # what this test pins
    assert {None} == {getattr(client, name) for name in TASKS | {"_current_server", "_transport"}}
    assert 7 == Subscription(client, 7, "a.b")._id  # noqa: SLF001  # what this test pins


def test_only_what_we_override_reads_messages_or_keeps_commands_for_later() -> None:
    assert {"_send_command"} == who_says("_pending.append(") | who_says("_pending.insert(")
    assert {"_read_loop"} == who_says("_ps.parse(") == who_says("_transport.read(")
    assert {"_send_ping", "_process_connect_init", "_attempt_reconnect"} == who_says("_transport.write(")


async def test_the_transport_is_the_interface_that_our_socket_has() -> None:
    names = {
        "at_eof", "close", "connect", "connect_tls", "drain", "read", "readline", "wait_closed", "write", "writelines",
        "__bool__",
    }  # fmt: skip
    assert names == Transport.__abstractmethods__
    for name in names:
        assert parameters(getattr(Transport, name)) == parameters(getattr(NatsSocket, name)), name
    assert NatsSocket(), "the library makes a transport of its own where there is none"


def test_what_we_override_is_there_to_be_overridden() -> None:
    ours = {name for name in vars(NatsConnection) if not name.startswith("__") and hasattr(NatsClient, name)}
    assert {"flush"} | (COROUTINES.keys() | FUNCTIONS.keys()) & vars(NatsConnection).keys() == ours
    assert ["timeout"] == parameters(NatsClient.flush)
    assert ["subject", "queue"] == parameters(NatsClient.subscribe)[:2]

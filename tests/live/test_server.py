"""What our class for uvicorn's --ws uses of uvicorn's own: a new uvicorn that has it no more fails here first."""

import asyncio
import inspect
from types import SimpleNamespace

import pytest
import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from queueboard.live.server import EXTENSION, LONGEST_MESSAGE, LiveProtocol
from queueboard.supervisor import services

pytestmark = pytest.mark.asyncio


def protocol() -> LiveProtocol:
    ours = "queueboard.live.server:LiveProtocol"
    config = uvicorn.Config("queueboard.asgi:application", ws=ours, lifespan="off", log_config=None)
    config.load()
    assert config.ws_protocol_class is LiveProtocol
    return LiveProtocol(config=config, server_state=ServerState(), app_state={}, _loop=asyncio.get_running_loop())


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("connection_made", ["transport"]),
        ("connection_lost", ["exc"]),
        ("data_received", ["data"]),
        ("pause_writing", []),
        ("resume_writing", []),
        ("handle_close", ["event"]),
        ("run_asgi", []),
    ],
)
async def test_uvicorn_has_the_methods_that_ours_stand_in_for(name, arguments):
    for each in (WebSocketsSansIOProtocol, LiveProtocol):
        assert list(inspect.signature(getattr(each, name)).parameters) == ["self", *arguments]


async def test_uvicorn_keeps_its_state_under_the_names_that_ours_reads():
    made = protocol()
    assert (made.handshake_initiated, made.handshake_complete, made.close_sent) == (False, False, False)
    assert isinstance(made.writable, asyncio.Event)
    assert isinstance(made.queue, asyncio.Queue)
    assert callable(made.conn.send_close)
    assert callable(made.conn.data_to_send)
    assert made.transport is None


async def test_neither_compression_nor_long_messages_are_taken():
    made = protocol()
    assert list(made.conn.available_extensions) == []
    assert made.conn.max_message_size == LONGEST_MESSAGE


async def test_the_extension_is_in_the_scope_that_the_application_sees():
    made, seen = protocol(), []

    async def application(scope, receive, send) -> None:
        seen.append(scope["extensions"])

    made.app, made.scope = application, {"extensions": {"websocket.http.response": {}}}
    made.transport = SimpleNamespace(write=seen.append, close=lambda: None)
    made.handshake_complete = True
    await made.run_asgi()
    assert set(seen[0]) == {"websocket.http.response", EXTENSION}
    assert set(seen[0][EXTENSION]) == {"lend", "abort"}


@pytest.mark.parametrize("why_not", ["no handshake", "closed", "closing", "backlog"])
async def test_nothing_is_lent_of_a_socket_that_cannot_be_written_to(why_not):
    made = protocol()
    made.handshake_complete = why_not != "no handshake"
    made.close_sent = why_not == "closed"
    made.transport = SimpleNamespace(write=print, is_closing=lambda: why_not == "closing")
    if why_not == "backlog":
        made.pause_writing()
    assert made.lend(SimpleNamespace(pause=None, resume=None, leave=None)) is None


async def test_the_web_process_is_started_with_it():
    command = services.web(host="127.0.0.1", port=1).command
    assert command[command.index("--ws") + 1] == "queueboard.live.server:LiveProtocol"
    assert command[command.index("--http") + 1] == "queueboard.live.http:PromptProtocol"

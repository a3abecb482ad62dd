"""Every way to write to a socket keeps the same rules: newest wins, nobody waits for a client, who has gone is gone."""

import asyncio
import contextlib
import json
import struct
from datetime import datetime, timedelta

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from queueboard.live import feeds, http, limits, metrics, outlets, protocol, sockets
from queueboard.live import server as live_server
from queueboard.live.outlets import Sending, Writing
from tests.live.ways import EXTENSION, SEND, certificate, come_true, served, state

pytestmark = pytest.mark.asyncio
EACH_WAY = pytest.mark.parametrize("way", [EXTENSION, SEND], ids=["extension", "send"])
BULK = 300_000  # bytes: a few of these fill what the kernel holds between two ends
FAREWELL = b"\x88\x02" + struct.pack("!H", protocol.STUCK)


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def _no_pace(monkeypatch):
    monkeypatch.setattr(feeds, "PACE", 0.0)


def ways_out(served) -> set[type]:
    return {type(outlet) for crowd in served.feed._crowds.values() for outlet in crowd}


async def closed_with(ws) -> int:
    with contextlib.suppress(ConnectionClosed):
        async with asyncio.timeout(5):
            while True:
                await ws.recv()
    return ws.close_code


def ended(reason: str) -> float:
    return metrics.closed.labels(reason)._value.get()


@pytest.mark.parametrize("behind", [False, True], ids=["plain", "middleware"])
@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
@EACH_WAY
async def test_the_present_state_comes_first_and_every_newer_one_follows(way, tls, behind, pem):
    async with served(way, pem if tls else None, behind=behind) as here, here.connect() as ws:
        assert (await state(ws))["version"] == 1
        assert ways_out(here) == {Writing if way is EXTENSION else Sending}
        for version, bulk in ((2, 0), (3, 200), (4, 70_000)):  # a header for each of the three lengths
            here.show(version, bulk=bulk)
            assert (await state(ws))["version"] == version
        if behind:
            assert here.passed.count("websocket.send") == (0 if way is EXTENSION else 4)


@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
@EACH_WAY
async def test_a_slow_client_gets_the_newest_state_when_it_reads_and_not_the_backlog(way, tls, pem):
    async with served(way, pem if tls else None) as here, here.connect(max_queue=1) as slow:
        await state(slow)
        last = 1
        while not any(crowd.late for crowd in here.feed._crowds.values()) or last < 60:
            last += 1
            here.show(last, bulk=BULK)
            await asyncio.sleep(0)
        read = [(await state(slow))["version"]]
        while read[-1] < last:
            read.append((await state(slow))["version"])
        assert read == sorted(set(read))
        assert len(read) < last - 1
        here.show(last + 1)
        assert (await state(slow))["version"] == last + 1


async def test_the_kernel_holds_no_backlog_either(monkeypatch):
    """Of small states it would take thousands ahead, all of which a slow client would be shown as the present ones."""
    async with served(EXTENSION) as here:
        with here.silent():
            await come_true(lambda: not here.feed.idle)
            last = 1
            while not any(crowd.late for crowd in here.feed._crowds.values()):
                last += 1
                here.show(last, bulk=1500)
                await asyncio.sleep(0)
            assert last < 300  # what the client's own end has asked for, and little more


@pytest.mark.parametrize(
    "goodbye",
    [
        Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=True),
        b"\xff" * 20,
        Frame(Opcode.TEXT, b"x" * 2000).serialize(mask=True),
    ],
    ids=["close", "garbage", "too big"],
)
async def test_who_says_goodbye_and_reads_nothing_more_is_not_kept(goodbye, monkeypatch):
    monkeypatch.setattr(live_server, "GOODBYE", 0.05)
    async with served(EXTENSION) as here:
        with here.silent() as silent:
            await come_true(lambda: not here.feed.idle)
            while not any(crowd.late for crowd in here.feed._crowds.values()):
                here.show(here.feed.version + 1, bulk=BULK)
                await asyncio.sleep(0)
            silent.sendall(goodbye)
            await come_true(lambda: not here.connections)


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n"], ids=["nothing", "no end of the headers"])
async def test_who_asks_for_nothing_is_not_kept(begun, monkeypatch):
    """Else any number of them takes all files that the process may open."""
    monkeypatch.setattr(http, "PATIENCE", 0.3)
    async with served(EXTENSION) as here, here.connect() as ws:
        await state(ws)
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        writer.write(begun)
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
        here.show(2)
        assert (await state(ws))["version"] == 2, "who has asked stays"


async def test_who_joins_while_the_database_is_away_is_told_how_old_the_state_is():
    """R6.1: the state alone would be taken for the present one until the next heartbeat."""
    async with served(EXTENSION) as here:
        here.feed.read_at -= timedelta(seconds=40)
        async with here.connect() as ws:
            assert json.loads(await asyncio.wait_for(ws.recv(), 5))["version"] == 1
            told = json.loads(await asyncio.wait_for(ws.recv(), 2))
            age = datetime.fromisoformat(told["now"]) - datetime.fromisoformat(told["heartbeat"])
            assert age >= timedelta(seconds=40)


@EACH_WAY
async def test_a_client_that_never_reads_is_dropped_with_a_code_and_the_others_notice_nothing(way, monkeypatch):
    monkeypatch.setattr(outlets, "STUCK_AFTER", 0.2)
    before = ended("stuck")
    async with served(way) as here, here.connect() as ws:
        with here.silent() as silent:
            await state(ws)
            await come_true(lambda: len(here.feed._crowds["phone"]) == 2)
            version = 1
            while len(here.feed._crowds["phone"]) == 2:
                version += 1
                here.show(version, bulk=BULK)
                assert (await state(ws))["version"] == version
            silent.setblocking(False)
            end = b""
            async with asyncio.timeout(5):
                while not end.endswith(FAREWELL):
                    part = await asyncio.get_running_loop().sock_recv(silent, 1 << 20)
                    assert part, "the connection ended without a reason"
                    end = (end + part)[-100:]
        await come_true(lambda: ended("stuck") == before + 1)


async def test_a_stuck_client_that_does_not_even_read_the_code_is_cut_off(monkeypatch):
    """So that nothing is kept of it: only the extension can do that."""
    monkeypatch.setattr(outlets, "STUCK_AFTER", 0.05)
    monkeypatch.setattr(sockets, "PARTING", 0.05)
    async with served(EXTENSION) as here:
        with here.silent() as silent:
            await come_true(lambda: not here.feed.idle)
            version = 1
            while not here.feed.idle:
                version += 1
                here.show(version, bulk=BULK)
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.3)
            silent.setblocking(False)
            with contextlib.suppress(ConnectionResetError):
                async with asyncio.timeout(5):
                    while await asyncio.get_running_loop().sock_recv(silent, 1 << 20):
                        pass


@EACH_WAY
async def test_who_has_gone_is_not_written_to_and_silences_nobody(way):
    async with served(way) as here, here.connect() as stays, here.connect() as leaves, here.connect() as breaks:
        for ws in (stays, leaves, breaks):
            await state(ws)
        breaks.transport.abort()
        await leaves.close()
        await come_true(lambda: len(here.feed._crowds["phone"]) == 1)
        here.show(2)
        assert (await state(stays))["version"] == 2


async def test_a_write_that_fails_takes_its_own_socket_out_and_no_other():
    def failing(frame: bytes) -> None:
        raise RuntimeError("the handler is closed")

    async with served(EXTENSION) as here, here.connect() as first, here.connect() as second:
        for ws in (first, second):
            await state(ws)
        crowd = here.feed._crowds["phone"]
        crowd.written.add(next(iter(crowd.written)), failing)
        here.show(2)
        assert len(crowd) == 1
        assert (await state(second))["version"] == 2


async def test_compression_is_refused():
    """Its frames are made once for all sockets."""
    async with served(EXTENSION) as here, here.connect(compression="deflate") as ws:
        assert ws.protocol.extensions == []
        await state(ws)


@EACH_WAY
async def test_a_ping_is_answered_with_a_heartbeat(way):
    async with served(way) as here, here.connect() as ws:
        await state(ws)
        await ws.send("ping")
        assert "heartbeat" in json.loads(await asyncio.wait_for(ws.recv(), 5))


@EACH_WAY
@pytest.mark.parametrize(
    ("code", "reason", "said"),
    [
        (protocol.TOO_BIG, "too big", ["x" * (limits.LONGEST_MESSAGE + 1)]),
        (protocol.FLOOD, "flood", ["ping"] * (limits.MOST_MESSAGES + 1)),
        (1007, "garbage", [Frame(Opcode.TEXT, b"\xff\xfe").serialize(mask=True)]),
        (1002, "garbage", [b"\xff" * 20]),
    ],
)
async def test_a_client_that_sends_what_it_should_not_is_closed_and_counted(way, code, reason, said):
    before = ended(reason)
    async with served(way) as here, here.connect(ping_interval=None) as ws, here.connect() as other:
        await state(ws)
        await state(other)
        for each in said:
            if isinstance(each, bytes):
                ws.transport.write(each)
            else:
                await ws.send(each)
        assert await closed_with(ws) == code
        await come_true(lambda: ended(reason) == before + 1)
        here.show(2)
        assert (await state(other))["version"] == 2


@pytest.mark.parametrize("piece", [Frame(Opcode.PING, b"p" * 125), Frame(Opcode.CONT, b"", fin=False)])
async def test_a_flood_that_is_no_message_is_closed_too(piece):
    """Pings are answered and empty fragments collected before an application hears of them."""
    before = ended("flood")
    async with served(EXTENSION) as here, here.connect() as ws:
        await state(ws)
        ws.transport.write(Frame(Opcode.TEXT, b"", fin=False).serialize(mask=True))
        ws.transport.write(piece.serialize(mask=True) * 5000)
        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(5):
                await ws.recv()
        await come_true(lambda: ended("flood") == before + 1)
        assert here.feed.idle


async def test_a_client_that_answers_no_ping_is_closed():
    async with served(EXTENSION, ws_ping_interval=0.05, ws_ping_timeout=0.05) as here:
        with here.silent():
            await come_true(lambda: not here.feed.idle)
            await come_true(lambda: here.feed.idle)


@pytest.mark.parametrize(("setting", "status"), [("LIVE_SOCKETS", 503), ("LIVE_SOCKETS_PER_ADDRESS", 429)])
@EACH_WAY
async def test_a_socket_too_many_is_not_accepted_until_another_has_gone(way, setting, status, settings):
    setattr(settings, setting, 1)
    async with served(way) as here:
        async with here.connect() as ws:
            await state(ws)
            with pytest.raises(InvalidStatus) as refused:
                await here.connect()
            assert refused.value.response.status_code == status
        await come_true(lambda: here.feed.idle)
        async with here.connect() as ws:
            assert (await state(ws))["version"] == 1


async def test_a_process_takes_no_more_sockets_than_it_may_open_files(monkeypatch):
    limits.files.cache_clear()
    monkeypatch.setattr(limits.resource, "getrlimit", lambda _: (64, limits.KEPT_FILES + 1))
    monkeypatch.setattr(limits.resource, "setrlimit", lambda _, pair: None)
    try:
        async with served(EXTENSION) as here, here.connect():
            with pytest.raises(InvalidStatus):
                await here.connect()
    finally:
        limits.files.cache_clear()


async def test_the_limit_per_address_holds_for_the_address_that_a_trusted_proxy_notes(settings):
    settings.LIVE_SOCKETS_PER_ADDRESS, settings.TRUST_PROXY = 1, True
    async with served(EXTENSION, proxy_headers=False) as here:
        one, two = ({"X-Forwarded-For": address} for address in ("192.0.2.1", "192.0.2.2"))
        async with here.connect(additional_headers=one), here.connect(additional_headers=two):
            with pytest.raises(InvalidStatus):
                await here.connect(additional_headers=one)


@EACH_WAY
async def test_a_feed_that_closes_tells_its_sockets_why(way):
    async with served(way) as here, here.connect() as ws:
        await state(ws)
        here.feed.close(protocol.CHANGED)
        assert await closed_with(ws) == protocol.CHANGED
        assert here.feed.idle

"""The live way through a real server process: sockets, polls, who may see what (R6.1, R6.2)."""

import json
import socket
import statistics
import struct
import threading
import time
from dataclasses import replace
from functools import partial

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from websockets.exceptions import ConnectionClosed, InvalidStatus

from queueboard import snapshots
from queueboard.live import news, protocol
from queueboard.models import Board, Device
from queueboard.screens import cookie, pairing
from tests import factories
from tests.live import clinic
from tests.live.serving import Server, state, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes, pytest.mark.once]


def closed_with(ws, within: float = 10.0) -> int:
    """The code that the server closes a socket with; what it sends before is passed over."""
    deadline = time.monotonic() + within
    try:
        while True:
            ws.recv(timeout=max(0.0, deadline - time.monotonic()))
    except ConnectionClosed as closed:
        return closed.rcvd.code


def logged_in(user: User) -> str:
    """The Cookie header of a browser in which this user is logged in."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return f"sessionid={client.cookies['sessionid'].value}"


def member_of_staff(name: str, *permissions: str) -> User:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def test_the_first_message_is_the_whole_snapshot_and_a_change_follows(server):
    session = clinic.queue("张小明", "李四")
    with server.connect(f"/ws/queues/{session.pk}/") as ws:
        first = state(ws)
        assert first == json.loads(snapshots.build(session.pk).phone) | {"at": first["at"]} | {
            part: first[part]
            for part in ("waiting", "joining")  # their waits run with the clock
        }
        assert [entry["number"] for entry in first["waiting"]] == ["A001", "A002"]
        clinic.call(session)
        second = state(ws, within=1.0)
        assert [entry["number"] for entry in second["called"]] == ["A001"]
        assert second["version"] > first["version"]


def test_a_phone_is_never_sent_a_name(server):
    """R6.2."""
    session = clinic.queue("张小明", "John Smith")
    with server.connect(f"/ws/queues/{session.pk}/") as ws:
        seen = [state(ws)]
        clinic.call(session)
        seen.append(state(ws))
    text = json.dumps([*seen, server.get(f"/live/queues/{session.pk}")[2].decode()], ensure_ascii=False)
    for part in ("张", "明", "Smith", "J. S", '"name"'):
        assert part not in text


def test_versions_only_rise_and_the_last_state_is_the_databases(server):
    session = clinic.queue(*(f"张小{n}" for n in range(10)))
    versions: list[int] = []
    with server.connect(f"/ws/queues/{session.pk}/") as ws:
        for _ in range(10):
            clinic.call(session)
        session.refresh_from_db()
        while not versions or versions[-1] < session.version:
            versions.append(state(ws)["version"])
    assert versions == sorted(set(versions))
    assert versions[-1] == session.version


def test_each_commit_is_received_by_itself_and_how_long_it_takes_is_printed(server, monkeypatch):
    """R6.1: thirty calls, none coalesced away where the screen keeps up; bench/ holds the figures to a reference."""
    session = clinic.queue(*(f"张小{n}" for n in range(30)), split=((0, 30), (0, 5)))
    announced: dict[int, float] = {}
    received: dict[int, float] = {}
    plain = news.announce

    def announce(session_id):
        announced[len(announced)] = time.monotonic()
        plain(session_id)

    monkeypatch.setattr(news, "announce", announce)
    with server.connect(f"/ws/queues/{session.pk}/") as ws:
        before = state(ws)["version"]

        def listen():
            while len(received) < 30:
                version = state(ws)["version"]
                received[version - before - 1] = time.monotonic()

        listener = threading.Thread(target=listen)
        listener.start()
        for n in range(30):
            clinic.call(session)
            until(lambda n=n: n in received)
        listener.join()
    took = [received[n] - announced[n] for n in range(30)]
    print(f"\ncommit to receipt: median {statistics.median(took) * 1000:.1f} ms, longest {max(took) * 1000:.1f} ms")
    assert sorted(received) == list(range(30))


def test_news_lost_on_the_way_are_made_up_for_by_the_sweep(server, monkeypatch):
    session = clinic.queue("张小明")
    with server.connect(f"/ws/queues/{session.pk}/") as ws:
        first = state(ws)
        monkeypatch.setattr(news, "announce", lambda session_id: None)  # the process died after the commit
        clinic.call(session)
        assert [entry["number"] for entry in state(ws, newer_than=first["version"], within=3.0)["called"]] == ["A001"]


def test_a_heartbeat_tells_when_the_database_was_last_read(server):
    session = clinic.queue("张小明")
    with server.connect(f"/ws/queues/{session.pk}/") as ws:
        state(ws)
        ws.send("ping")
        first = json.loads(ws.recv(timeout=1))
        assert set(first) == {"heartbeat", "now"}
        assert first["heartbeat"] <= first["now"]
        until(lambda: json.loads(ws.recv(timeout=5))["heartbeat"] > first["heartbeat"])


def figures(server) -> dict[str, float]:
    """What /metrics says, by name and labels."""
    status, headers, body = server.get("/metrics")
    assert (status, headers["content-type"].split(";")[0]) == (200, "text/plain")
    lines = [line for line in body.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_the_metrics_tell_of_sockets_pushes_and_how_long_a_commit_took(server):
    session = clinic.queue("张小明", "李四")
    on_phones, took = 'queueboard_live_sockets{audience="phone"}', "queueboard_live_commit_to_socket_seconds_count"
    left = 'queueboard_live_closed_total{reason="left"}'
    with server.connect(f"/ws/queues/{session.pk}/") as ws:
        state(ws)
        before = figures(server)
        assert before[on_phones] >= 1
        clinic.call(session)
        state(ws)
        until(lambda: figures(server).get(took, 0) > before.get(took, 0))
        after = figures(server)
        assert after["queueboard_live_pushes_total"] > before["queueboard_live_pushes_total"]
        assert 0 <= after["queueboard_live_snapshot_age_seconds"] < 10
    until(lambda: figures(server).get(left, 0) > before.get(left, 0))
    assert figures(server)[on_phones] < after[on_phones]


def test_a_poll_has_the_sockets_bytes_with_the_version_as_etag(server):
    session = clinic.queue("张小明", "李四")
    address = f"/live/queues/{session.pk}"
    with server.connect(f"/ws/queues/{session.pk}/") as ws:
        frame = ws.recv(timeout=5)
    status, headers, body = server.get(address)
    assert status == 200
    assert body == frame.encode()
    assert headers["etag"] == f'W/"{session.version}"'
    assert headers["cache-control"] == "no-cache"
    assert float(headers["queue-age"]) < 4
    status, headers, body = server.get(address, If_None_Match=headers["etag"])
    assert (status, body) == (304, b"")
    assert "queue-age" in headers
    clinic.call(session)
    until(lambda: server.get(address, If_None_Match=headers["etag"])[0] == 200, 3)


def test_a_poll_is_built_when_it_is_not_in_memory_and_kept_up_to_date_by_the_sweep(server, monkeypatch):
    session = clinic.queue("张小明")
    assert json.loads(server.get(f"/live/queues/{session.pk}")[2])["version"] == session.version
    monkeypatch.setattr(news, "announce", lambda session_id: None)
    clinic.call(session)
    until(lambda: json.loads(server.get(f"/live/queues/{session.pk}")[2])["version"] > session.version, 3)


@pytest.mark.parametrize("address", ["/live/queues/987654", "/live/boards/none", "/live/queues/x", "/live/"])
def test_a_poll_of_what_is_not_there_is_404(server, address):
    assert server.get(address)[0] == 404


@pytest.mark.parametrize("address", ["/ws/queues/987654/", "/ws/boards/none/", "/ws/elsewhere/"])
def test_a_socket_on_what_is_not_there_is_closed_with_4404(server, address):
    with server.connect(address) as ws:
        assert closed_with(ws) == protocol.UNKNOWN


def test_a_board_of_two_queues_shows_both_and_follows_each(server):
    department = factories.department()
    one, two = clinic.queue("张小明", of=department), clinic.queue("李大四", of=department)
    clinic.board("hall-two", department)
    with server.connect("/ws/boards/hall-two/") as ws:
        first = state(ws)
        assert {queue["session"] for queue in first["queues"]} == {one.pk, two.pk}
        assert first["version"] == one.version + two.version
        for session, name in ((one, "张*明"), (two, "李*四")):
            clinic.call(session)
            shown = {queue["session"]: queue for queue in state(ws, within=1.0)["queues"]}
            assert [entry["name"] for entry in shown[session.pk]["called"]] == [name]
    status, headers, body = server.get("/live/boards/hall-two")
    assert status == 200
    assert headers["etag"].startswith(f'W/"{first["version"] + 2}-')
    assert "张小明" not in body.decode()


def test_a_session_that_opens_appears_on_the_board_by_the_sweep(server):
    department = factories.department()
    clinic.board("hall-new", department)
    with server.connect("/ws/boards/hall-new/") as ws:
        first = state(ws)
        assert first["queues"] == []
        session = clinic.queue("张小明", of=department)
        second = state(ws, within=3.0)
        assert [queue["session"] for queue in second["queues"]] == [session.pk]
        assert second["version"] > first["version"]


def connected_screen(made: Board) -> tuple[Device, str]:
    """A screen that shows this board, and its Cookie header."""
    browser = Client()
    code = browser.get("/board/").context["waiting"].code
    device = pairing.connect(code=code, place=made, name="left", actor=None)
    return device, f"{cookie.COOKIE}={browser.cookies[cookie.COOKIE].value}"


def test_a_private_board_is_for_its_screens_and_unknown_to_others(server):
    department = factories.department()
    made = clinic.board("hall-private", department, public=False)
    _device, header = connected_screen(made)
    other = connected_screen(clinic.board("hall-elsewhere", department, public=False))[1]
    for stranger in ({}, {"Cookie": f"{cookie.COOKIE}=wrong"}, {"Cookie": other}):
        with server.connect("/ws/boards/hall-private/", **stranger) as ws:
            assert closed_with(ws) == protocol.UNKNOWN
        assert server.get("/live/boards/hall-private", **stranger)[::2] == server.get("/live/boards/none")[::2]
    with server.connect("/ws/boards/hall-private/", Cookie=header) as ws:
        assert state(ws)["board"] == "hall-private"
    status, headers, _ = server.get("/live/boards/hall-private", Cookie=header)
    assert (status, headers["cache-control"]) == (200, "private, no-cache")


@pytest.mark.parametrize("public", [False, True])
def test_a_screen_that_is_disconnected_is_let_go_of_and_no_other(server, public):
    made = clinic.board(f"hall-of-two-{public}", factories.department(), public=public)
    (gone, left), (_stays, right) = connected_screen(made), connected_screen(made)
    with (
        server.connect(f"/ws/boards/{made.slug}/", Cookie=left) as first,
        server.connect(f"/ws/boards/{made.slug}/", Cookie=right) as second,
    ):
        state(first)
        state(second)
        pairing.revoke(device_id=gone.pk)
        assert closed_with(first) == protocol.CHANGED
        second.send("ping")
        assert "heartbeat" in json.loads(second.recv(timeout=5))
    assert server.get(f"/live/boards/{made.slug}", Cookie=left)[0] == (200 if public else 404)


def test_a_screen_that_is_sent_to_another_board_is_let_go_of(server):
    here, there = (clinic.board(slug, factories.department(), public=False) for slug in ("hall-here", "hall-there"))
    device, header = connected_screen(here)
    with server.connect("/ws/boards/hall-here/", Cookie=header) as ws:
        state(ws)
        Device.objects.filter(pk=device.pk).update(board=there)
        assert closed_with(ws) == protocol.CHANGED
    with server.connect("/ws/boards/hall-there/", Cookie=header) as ws:
        assert state(ws)["board"] == "hall-there"


def test_a_private_board_is_open_to_staff_who_may_view_boards(server):
    clinic.board("hall-staff", factories.department(), public=False)
    watcher, other = member_of_staff("watcher", "view_board"), member_of_staff("other")
    with server.connect("/ws/boards/hall-staff/", Cookie=logged_in(watcher)) as ws:
        assert state(ws)["board"] == "hall-staff"
    with server.connect("/ws/boards/hall-staff/", Cookie=logged_in(other)) as ws:
        assert closed_with(ws) == protocol.UNKNOWN


def test_a_board_that_is_public_no_more_lets_go_of_who_follows_it(server):
    made = clinic.board("hall-closed", factories.department())
    with server.connect("/ws/boards/hall-closed/") as ws:
        state(ws)
        Board.objects.filter(pk=made.pk).update(public=False)
        assert closed_with(ws) == protocol.CHANGED
    with server.connect("/ws/boards/hall-closed/") as ws:
        assert closed_with(ws) == protocol.UNKNOWN


def test_the_desk_shows_masked_names_to_staff_of_that_department_only(server):
    session = clinic.queue("张小明")
    clerk = member_of_staff("clerk", "work_desk", "call_patients")
    stranger = member_of_staff("stranger", "work_desk", "call_patients")
    doctor = member_of_staff("doctor", "call_patients")
    manager = member_of_staff("manager", "work_desk", "manage_queues")
    session.department.staff.add(clerk)
    session.expert.user = doctor
    session.expert.save()
    for allowed in (clerk, doctor, manager):
        with server.connect(f"/ws/desk/{session.pk}/", Cookie=logged_in(allowed)) as ws:
            assert [entry["name"] for entry in state(ws)["waiting"]] == ["张*明"]
    for headers in ({}, {"Cookie": logged_in(stranger)}, {"Cookie": "sessionid=made-up"}):
        with server.connect(f"/ws/desk/{session.pk}/", **headers) as ws:
            assert closed_with(ws) == protocol.FORBIDDEN


def test_a_client_may_not_send_much(server):
    session = clinic.queue("张小明")
    with server.connect(f"/ws/queues/{session.pk}/") as ws:
        ws.send("hello")
        assert state(ws)["session"] == session.pk
        ws.send("x" * 5000)
        assert closed_with(ws) == protocol.TOO_BIG


def test_a_page_of_another_site_may_not_open_a_socket(redis_url):
    session = clinic.queue("张小明")
    strict = Server(redis_url, ALLOWED_HOSTS="hospital.example")
    try:
        with strict.connect(f"/ws/queues/{session.pk}/", Origin="https://hospital.example") as ws:
            assert state(ws)["session"] == session.pk
        with pytest.raises(InvalidStatus) as refused:
            strict.connect(f"/ws/queues/{session.pk}/", Origin="https://elsewhere.example")
        assert refused.value.response.status_code == 403
    finally:
        strict.stop()


def silent_client(server, path: str) -> socket.socket:
    """A websocket client that never reads what it is sent."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    client.connect(("127.0.0.1", server.port))
    client.sendall(
        f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    return client


def test_a_client_that_never_reads_delays_nobody_and_is_dropped(server):
    session = clinic.queue("张小明")
    present = snapshots.build(session.pk)
    bulk = b" " * 400_000  # so that the buffers between here and there fill
    silent = silent_client(server, f"/ws/queues/{session.pk}/")
    took, version = [], present.version
    with server.connect(f"/ws/queues/{session.pk}/") as ws:
        state(ws)
        ends = time.monotonic() + 4  # the server's patience in these tests is 1 s
        while time.monotonic() < ends or len(took) < 40:
            version += 1
            body = b'{"version":%d,"bulk":"%s"}' % (version, bulk)
            started = time.monotonic()
            # A Redis that is slow here and now is left alone for a while: again, then.
            until(partial(news.store, replace(present, version=version, phone=body)))
            assert state(ws, newer_than=version - 1)["version"] == version
            took.append(time.monotonic() - started)
    farewell = b"\x88\x02" + struct.pack("!H", protocol.STUCK)
    end = b""
    silent.settimeout(10)
    while not end.endswith(farewell):
        part = silent.recv(1 << 20)
        assert part, "the connection ended without a reason"
        assert b'"version":%d,' % version not in part  # it was dropped long before
        end = (end + part)[-100:]
    print(f"\n{len(took)} pushes beside a client that does not read: longest {max(took) * 1000:.0f} ms")

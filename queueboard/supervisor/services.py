"""The processes of a running queueboard, in the order in which they are started."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from queueboard.supervisor import valkey

NOT_THE_DEMONSTRATION = 3  # exit status of `manage.py demo` on a database that holds anything else


@dataclass(frozen=True, slots=True)
class Service:
    """One process to be kept running.

    name     what its lines are led by
    command  program and arguments
    grace    seconds between asking it to stop and killing it
    last     exit statuses that mean it has nothing more to do: it is not started again
    """

    name: str
    command: Sequence[str]
    grace: float = 4.0
    last: frozenset[int] = frozenset()


def manage(*arguments: str) -> list[str]:
    """A command of manage.py, run by this very Python."""
    return [sys.executable, str(Path(__file__).resolve().parents[2] / "manage.py"), *arguments]


def embedded_valkey(*, folder: Path, socket: Path) -> Service:
    return Service("valkey", valkey.command(folder=folder, socket=socket))


def web(*, host: str, port: int) -> Service:
    """Pages, API and websockets from one uvicorn; with uvloop where it is installed (`--loop auto`)."""
    module = [sys.executable, "-m", "uvicorn", "queueboard.asgi:application"]
    address = ["--host", host, "--port", str(port)]
    # A client that has vanished is noticed by a ping it does not answer; a heartbeat of the queue comes every 4 s.
    live = ["--ws", "queueboard.live.server:LiveProtocol", "--ws-ping-interval", "60", "--ws-ping-timeout", "20"]
    live += ["--http", "queueboard.live.http:PromptProtocol"]
    # Screens that stay connected would hold up a stop for ever; they come back by themselves.
    options = ["--loop", "auto", "--timeout-graceful-shutdown", "2"]
    return Service("web", [*module, *address, *live, *options, "--no-access-log", "--log-level", "warning"])


def celery(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "celery", "--quiet", "-A", "queueboard", *arguments, "--loglevel", "WARNING"]


def worker() -> Service:
    """Celery's worker. Threads, not forked children: nothing to be orphaned by a kill, a third of the memory, and
    a long task in one thread does not hold up the queue's clock in another, nor do services that are slow to answer:
    no more than one thread waits for each of them."""
    alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return Service("worker", celery("worker", "--pool", "threads", "--concurrency", "8", *alone))


def beat() -> Service:
    return Service("beat", celery("beat"))


def demo(*, base: str) -> Service:
    """The demonstration's patients and staff, who use the pages under `base` (http://host:port) as people do."""
    return Service("demo", manage("demo", "--base", base), last=frozenset({NOT_THE_DEMONSTRATION}))

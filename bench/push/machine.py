"""What the machine is asked: processor time and memory of a process, cores to pin to, files to open."""

import os
import resource
import socket
import time
from collections.abc import Callable
from pathlib import Path

SERVER_CORE, LOAD_CORE = 0, 1


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, all threads, to the microsecond."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def pinned(core: int) -> Callable[[], None]:
    """For preexec_fn: one core, and as many files as the machine allows."""

    def prepare() -> None:
        os.sched_setaffinity(0, {core % (os.cpu_count() or 1)})
        many_files()

    return prepare


def many_files() -> int:
    """Raises this process's limit of open files as far as it may: the limit."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port: int) -> None:
    """Until something listens there. Raises RuntimeError after a minute."""
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the server did not start")

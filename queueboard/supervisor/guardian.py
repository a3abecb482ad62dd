"""The guardian: ends the supervisor's children when the supervisor is gone, however it went.

It runs as a script of its own in a session of its own and imports nothing of the product, so that it is small and
does not fail with it. Standard input is a pipe whose only writer is the supervisor: `+<group>` a process group to
watch over, `-<group>` one that has ended. End of file means that the supervisor has ended, by whatever signal; what is
still listed then is told to stop, and killed when it does not. A pipe works on every Unix, unlike Linux' prctl.
"""

import contextlib
import os
import signal
import sys
import time

GRACE = 2.0  # seconds between asking and killing


def gone(group: int) -> bool:
    """Whether no process of this group is left."""
    try:
        os.killpg(group, 0)
    except OSError:
        return True
    return False


def send(group: int, number: int) -> None:
    """Send the signal, and do not mind a group that has ended meanwhile."""
    with contextlib.suppress(OSError):
        os.killpg(group, number)


def end(groups: set[int]) -> None:
    """Ask all groups to stop, then kill what is left of them."""
    for group in groups:
        send(group, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and not all(gone(group) for group in groups):
        time.sleep(0.05)
    for group in groups:
        send(group, signal.SIGKILL)


def main() -> None:
    for deaf in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(deaf, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin.buffer:
        sign, number = line[:1], int(line[1:])
        if sign == b"+":
            groups.add(number)
        else:
            groups.discard(number)
    end(groups)


if __name__ == "__main__":
    os.chdir("/")
    main()

"""python -m queueboard.supervisor.sandbox COMMAND ...: runs it with a folder and a Valkey of its own.

For tests and benchmarks: they touch neither the data nor the news of a queueboard that runs in the same place. The
folder is QUEUEBOARD_VAR and goes afterwards; the Valkey is REDIS_URL, unless the environment names one already.
"""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from queueboard.supervisor.checks import Refusal
from queueboard.supervisor.valkey import running_valkey


def run(command: list[str]) -> int:
    """Run the command to its end and return its exit status."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="queueboard-")))
        env = {"SECRET_KEY": secrets.token_urlsafe(50), **os.environ, "QUEUEBOARD_VAR": str(folder)}
        if "REDIS_URL" not in env:
            env["REDIS_URL"] = stack.enter_context(running_valkey(folder / "valkey"))
        process = subprocess.Popen(command, env=env)
        # Unlike Ctrl-C, which reaches the command by itself, SIGTERM is sent to us alone: hand it on.
        signal.signal(signal.SIGTERM, lambda number, frame: process.terminate())
        while True:
            # The command says its last words, then we end.
            with contextlib.suppress(KeyboardInterrupt):
                return process.wait()


if __name__ == "__main__":
    try:
        sys.exit(run(sys.argv[1:]))
    except Refusal as refusal:
        sys.exit(str(refusal))

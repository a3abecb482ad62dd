"""Where the embedded Valkey listens."""

import hashlib
import os
import tempfile
from pathlib import Path

LONGEST = 99  # characters; macOS takes 103, Linux 107, and clients add a few of their own


def socket_path(folder: Path) -> Path:
    """The unix socket that belongs to this folder: in it or, where that path is too long, in a short folder under
    the system's folder for temporary files, always the same one, so that a command typed by hand finds it too."""
    plain = Path(os.path.abspath(folder)) / "valkey.sock"
    if len(os.fsencode(plain)) <= LONGEST:
        return plain
    name = hashlib.sha256(os.fsencode(plain)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"queueboard-{os.getuid()}-{name}" / "valkey.sock"
    return short if len(os.fsencode(short)) <= LONGEST else Path("/tmp") / short.parent.name / short.name

"""Sentences as sound files, each made once by the engine and kept in memory: a hall says few of them at a time."""

import logging
import subprocess
import sys
import threading
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

log = logging.getLogger(__name__)

ENGINE = Path(__file__).with_name("engine.py")
VOICES = {"en": "en", "zh-hans": "cmn", "zh-hant": "cmn"}
KEPT = 64  # of about 200 KB each
PATIENCE = 10  # seconds; a sentence takes a tenth of one
_one_at_a_time = threading.Lock()


def recording(sentence: str, language: str) -> bytes | None:
    """A WAV file that says this; None where the engine is not installed, or fails."""
    if find_spec("espeakng_loader") is None:
        return None
    try:
        # Of several boards that ask for the same sentence in one moment the first has it made.
        with _one_at_a_time:
            return _made(sentence, VOICES[language])
    except (subprocess.SubprocessError, OSError):
        log.exception("a call could not be made into sound")
        return None


@lru_cache(maxsize=KEPT)
def _made(sentence: str, voice: str) -> bytes:
    command = [sys.executable, "-E", str(ENGINE), voice]
    return subprocess.run(command, input=sentence.encode(), capture_output=True, check=True, timeout=PATIENCE).stdout

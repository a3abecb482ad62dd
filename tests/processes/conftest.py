"""A folder that a run of `manage.py up` can have for itself (its socket's path must be short)."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="qb-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)

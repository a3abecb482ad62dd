"""Fixtures of the tests of booking."""

import pytest

from booking import invariants


@pytest.fixture
def nothing_is_breached():
    """After the test every invariant holds."""
    yield
    assert list(invariants.breaches()) == []

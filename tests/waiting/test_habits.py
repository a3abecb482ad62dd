"""What is kept of an expert's past is shared by all threads of a process."""

import math

import pytest

from queueboard import habits
from tests import factories

pytestmark = pytest.mark.django_db


class Meanwhile(float):
    """Until when something is kept; while that is looked at, another thread has kept something else."""

    def __le__(self, now: float) -> bool:
        habits._kept["of another thread"] = (math.inf, None)
        return super().__le__(now)


def test_another_thread_may_keep_something_while_one_looks_for_what_is_old(monkeypatch):
    monkeypatch.setattr(habits, "_kept", {"old": (Meanwhile(0), None), "young": (Meanwhile(math.inf), None)})
    session = factories.session()
    known = habits.known(session, [session.expert], 4)
    assert set(habits._kept) >= {"young", "of another thread"}
    assert "old" not in habits._kept
    assert known is habits.known(session, [session.expert], 4)

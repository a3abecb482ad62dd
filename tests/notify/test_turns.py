"""One notice of a process is under way at a time; a service that hangs is not waited for (R5.4)."""

import threading

from queueboard.notify import turns

LONG = 30  # seconds: not waited for where all is well


def in_a_thread(act):
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def test_a_second_one_begins_when_the_first_has_ended(monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE", LONG)
    own, began, seen = turns.Turns(), threading.Event(), []

    def second():
        began.set()
        with own.one():
            seen.append("second")

    with own.one():
        thread = in_a_thread(second)
        began.wait(LONG)
        thread.join(0.2)  # whatever it does, it has had the time for it
        seen.append("first")
    thread.join(LONG)
    assert seen == ["first", "second"]


def test_one_that_hangs_loses_its_turn_and_takes_nobody_elses_away_when_it_ends(monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE", 0.01)
    own, seen = turns.Turns(), []
    hangs, ends = threading.Event(), threading.Event()

    def hanging():
        with own.one():
            hangs.set()
            ends.wait(LONG)

    def third():
        with own.one():
            seen.append("third")

    first = in_a_thread(hanging)
    hangs.wait(LONG)
    with own.one():
        monkeypatch.setattr(turns, "PATIENCE", LONG)
        ends.set()
        first.join(LONG)
        thread = in_a_thread(third)
        thread.join(0.2)
        seen.append("second")
    thread.join(LONG)
    assert seen == ["second", "third"]


def test_one_that_fails_gives_its_turn_back(monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE", LONG)
    own = turns.Turns()
    try:
        with own.one():
            raise ValueError
    except ValueError:
        pass
    thread = in_a_thread(lambda: own.one().__enter__())
    thread.join(LONG)
    assert not thread.is_alive()

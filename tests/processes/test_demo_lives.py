"""`manage.py up` on an empty database: a clinic in motion, over HTTP, and still after a restart."""

import json
import os
import signal
import urllib.request

import pytest

from tests.processes.running import Up, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.embedded]

STEPS = 15  # in 90 s: the periodic tasks alone take fewer than ten


def queues(up):
    with urllib.request.urlopen(f"http://127.0.0.1:{up.port}/api/v1/queues/", timeout=10) as answer:
        return {queue["id"]: queue["version"] for queue in json.load(answer)["results"]}


def moved(up, since, by):
    """Whether the queues have moved by so many versions."""
    return sum(version - since.get(pk, version) for pk, version in queues(up).items()) >= by


def test_a_morning_is_in_motion_and_goes_on_after_the_web_process_was_killed(folder):
    up = Up(folder, demo=True)
    try:
        up.ready()
        assert "/board/demo-hall/" in up.said
        assert "/t/" in up.said
        assert "chen / chen-demo" in up.said
        first = queues(up)
        assert len(first) == 3
        wait_for(lambda: moved(up, first, STEPS), seconds=90, what="steps of the queues")
        os.kill(up.children()["web"], signal.SIGKILL)
        wait_for(up.answers, seconds=60, what="the web process answering again")
        second = queues(up)
        wait_for(lambda: moved(up, second, STEPS), seconds=90, what="more steps")
        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(30) == 0
    finally:
        up.end()
    again = Up(folder, demo=True)
    try:
        # What is there is not filled in anew, and the mornings go on where they were.
        again.ready()
        assert "Filling the empty database" not in again.said
        third = queues(again)
        assert set(third) & set(second)
        wait_for(lambda: moved(again, third, STEPS), seconds=90, what="steps after a restart")
    finally:
        again.end()

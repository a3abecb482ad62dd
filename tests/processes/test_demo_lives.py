"""`manage.py up` on an empty database: a clinic in motion, over HTTP, and still after a restart."""

import json
import os
import signal
import urllib.request

import pytest

from tests.processes.running import Up, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.embedded]

CALLS = 2  # no periodic task calls anybody


def read(up, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{up.port}/api/v1/{path}", timeout=10) as answer:
        return json.load(answer)


def called(up):
    """Who has been called or is with an expert, as (session, number)."""
    queues = {each["id"]: read(up, f"queues/{each['id']}/") for each in read(up, "queues/")["results"]}
    parts = ((key, queue[part]) for key, queue in queues.items() for part in ("called", "serving"))
    return {(key, each["number"]) for key, part in parts for each in part}


def test_a_morning_is_in_motion_and_goes_on_after_the_web_process_was_killed(folder):
    up = Up(folder, demo=True)
    try:
        up.ready()
        assert "/board/demo-hall/" in up.said
        assert "/t/" in up.said
        assert "chen / chen-demo" in up.said
        first = called(up)
        wait_for(lambda: len(called(up) - first) >= CALLS, seconds=90, what="calls")
        os.kill(up.children()["web"], signal.SIGKILL)
        wait_for(up.answers, seconds=60, what="the web process answering again")
        second = called(up)
        wait_for(lambda: len(called(up) - second) >= CALLS, seconds=90, what="more calls")
        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(30) == 0
    finally:
        up.end()
    again = Up(folder, demo=True)
    try:
        # What is there is not filled in anew, and the mornings go on where they were.
        again.ready()
        assert "Filling the empty database" not in again.said
        third = called(again)
        assert {session for session, _ in third} & {session for session, _ in second}
        wait_for(lambda: len(called(again) - third) >= CALLS, seconds=90, what="calls after a restart")
    finally:
        again.end()

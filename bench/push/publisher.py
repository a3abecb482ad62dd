"""The desk: makes a queue whose state has about so many bytes, then calls a patient once more for each line that comes.

The first line on standard output has the session's id and the size of its state.
"""

import json
import os
import sys


def main(size: int) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "queueboard.settings")
    django.setup()
    from django.core.management import call_command

    from bench import open_queue
    from queueboard import snapshots
    from queueboard.services import arrivals, calls
    from tests import factories

    call_command("migrate", verbosity=0)
    session = open_queue.make(40)
    arrivals.register_walk_in(session_id=session.pk, patient_id=factories.patient().pk)
    ticket = calls.call_next(session_id=session.pk, room_id=session.rooms.get().room_id)
    have = 0
    while have < size:
        arrivals.register_walk_in(session_id=session.pk, patient_id=factories.patient().pk)
        have = len(snapshots.build(session.pk).phone)
    print(json.dumps([session.pk, have]), flush=True)
    while sys.stdin.readline():
        calls.recall(ticket_id=ticket.pk)


if __name__ == "__main__":
    main(int(sys.argv[1]))

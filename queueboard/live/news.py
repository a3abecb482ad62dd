"""News of a queue for every process: the snapshot stored in Redis under its version, and published.

Redis only carries news, several servers of it each a share of the sessions (carriers.py). Where it is down, screens are
served by the sweep of their own process (hub.py), so nothing here waits for it longer than 200 ms nor raises.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace

import redis
from django.conf import settings

from queueboard import snapshots
from queueboard.live import carriers, protocol
from queueboard.snapshots import Snapshot

log = logging.getLogger(__name__)

KEPT_SECONDS = 24 * 3600

# Compare-and-set: an older snapshot never replaces a newer one, unless that is another database's.
STORE = """
local kept = redis.call('HMGET', KEYS[1], 'mark', 'version')
if kept[1] == ARGV[1] and tonumber(kept[2]) >= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'mark', ARGV[1], 'version', ARGV[2], 'body', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('PUBLISH', ARGV[5], ARGV[3])
return 1
"""

listeners: list[Callable[[Snapshot], None]] = []  # the hub of this process, which need not wait for Redis


def topic(session_id: int) -> str:
    return f"{settings.REDIS_PREFIX}:queue:{session_id}"


def key(session_id: int) -> str:
    return f"{settings.REDIS_PREFIX}:snapshot:{session_id}"


def announce(session_id: int) -> None:
    """Tells every process what a session's queue now is. Called after commit; never raises."""
    committed = time.time()
    try:
        snapshot = replace(snapshots.build(session_id, shown=latest(session_id)), committed=committed)
        for listener in listeners:
            listener(snapshot)
        store(snapshot)
    except Exception:
        log.warning("could not announce session %s: the sweep will", session_id, exc_info=True)


def store(snapshot: Snapshot) -> bool:
    """Stores and publishes a snapshot unless Redis has one as new. False also where Redis cannot be reached."""
    arguments = (
        snapshot.mark, snapshot.version, protocol.pack(snapshot), KEPT_SECONDS, topic(snapshot.session),
    )  # fmt: skip
    return bool(_ask(snapshot.session, lambda client: client.eval(STORE, 1, key(snapshot.session), *arguments)))


def stored(session_id: int, *, version: int) -> Snapshot | None:
    """The stored snapshot of exactly this version of our database; None where there is none or no Redis."""
    found = latest(session_id)
    return found if found is not None and found.version == version else None


def latest(session_id: int) -> Snapshot | None:
    """The stored snapshot of the newest version of our database; None where there is none or no Redis."""
    found = _ask(session_id, lambda client: client.hmget(key(session_id), "mark", "body"))
    if not isinstance(found, list) or found[0] != snapshots.database_mark().encode():
        return None
    return protocol.unpack(found[1])


def _ask(session_id: int, question: Callable[[redis.Redis], object]) -> object:
    """The answer of the server that carries this session's news; None where there is none."""
    return carriers.by_url(carriers.url_of(session_id)).ask(question)

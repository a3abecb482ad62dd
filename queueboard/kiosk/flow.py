"""What whoever stands at the kiosk has answered so far: in the web session, encrypted, and gone with the end.

Nothing of it is in an address or in the browser: every screen has the kiosk's own, and shows where the flow stands.
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from django.http import HttpRequest
from django.utils import timezone

from booking import data_keys
from queueboard.kiosk.models import Kiosk

KEY = "kiosk"
FORGOTTEN = timedelta(minutes=10)  # whoever has gone without an end; the pages go back to the start much sooner


@dataclass
class Flow:
    """`step` is the screen. `language`: "" for the hospital's. `session`: the one that a walk-in has chosen.

    `patients` are the ids of those who were proven to stand here; `id_number` and `name` are of somebody new. `visits`
    are tokens: of those to choose from, of the one that `problem` is about, or of the ticket issued.
    """

    kiosk: str
    step: str = "start"
    language: str = ""
    session: int | None = None
    phone: str = ""
    patients: list[int] = field(default_factory=list)
    id_number: str = ""
    name: str = ""
    visits: list[str] = field(default_factory=list)
    problem: str = ""
    at: str = ""


def read(request: HttpRequest, kiosk: Kiosk) -> Flow:
    """Where the flow stands; the start for one that is old, or of another kiosk."""
    kept = data_keys.opened(request.session.get(KEY, ""))
    if kept is not None:
        flow = Flow(**json.loads(kept))
        if flow.kiosk == kiosk.slug and datetime.fromisoformat(flow.at) > timezone.now() - FORGOTTEN:
            return flow
    return Flow(kiosk=kiosk.slug)


def keep(request: HttpRequest, flow: Flow) -> None:
    flow.at = timezone.now().isoformat()
    request.session[KEY] = data_keys.sealed(json.dumps(asdict(flow)))


def forget(request: HttpRequest) -> None:
    """Nothing is left of it: not even the session, unless somebody has signed in with it."""
    request.session.pop(KEY, None)
    if not request.session.keys():
        request.session.flush()

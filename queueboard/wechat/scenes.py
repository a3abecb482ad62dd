"""QR codes that bind whoever scans them with WeChat to one visit. WeChat draws nothing: it says what they show."""

import secrets
from datetime import datetime, timedelta

from booking.models.hashes import keyed_hash
from queueboard.chat.models import VisitCode
from queueboard.wechat import api

PREFIX = "visit-"  # the hospital may have QR codes of other kinds
LASTS = timedelta(minutes=10)
LEFT = timedelta(minutes=1)  # a code that is shown can be scanned for so long at least


def shown(token: str, *, now: datetime) -> VisitCode | None:
    """The visit's code that nobody has scanned and that is good for a while yet."""
    return VisitCode.objects.filter(token=token, used_at=None, until__gt=now + LEFT).order_by("-pk").first()


def make(token: str, *, now: datetime) -> VisitCode:
    """The code to show: the one that is shown already, else a new one. Raises as `api.scene_qr`."""
    known = shown(token, now=now)
    if known is not None:
        return known
    # Nothing of the visit: whoever reads the code in a log of WeChat's cannot open the page with it.
    code = secrets.token_urlsafe(24)
    url = api.scene_qr(PREFIX + code, LASTS)
    return VisitCode.objects.create(token=token, code_hash=keyed_hash(code), url=url, until=now + LASTS)


def code_in(scene: str) -> str:
    """The code of a visit in what was scanned; "" where it is none."""
    return scene.removeprefix(PREFIX) if scene.startswith(PREFIX) else ""

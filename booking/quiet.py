"""Quiet hours: what is not urgent waits until the morning."""

from datetime import datetime, time, timedelta

from django.conf import settings
from django.utils import timezone


def is_quiet(now: datetime) -> bool:
    """Whether people are asleep by the clinic's clock; hours may run over midnight, and two alike are none."""
    first, last = hours()
    clock = timezone.localtime(now).time()
    return first <= clock < last if first <= last else clock >= first or clock < last


def over(moment: datetime) -> datetime:
    """The moment itself, or the end of the quiet hours that it is in."""
    if not is_quiet(moment):
        return moment
    local, last = timezone.localtime(moment), hours()[1]
    end = local.replace(hour=last.hour, minute=last.minute, second=last.second, microsecond=0)
    return end if end > local else end + timedelta(days=1)


def hours() -> tuple[time, time]:
    """Raises ValueError where the setting is not like "21:00-07:00" (empty: no hours are quiet)."""
    first, _, last = (settings.QUIET_HOURS or "00:00-00:00").partition("-")
    return time.fromisoformat(first.strip()), time.fromisoformat(last.strip())

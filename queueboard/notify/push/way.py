"""One notice to one browser, encrypted so that its push service carries it and cannot read it."""

import hashlib
import time
from base64 import urlsafe_b64encode
from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.utils import timezone
from pywebpush import WebPusher

from queueboard.notify.interface import Dead, Later, Notice, Refused, Unavailable
from queueboard.notify.push import keys
from queueboard.notify.push.subscriptions import Subscription
from queueboard.snapshots import encoded

ENCODING = "aes128gcm"
TIMEOUT = (3.05, 6)  # seconds to connect (to each of a host's addresses) and to answer
CLAIM_SECONDS = 12 * 3600  # services take claims of a day at most, and clocks differ
LONGEST_TTL = timedelta(weeks=4)
WORD = 32  # characters of a topic, at most
NOBODY = "mailto:webmaster@example.org"  # where no contact is set: services want one to write to


class Push:
    name = "push"
    answers_within = timedelta(seconds=20)

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False  # neither proxies nor passwords of the machine are for subscriptions

    def send(self, to: str, notice: Notice) -> str:
        subscription = Subscription(*to.split(" "))
        try:
            with self._session.post(
                subscription.endpoint,
                data=_encrypted(subscription, notice),
                headers=_headers(subscription, notice),
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,  # what it says beside its status is not read
            ) as answer:
                _raise_for(answer)
                return answer.headers.get("Location", "")[-100:]
        except requests.RequestException as error:
            # Not its words: they quote the endpoint, by which anybody could write to this browser.
            raise Unavailable(f"no answer ({type(error).__name__})") from None


def payload(notice: Notice) -> dict[str, object]:
    """What the service worker shows (static/js/tell_worker.js)."""
    return {
        "title": notice.title,
        "body": notice.text,
        "lang": notice.language,
        "tag": word(notice.about),
        "id": word(notice.key),
        "url": notice.page or "/",
        "urgent": notice.urgent,
    }


def word(text: str) -> str:
    """Stands for a text where a service may see it: tells two apart, and says nothing."""
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()[:WORD]


def _encrypted(subscription: Subscription, notice: Notice) -> bytes:
    own = {"p256dh": subscription.p256dh, "auth": subscription.auth}
    pusher = WebPusher({"endpoint": subscription.endpoint, "keys": own})
    return pusher.encode(encoded(payload(notice)), content_encoding=ENCODING)["body"]


def _headers(subscription: Subscription, notice: Notice) -> dict[str, str]:
    parts = urlsplit(subscription.endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": int(time.time()) + CLAIM_SECONDS,
        "sub": settings.VAPID_CONTACT or NOBODY,
    }
    needed_for = min(max(notice.until - timezone.now(), timedelta()), LONGEST_TTL)
    return {
        "Content-Encoding": ENCODING,
        "Content-Type": "application/octet-stream",
        "TTL": str(int(needed_for.total_seconds())),
        "Urgency": "high" if notice.urgent else "normal",
        "Topic": word(notice.about),
        **keys.private().sign(claims),
    }


def _raise_for(answer: requests.Response) -> None:
    status = answer.status_code
    if status < 300:
        return
    words, seconds = f"{status}", _retry_after(answer.headers.get("Retry-After", ""))
    # 403 is no death: a browser that subscribed by another key (RFC 8292), but with some services a wrong clock too.
    if status in (404, 410):
        raise Dead(words)
    if status == 429:
        raise Later(words, seconds or 60.0)
    if status >= 500:
        raise Unavailable(words, seconds)
    raise Refused(words)


def _retry_after(written: str) -> float | None:
    """Seconds or a date; None where it is neither."""
    if written.isdecimal():
        return float(written)
    try:
        return max(0.0, (parsedate_to_datetime(written) - timezone.now()).total_seconds())
    except (ValueError, TypeError):
        return None

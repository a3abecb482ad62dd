"""Notices as template messages. Their words are the hospital's, in WeChat's pages; we fill in the fields."""

import re
from collections import defaultdict
from datetime import timedelta

from django.conf import settings

from booking.models.hashes import keyed_hash
from queueboard import wechat
from queueboard.notify import interface
from queueboard.wechat import api, transport

# What WeChat takes in a field, in characters, by the letters of its name: thing3, character_string1, ...
LONGEST = defaultdict(lambda: 20, character_string=32, number=32, letter=32, phrase=5, name=10, time=64, date=64)
NOTHING = "-"  # WeChat refuses a field that is empty


class WeChat:
    """Addresses are openids of the official account."""

    name = wechat.NAME
    # With a token to be renewed first, and each request at the end of its patience, it can take longer; what is sent
    # again then, WeChat shows once.
    answers_within = timedelta(seconds=30)

    def send(self, to: str, notice: interface.Notice) -> str:
        templates = settings.WECHAT["TEMPLATES"]
        template = templates.get(f"{notice.kind}.{notice.language}", templates.get(notice.kind))
        if template is None:
            raise interface.Refused(f"no template for {notice.kind}")
        data = {name: filled(name, words, notice) for name, words in template["data"].items()}
        once = keyed_hash(f"{notice.key} {to}")[:32]
        try:
            return api.send_template(to, template=template["id"], data=data, url=notice.url, once=once)
        except transport.Limited as error:
            raise interface.Unavailable(str(error), error.seconds) from None
        except transport.TooOften as error:
            raise interface.Later(str(error), error.seconds) from None
        except transport.Unavailable as error:
            raise interface.Unavailable(str(error)) from None
        except transport.Gone as error:
            raise interface.Dead(str(error)) from None
        except transport.Refused as error:
            raise interface.Refused(str(error)) from None


def filled(field: str, words: str, notice: interface.Notice) -> str:
    """What stands in a field: `words` with the notice's facts in their {places}, as long as WeChat takes it."""
    facts: dict[str, str] = defaultdict(str, notice.values)
    facts |= {"title": notice.title, "text": notice.text, "hospital": str(settings.HOSPITAL_NAME)}
    text = words.format_map(facts).strip() or NOTHING
    most = LONGEST[re.sub(r"[0-9]+$", "", field)]
    return text if len(text) <= most else text[: most - 1] + "…"

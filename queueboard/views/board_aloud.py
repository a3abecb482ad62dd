"""What is said of a call: number and room, never a name. voice.js says the same where the browser has a voice."""

import re
from typing import Any

from django.utils.translation import override

from queueboard.views.board_face import in_two
from queueboard.views.texts import board_texts, say

DIGITS = "零一二三四五六七八九"


def of_call(queues: list[dict[str, Any]], session: int, number: str, language: str) -> str | None:
    """The sentence for a number that one of these queues (a board's) calls or has in a room now; None for any other."""
    for queue in queues:
        for call in [*queue["called"], *queue["serving"]]:
            if (queue["session"], call["number"]) == (session, number):
                names = [room["names"] for room in queue["rooms"] if room["code"] == call["room"]]
                room = in_two(names[0], (language, ""))[0] if names else call["room"]
                with override(language):
                    room = room_read_out(room, language)
                    return say(board_texts()["first"], "announce", number=read_out(number, language), room=room)
    return None


def read_out(number: str, language: str) -> str:
    """A ticket number digit by digit; an English letter with its stop, as "A" alone would be read as the article."""
    if language == "en":
        return " ".join(each if each.isdigit() else f"{each}." for each in number)
    return " ".join(DIGITS[int(each)] if each in "0123456789" else each for each in number)


def room_read_out(name: str, language: str) -> str:
    """A room's name; three digits and more one by one, as 302 is not a count and is read as 320 by some voices."""
    return re.sub(r" ?([0-9]{3,}) ?", lambda found: f" {read_out(found[1], language)} ", name).strip()

"""The sentences of the live pages, once for server and script: the script gets them as JSON in the page's language.

Placeholders stand in braces. What is counted is a pair {"one", "other"}: English needs both, Chinese has them alike.
"""

from collections.abc import Callable

from django.utils.translation import get_language, ngettext, override, pgettext
from django.utils.translation import gettext as _

from queueboard import pauses

Texts = dict[str, str | dict[str, str]]


def _counted(make: Callable[[int], str]) -> dict[str, str]:
    return {"one": make(1), "other": make(2)}


def say(texts: Texts, key: str, count: int | None = None, **values: object) -> str:
    """The sentence `key` with its values; with a count, the form for that count. An unknown key says nothing."""
    text = texts.get(key, "")
    if isinstance(text, dict):
        text = text["one" if count == 1 else "other"]
    return text.format(n=count, **values) if text else ""


def age_texts() -> Texts:
    return {
        "age.fresh": _("Up to date"),
        "age.first": _("As of {time}"),
        "age.seconds": _("Not current: {n} s old, reconnecting"),
        "age.minutes": _("Not current: {n} min old, reconnecting"),
        "age.hours": _("Not current: {n} h old, reconnecting"),
    }


def queue_texts() -> Texts:
    """What a queue is up to, on the board and on the pages with numbers."""
    return {
        "paused": _("Paused: {reason}"),
        "paused.until": _("{reason}, back at {time}"),
        "paused.plain": _("Short pause"),
        "cancelled": _("This clinic does not take place today"),
        "stopped": _("No more calls today. Please ask at the desk."),
        "not_started": _("Starts at {time}"),
        "closed": _("Closed for today"),
        "nobody": _("Nobody is waiting"),
    } | pauses.texts()


def board_texts(second: str | None = None) -> dict[str, Texts]:
    """The board's words in the page's language ("first") and in a second one shown smaller beneath it."""

    def words() -> Texts:
        return (
            age_texts()
            | queue_texts()
            | {
                "calling": _("Now calling"),
                "again": _("Called again"),
                "inside": _("In the room"),
                "idle": _("Please wait for your number"),
                "go_to": _("Please go to"),
                "announce": _("{number}, please go to {room}"),
                "room": _("Room"),
                "expert": _("Expert"),
                "now": _("Now"),
                "next": pgettext("on a board", "Next"),
                "missed": _("Missed your call? Please report to the desk."),
                "empty": _("No clinic is open here at the moment."),
            }
        )

    first = words()
    with override(second or get_language()):
        others = words()
        reasons = pauses.texts()  # also those that are the same word: they stand in sentences that are not
    new = {key: "" if text == first[key] else text for key, text in others.items()}
    return {"first": first, "second": new | reasons}


def reason_texts() -> Texts:
    """Why a position got worse (R4.12): the rule, and nothing about the other."""
    return {
        "reason.priority": _("a patient is seen first on medical or legal grounds"),
        "reason.on_time_passed": _("a patient who had checked in on time is back in line"),
        "reason.back": _("a patient who was called earlier came back"),
        "reason.return_visit": _("a patient came back with a test result"),
        "reason.earlier_slot": _("a patient of an earlier time checked in"),
        "reason.booked_first": _("a patient with an appointment checked in"),
        "reason.early_check_in": _("you came early, and patients of an earlier check-in time came in"),
        "reason.handed_over": _("a patient of another expert, who has waited longer, joined"),
        "reason.undone": _("a step of the staff was taken back"),
        "reason.own_priority": _("the staff changed your priority"),
        "reason.own_miss": _("you missed a call and come after the next few"),
        "reason.own_return": _("return visits take turns with the others"),
        "reason.keeps_time": _("a patient who keeps the booked time goes first"),
        "reason.slot": _("a patient of your time checked in before you"),
    }


def range_texts() -> Texts:
    """When somebody is called: from the median to the 90th percentile (R5.2)."""
    return {
        "range": _("about {start} – {end}"),
        "range.one": _("about {time}"),
        "range.soon": _("any moment now"),
        "range.none": _("no estimate yet"),
        "range.late": _("it takes a little longer than expected"),
    }


def phone_texts() -> Texts:
    return (
        age_texts()
        | queue_texts()
        | reason_texts()
        | range_texts()
        | {
            "before": _counted(lambda n: ngettext("{number}: patient before you", "{number}: patients before you", n)),
            "before.none": _("{number}: you are next"),
            "age.kept": _("No connection. As of {time}, {n} min ago"),
            "age.kept.long": _("No connection. As of {time} on {day}"),
            "advice.next": _("You are next. Please wait near {room}."),
            "advice.near": _("Please come to the waiting area now."),
            "advice.stay": _("Please stay close to the waiting area."),
            "advice.time": _("There is time, no need to wait here. Please be back by {time}."),
            "advice.paused": _("The expert is away for the moment. You keep your place."),
            "advice.paused.until": _("The expert is away and goes on at {time}. You keep your place."),
            "advice.stopped": _("No more calls today. Please ask at the desk: this does not count against you."),
            "worse": _counted(lambda n: ngettext("{n} place back: {reason}", "{n} places back: {reason}", n)),
            "happened.called": _("You were called to {room}"),
            "happened.missed": _("You were called and not there"),
            "happened.serving": _("Your visit began"),
            "happened.waiting": _("You are in the line again"),
            "title.waiting": _("{n} before you · {number}"),
            "title.called": _("Now: {room} · {number}"),
            "missed.at": _("Your number {number} was called, and nobody came."),
            "strip": _counted(lambda n: ngettext("{n} patient waits before you", "{n} patients wait before you", n)),
            "joining": _counted(
                lambda n: ngettext(
                    "If you checked in now: {n} patient before you", "If you checked in now: {n} patients before you", n
                )
            ),
        }
    )


def watch_texts() -> Texts:
    """The same for who looks on with a shared link: of somebody, and not to them."""
    return phone_texts() | {
        "before": _counted(lambda n: ngettext("Patient before {number}", "Patients before {number}", n)),
        "before.none": _("{number} is next"),
        "advice.next": _("Next. Now is the time to wait near {room}."),
        "advice.near": _("Now is the time to be in the waiting area."),
        "advice.stay": _("Now is the time to stay close to the waiting area."),
        "advice.time": _("There is time. Back by {time} is early enough."),
        "advice.paused": _("The expert is away for the moment. The place is kept."),
        "advice.paused.until": _("The expert is away and goes on at {time}. The place is kept."),
        "advice.stopped": _("No more calls today. The desk says what happens next."),
        "title.called": _("{number} is called: {room}"),
        "strip": _counted(
            lambda n: ngettext("{n} patient waits before {number}", "{n} patients wait before {number}", n)
        ),
        "joining": _counted(
            lambda n: ngettext("Checked in now: {n} patient before", "Checked in now: {n} patients before", n)
        ),
    }


def event_texts() -> Texts:
    """What happened to one's own ticket, by kind of event."""
    return {
        "check_in": _("You checked in"),
        "register": _("You were registered"),
        "call": _("You were called"),
        "recall": _("You were called again"),
        "start": _("Your visit began"),
        "finish": _("Your visit ended"),
        "miss": _("You were called and not there"),
        "put_back": _("You reported back"),
        "send_for_test": _("You were sent for a test"),
        "return_visit": _("You are back with your result"),
        "priority": _("The staff changed your priority"),
        "hand_over": _("You were handed over to another expert"),
        "hand_over_in": _("You joined this expert's queue and keep your arrival time"),
        "leave": _("You left the queue"),
        "undo": _("The staff took a step back"),
    }

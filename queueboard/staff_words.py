"""What staff read: why somebody stands where they stand, what was done, and the answers of the desk and expert pages.

Scripts get them as JSON in the page's language. Placeholders stand in braces; what is counted is {"one", "other"}.
"""

from collections.abc import Callable

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from booking.models import Appointment
from queueboard import pauses
from queueboard.rules import Place
from queueboard.services.foretold import Foretold
from queueboard.views.texts import Texts, age_texts, range_texts


def _counted(make: Callable[[int], str]) -> dict[str, str]:
    return {"one": make(1), "other": make(2)}


def place_words() -> dict[str, str]:
    """One word or two for each place of the order (R4.8b), as the lists show it."""
    return {
        Place.EMERGENCY: _("emergency"),
        Place.ON_TIME_PASSED: _("on time, was passed"),
        Place.BACK: _("back after a call"),
        Place.RETURN_VISIT: _("return visit"),
        Place.PRIORITY: _("priority"),
        Place.WALK_IN: _("walk-in"),
        Place.EARLY: _("booked, early"),
        Place.LATE: _("late"),
        Place.SLOT: _("booked"),
        Place.LATE_PASSED: _("late, was passed"),
        Place.MISSED_TWICE: _("missed twice"),
    }


def event_words() -> dict[str, str]:
    """What was done, by kind of event: in the audit log, in the list of the last minute, and on the undo key."""
    return {
        "registration_opened": _("registration opened"),
        "session_started": _("session started"),
        "check_in": _("checked in"),
        "late_said": _("said to be late"),
        "late_unsaid": _("not late after all"),
        "register": _("walk-in registered"),
        "leave": _("left the queue"),
        "call": _("called"),
        "recall": _("called again"),
        "start": _("visit started"),
        "finish": _("finished"),
        "miss": _("missed the call"),
        "put_back": _("reported back"),
        "send_for_test": _("sent for a test"),
        "return_visit": _("back with a result"),
        "priority": _("priority set"),
        "pause": _("paused"),
        "resume": _("calls go on"),
        "change_room": _("room changed"),
        "hand_over": _("handed over"),
        "hand_over_in": _("taken over from another expert"),
        "stop_early": _("stopped: no more calls"),
        "numbers_added": _("numbers added"),
        "substituted": _("substitute"),
        "seat_given_up": _("a seat is given up"),
        "session_room_changed": _("another room"),
        "times_changed": _("another time"),
        "template_followed": _("as the weekly template"),
        "made_by_hand": _("extra session"),
        "called_off": _("session cancelled"),
        "slot_ended": _("slot ended"),
        "close": _("session closed"),
        "printed": _("queue printed"),
        "undo": _("undone"),
    }


def _both_pages() -> Texts:
    return (
        age_texts()
        | {f"place.{place}": words for place, words in place_words().items()}
        | {f"event.{kind}": words for kind, words in event_words().items()}
        | {
            "offline": _("No answer from the server. Nothing was done: please try again."),
            "refused": _("This was refused."),
            "nothing_to_undo": _("There is nothing to undo."),
            "undo_what": _("Undo: {what}"),
            "undone": _("Taken back: {what}"),
            "minutes": _("{n} min"),
            "return_at": _("Back at {time}"),
            "paused": _("Paused"),
            "nobody": _("Nobody is waiting."),
        }
        | pauses.texts()
    )


ENOUGH = 10  # patients: of fewer, so many of ten is nothing to go by


def foretold_words(found: Foretold | None) -> str:
    """How good an expert's predictions of the last 30 days were (R5.2); "" where too little is known."""
    if found is None or found.patients < ENOUGH:
        return ""
    of_ten = 10 if found.before_p90 == 1 else min(9, round(10 * found.before_p90))
    words = _(
        "Last 30 days, {count} patients: half were called within {minutes} min of the time told, {of_ten} of 10 before "
        "the later time told."
    )
    return words.format(count=found.patients, minutes=max(1, round(found.half_within)), of_ten=of_ten)


def expert_words() -> Texts:
    """The sentences of the expert's page."""
    return (
        _both_pages()
        | range_texts()
        | {
            "seen_of": _("Seen {done} / {all}"),
            "waiting_count": _("waiting {n}"),
            "said_at": _("said at {time}"),
            "to_come": _("to come {n}"),
            "planned": _("Planned {start} – {end}"),
            "running": _("{time} so far, planned until {end}"),
            "hours": _("{h} h {n} min"),
            "all_seen": _("all here seen: {range}"),
            "booked_for": _("booked for {time}"),
            "first_visit": _("first visit"),
            "in_service": _("In service"),
            "called": _("Called"),
            "room_free": _("Nobody is in the room"),
            "times": _("called {n} ×"),
            "next": _("Next"),
            "next_nobody": _("Nobody is waiting"),
            "next_finish": _("Finish: nobody is waiting"),
            "resume": _("Go on"),
            "pause": _("Pause"),
            "undo": _("Undo"),
            "put-back": _("Is back"),
            "return-visit": _("Is back"),
            "not_called": _("The patient in the room is not waiting for a call."),
            "stopped": _("This session was stopped: nobody more is called."),
            "closed": _("This session is closed."),
            "state.planned": _("Registration has not opened yet."),
            "state.closed": _("This session is closed."),
            "state.cancelled": _("This session is cancelled."),
            "did.call": _("{number} is called."),
            "did.recall": _("{number} is called again."),
            "did.start": _("The visit of {number} has begun."),
            "did.finish": _("{number} is finished."),
            "did.miss": _("{number} missed the call."),
            "did.send-for-test": _("{number} went for a test and comes back as a return visit."),
            "did.return-visit": _("{number} is back and waits as a return visit."),
            "did.put-back": _("{number} has reported back and waits."),
            "did.pause": _("Paused. Patients see the reason and the time of return."),
            "did.resume": _("Calls go on."),
            "did.change-room": _("You are in {room} now."),
            "did.add": _("Numbers added: {count}."),
            "did.nobody": _("Nobody is waiting."),
            "no_patient": _("Nobody is called or in the room."),
            "no_free_room": _("No other room is free."),
            "slots_over": _("Every slot of this session has ended."),
        }
    )


def minding_words() -> dict[str, str]:
    """What a clerk must know before pressing Enter: warnings, where somebody would be placed and why (R4.5-R4.7)."""
    return {
        "warn.suspended": _("Suspended from booking until {day}. Registering on site is open to them."),
        "warn.not_paid": _("Not paid yet: the number is held until {time}. They pay on their page first."),
        "warn.not_open": _("Too early: check-in opens at {time}."),
        "warn.says_late": _("On the way: said on the phone at {time} to be late."),
        "warn.stopped": _("This session was stopped: nobody more is called."),
        "warn.other_day.told": _("Another day: booked on {day}, {slot}, with {expert}."),
        "warn.other_department": _("Booked in another department."),
        "warn.other_department.told": _("Another department: booked in {department} with {expert}, {day}, {slot}."),
        "warn.other_queue": _("Another queue: booked with {expert}, not with {shown}."),
        f"placed.{Place.LATE}": _(
            "Late: stands in the own slot by the time of check-in, as no later slot is called yet."
        ),
        f"placed.{Place.LATE_PASSED}": _(
            "Late, and a later slot is being called: stands behind everybody who keeps time."
        ),
        f"placed.{Place.ON_TIME_PASSED}": _("On time, but a later slot is being called: is seen next."),
        f"placed.{Place.EARLY}": _("Early: counts as having come shortly before the slot, whoever comes first."),
    }


def desk_words() -> Texts:
    """The sentences of the clerk's desk."""
    booking = {f"booking.{state}": str(words) for state, words in Appointment.State.choices}
    return (
        _both_pages()
        | booking
        | minding_words()
        | {
            "ready": _("Ready. Scan a code, or type a number, a phone, an ID or a name."),
            "looking": _("Looking…"),
            "found_none": _("Nobody of today was found for “{query}”. Enter registers a walk-in."),
            "found_many": _counted(
                lambda n: ngettext(
                    "{n} match: choose with the arrow keys, then Enter.",
                    "{n} matches: choose with the arrow keys, then Enter.",
                    n,
                )
            ),
            "found_one": _("{name}, {slot} with {expert}: {place} Enter checks in."),
            "found_late": _("{name}, {slot} with {expert}: late. {place} Enter checks in."),
            "found_not_now": _("{name}, {slot} with {expert}: {state}."),
            "found_ticket": _("{number} {name} with {expert}: {state}."),
            "checked_in": _("{number}: {name} is checked in with {expert}. {place}"),
            "in_queue": _("{number}: {name} is in the queue of {expert} already."),
            "elsewhere.other_day": _("This patient is booked on another day."),
            "elsewhere.other_department": _("This patient is booked in another department."),
            "registered": _("{number}: {name} is registered with {expert}."),
            "before": _counted(lambda n: ngettext("{n} patient before them", "{n} patients before them", n)),
            "would_wait": _("{before}, called in about {median}–{p90} min."),
            "offer": _("{slot} with {expert}: {place} Enter registers."),
            "known_offer": _(
                "{name} is known, and has no visit here today. {slot} with {expert}: {place} Enter registers."
            ),
            "new_offer": _("{name} is new. {slot} with {expert}: {place} Enter registers."),
            "no_queue": _("{name} is known; no queue is open to register with."),
            "elsewhere": _("Walk-in numbers are left with: {names}."),
            "walk_in_for": _("Walk-in for {expert}"),
            "name_missing": _("Please give a name."),
            "choose_row": _("Arrow keys choose a patient."),
            "not_now": _("{number} is “{state}”: this cannot be done now."),
            "no_other_queue": _("No other queue of this department is open."),
            "priority_of": _("Priority of {number}"),
            "hand_over_of": _("Hand {number} over"),
            "undo": _("Undo"),
            "free": _("free"),
            "counts": _("waiting {waiting} · seen {done}"),
            "about": _("{n}–{m} min"),
            "about_one": _("{n} min"),
            "did.call": _("{number} is called to room {room}."),
            "did.recall": _("{number} is called again."),
            "did.miss": _("{number} missed the call."),
            "did.put-back": _("{number} has reported back and waits."),
            "did.priority": _("The priority of {number} is changed."),
            "did.return-visit": _("{number} is back and waits as a return visit."),
            "did.leave": _("{number} has left the queue."),
            "did.hand-over": _("{number} is handed over."),
            "state.waiting": pgettext("ticket", "waiting"),
            "state.called": pgettext("ticket", "called"),
            "state.serving": pgettext("ticket", "in service"),
            "state.missed": pgettext("ticket", "missed the call"),
            "state.away": pgettext("ticket", "away for a test"),
            "state.done": pgettext("ticket", "seen"),
            "state.left": pgettext("ticket", "left"),
            "state.handed_over": pgettext("ticket", "handed over"),
            "state.not_seen": pgettext("ticket", "not seen"),
            "left_walk_in": _counted(lambda n: ngettext("{n} walk-in number left", "{n} walk-in numbers left", n)),
            "ago": _("{n} s ago"),
            "minutes_ago": _("{n} min ago"),
        }
    )

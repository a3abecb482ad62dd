"""The demonstration clinic: what there is (clinic), how its people behave (people), and how they live (actors)."""

from typing import Any


def welcome() -> dict[str, list[Any]]:
    """What the person at the terminal is shown: addresses (label, path) and logins (user, password, label)."""
    from queueboard.demo import clinic
    from queueboard.kiosk.models import Kiosk

    if not clinic.is_demo():
        return {"addresses": [], "logins": []}
    token = someone()
    boards = [(f"Board: {names[1]}", f"/board/{slug}/") for slug, (names, _) in clinic.BOARDS.items()]
    phone = [("A patient's phone", f"/t/{token}/")] if token else []
    # A database that an earlier version filled has none.
    kiosk = [("Kiosk", f"/kiosk/{clinic.KIOSK}/")] if Kiosk.objects.filter(slug=clinic.KIOSK).exists() else []
    doctors = [
        *(doctor for practice in clinic.PRACTICES for doctor in practice.doctors),
        *(each.doctor for each in clinic.REGULARS),
    ]
    logins = [("clerk", "clerk: the desk"), ("manager", "manager")]
    logins += [(each.login, f"expert: {each.names[1]}, room {each.room}") for each in doctors]
    return {
        "addresses": [
            ("Queues", "/"),
            ("Booking", "/book/"),
            *boards,
            *phone,
            *kiosk,
            ("Desk", "/admin/desk/"),
            ("Expert", "/expert/"),
            ("Administration", "/admin/"),
            ("API", "/api/docs/"),
        ],
        "logins": [(login, clinic.password_of(login), label) for login, label in logins],
    }


def someone() -> str | None:
    """The link of a patient who waits now, the one longest to wait; else of one who is booked."""
    from booking.models import Appointment, Session
    from queueboard.models import Ticket

    waiting = Ticket.objects.filter(state=Ticket.State.WAITING, session__state__in=Session.LIVE)
    booked = Appointment.objects.filter(state=Appointment.State.BOOKED).order_by("session__starts_at", "slot__index")
    return (
        waiting.order_by("-slot__starts_at", "-number").values_list("token", flat=True).first()
        or booked.values_list("token", flat=True).first()
    )

"""What the admin's sidebar and start page lead to, each only for those who may go there."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse_lazy
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


def _may(*permissions: str) -> Callable[[HttpRequest], bool]:
    return lambda request: any(request.user.has_perm(permission) for permission in permissions)


def _page(title: Promise, icon: str, name: str, *permissions: str) -> dict[str, Any]:
    link = reverse_lazy(name)
    # By the whole address: unfold takes a beginning for a match, and every address begins with that of the home page.
    return {
        "title": title, "icon": icon, "link": link, "permission": _may(*permissions),
        "active": lambda request: request.path == str(link),
    }  # fmt: skip


def _list(title: Promise, icon: str, model: str) -> dict[str, Any]:
    app, name = model.split(".")
    return _page(title, icon, f"admin:{app}_{name}_changelist", f"{app}.view_{name}", f"{app}.change_{name}")


WORK = [
    _page(_("Desk"), "keyboard", "desk", "queueboard.work_desk"),
    _page(_("Expert's page"), "stethoscope", "expert", "queueboard.call_patients", "queueboard.work_desk"),
    _page(_("Code for check-in"), "pin", "on_site", "queueboard.work_desk"),
    _page(_("Queues now"), "groups", "home", "booking.view_session"),
    _page(_("Overview"), "monitoring", "admin:booking_session_overview", "queueboard.manage_queues"),
]
NAVIGATION = [
    {"title": _("Work"), "items": WORK},
    {
        "title": _("Today"),
        "items": [
            _list(_("Sessions"), "calendar_month", "booking.session"),
            _list(_("Appointments"), "event_available", "booking.appointment"),
            _list(_("Tickets"), "confirmation_number", "queueboard.ticket"),
            _list(_("Patients"), "person_search", "booking.patient"),
            _list(_("Suspensions"), "person_off", "booking.suspension"),
            _list(_("Waitlists"), "hourglass", "booking.waitlistentry"),
            _list(_("Draws"), "casino", "booking.ballot"),
            _list(_("Requests in draws"), "how_to_vote", "booking.ballotentry"),
        ],
    },
    {
        "title": _("Quotas"),
        "items": [
            _page(_("Reports of the study"), "table_chart", "admin:booking_expert_reports", "queueboard.manage_queues"),
            _page(_("Simulator"), "science", "admin:queueboard_simulation_add", "queueboard.manage_queues"),
        ],
    },
    {
        "title": _("The clinic"),
        "collapsible": True,
        "items": [
            _list(_("Departments and rules"), "rule", "booking.department"),
            _list(_("Experts"), "badge", "booking.expert"),
            _list(_("Rooms"), "meeting_room", "booking.room"),
            _list(_("Weekly templates"), "date_range", "booking.template"),
            _list(_("Holidays"), "celebration", "booking.holiday"),
            _list(_("Leave"), "beach_access", "booking.leave"),
            _list(_("Boards"), "tv", "queueboard.board"),
            _list(_("Screens"), "cast", "queueboard.device"),
            _list(_("Kiosks"), "touch_app", "queueboard.kiosk"),
        ],
    },
    {
        "title": _("Records"),
        "collapsible": True,
        "items": [
            _list(_("Audit log of the queues"), "history", "queueboard.queueevent"),
            _page(_("Suspicious patterns"), "policy", "admin:booking_appointment_patterns", "queueboard.manage_queues"),
            _list(_("Quota ledger"), "receipt_long", "booking.quotamove"),
            _list(_("Quota calculations"), "calculate", "booking.quotaplan"),
            _list(_("Past sessions"), "folder_open", "booking.pastsession"),
            _list(_("Payments"), "payments", "booking.payment"),
            _list(_("Outgoing messages"), "outbox", "booking.outbox"),
            _list(_("Notices"), "notifications", "queueboard.delivery"),
            _list(_("Acts on personal data"), "shield_person", "booking.datalog"),
            _page(
                _("Log of the administration"),
                "manage_history",
                "admin:admin_logentry_changelist",
                "queueboard.manage_queues",
            ),
        ],
    },
    {
        "title": _("Logins"),
        "collapsible": True,
        "items": [_list(_("Users"), "person", "auth.user"), _list(_("Roles"), "group", "auth.group")],
    },
]


# The accent of tokens.css, with lighter and darker steps for unfold.
COLORS = {
    "primary": {
        "50": "#f0faf8", "100": "#d3f0eb", "200": "#a8e0d7", "300": "#74c9bd", "400": "#5fd0bf", "500": "#1f8f83",
        "600": "#0a6b62", "700": "#09584f", "800": "#084741", "900": "#073b36", "950": "#032421",
    }
}  # fmt: skip


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The start page leads to the day's work first, and to the boards."""
    from queueboard.models import Board

    context["work"] = [page for page in WORK if page["permission"](request)]
    context["boards"] = Board.objects.order_by("slug") if request.user.has_perm("queueboard.view_board") else []
    return context

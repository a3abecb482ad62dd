"""Who may do what to which queue: pages, API and sockets all ask here.

A clerk works the desk of the own departments, an expert calls in the rooms they sit in, a manager does both
everywhere. The permissions come with the groups of migration 0003.
"""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin
from django.db.models import Q, QuerySet

from booking.models import Department, Session, SessionRoom

User = AbstractBaseUser | AnonymousUser

DESK = "queueboard.work_desk"
CALL = "queueboard.call_patients"
MANAGE = "queueboard.manage_queues"


def departments_of(user: User) -> QuerySet[Department]:
    """The departments whose desk is this user's: a clerk's own, all for a manager."""
    if may(user, MANAGE):
        return Department.objects.all()
    if not (may(user, DESK) or may(user, CALL)):
        return Department.objects.none()
    return Department.objects.filter(staff=user.pk)


def sessions_of(user: User) -> QuerySet[Session]:
    """The sessions this user may see as staff: of the own departments, and those they sit in."""
    if may(user, MANAGE):
        return Session.objects.all()
    if not (may(user, DESK) or may(user, CALL)):
        return Session.objects.none()
    seats = SessionRoom.objects.filter(expert__user=user.pk).values("session")
    return Session.objects.filter(Q(department__staff=user.pk) | Q(pk__in=seats)).distinct()


def may_manage(user: User) -> bool:
    """Stop and close sessions, hand everybody over."""
    return may(user, MANAGE)


def may_desk(user: User, session: Session) -> bool:
    """Check in, register and place patients of this session."""
    return may(user, DESK) and _own_department(user, session)


def may_call(user: User, session: Session, room: int | None = None) -> bool:
    """Call patients of this session (into `room`, an id, where given): its desk, or the expert who sits there."""
    if not may(user, CALL):
        return False
    return _own_department(user, session) or sits(user, session, room)


def may_see(user: User, session: Session) -> bool:
    """See the queue with the patients' names."""
    return may_desk(user, session) or may_call(user, session)


def may_see_boards(user: User) -> bool:
    """See every board, without being a screen that was connected to it."""
    return may(user, "queueboard.view_board") or may(user, DESK)


def sits(user: User, session: Session, room: int | None = None) -> bool:
    """Whether this user is the expert in one of the session's rooms (in `room`, where given)."""
    seats = SessionRoom.objects.filter(session=session, expert__user=user.pk)
    return (seats if room is None else seats.filter(room=room)).exists()


def may(user: User, permission: str) -> bool:
    """Whether a user who has logged in and is active has this permission."""
    return isinstance(user, PermissionsMixin) and user.has_perm(permission)


def _own_department(user: User, session: Session) -> bool:
    return may(user, MANAGE) or Department.objects.filter(pk=session.department_id, staff=user.pk).exists()

"""The admin: the clinic and its rules for managers, lists and the audit log for everybody who may see them.

It is one package for the models of both apps, as sessions are closed and stopped by the live queue's services, and who
sees which department is decided there too: booking never imports queueboard.
"""

from queueboard.admin import (
    acts,
    boards,
    clinic,
    days_off,
    draws,
    kiosks,
    people,
    queue,
    records,
    schedule,
    screens,
    sessions,
    simulator,
    suspensions,
)

__all__ = [
    "acts",
    "boards",
    "clinic",
    "days_off",
    "draws",
    "kiosks",
    "people",
    "queue",
    "records",
    "schedule",
    "screens",
    "sessions",
    "simulator",
    "suspensions",
]

"""The clinic, its schedule, its patients, what they booked and paid, and the ledgers of every number and fen."""

from booking.models.appointments import Appointment, FreedNumber
from booking.models.clinic import Department, Expert, Room, named
from booking.models.ledger import Outbox, QuotaMove, QuotaPlan
from booking.models.limits import AddressDay
from booking.models.past import PastSession, PastVisit
from booking.models.patients import Patient
from booking.models.payments import MoneyMove, Payment, Refund
from booking.models.schedule import Holiday, Leave, Session, SessionRoom, Slot, Template, TemplateRoom
from booking.models.suspensions import CountedNoShow, Suspension

__all__ = [
    "AddressDay",
    "Appointment",
    "CountedNoShow",
    "Department",
    "Expert",
    "FreedNumber",
    "Holiday",
    "Leave",
    "MoneyMove",
    "Outbox",
    "PastSession",
    "PastVisit",
    "Patient",
    "Payment",
    "QuotaMove",
    "QuotaPlan",
    "Refund",
    "Room",
    "Session",
    "SessionRoom",
    "Slot",
    "Suspension",
    "Template",
    "TemplateRoom",
    "named",
]

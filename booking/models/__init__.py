"""The clinic, its schedule, its patients, what they booked and paid, and the ledgers of every number and fen."""

from booking.models.accounts import Account, Member, PhoneCode
from booking.models.appointments import Appointment, FreedNumber
from booking.models.ballots import Ballot, BallotEntry, waited_for
from booking.models.clinic import Department, Expert, Room, named
from booking.models.ledger import Outbox, QuotaMove, QuotaPlan
from booking.models.limits import SourceCount
from booking.models.past import PastSession, PastVisit
from booking.models.patients import Patient
from booking.models.payments import MoneyMove, Payment, Refund
from booking.models.personal import DataLog
from booking.models.schedule import Holiday, Leave, Session, SessionRoom, Slot, Template, TemplateRoom
from booking.models.suspensions import CountedNoShow, Suspension
from booking.models.waitlist import WaitlistEntry

__all__ = [
    "Account",
    "Appointment",
    "Ballot",
    "BallotEntry",
    "CountedNoShow",
    "DataLog",
    "Department",
    "Expert",
    "FreedNumber",
    "Holiday",
    "Leave",
    "Member",
    "MoneyMove",
    "Outbox",
    "PastSession",
    "PastVisit",
    "Patient",
    "Payment",
    "PhoneCode",
    "QuotaMove",
    "QuotaPlan",
    "Refund",
    "Room",
    "Session",
    "SessionRoom",
    "Slot",
    "SourceCount",
    "Suspension",
    "Template",
    "TemplateRoom",
    "WaitlistEntry",
    "named",
    "waited_for",
]

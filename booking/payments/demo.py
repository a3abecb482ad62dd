"""The demonstration's provider: a page of ours with two buttons. No money moves."""

from collections.abc import Mapping

from django.urls import reverse

from booking.models import Payment
from booking.payments.interface import Bill, Forged, Paid, Record, Return, Told


class Demo:
    """Keeps no books of its own: what it says is what our ledger says."""

    def start(self, bill: Bill) -> str:
        return reverse("pay_demo", args=[bill.number])

    def confirm(self, headers: Mapping[str, str], body: bytes) -> Told | None:
        raise Forged("the demonstration sends no notices")

    def refund(self, wanted: Return) -> Record:
        return Record(Paid.YES, wanted.amount, f"demo-{wanted.refund_number}")

    def query(self, number: str) -> Record:
        received = Payment.objects.filter(number=number).values_list("moves__amount", "provider_number").first()
        if received is None or received[0] is None:
            return Record(Paid.NO)
        return Record(Paid.YES, received[0], received[1])

    def query_refund(self, wanted: Return) -> Record:
        return self.refund(wanted)

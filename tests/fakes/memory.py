"""A provider in memory, for tests that play thousands of steps: books, notices under way, and bad days."""

from booking.payments.interface import Bill, Paid, Record, Refused, Return, Told, Unavailable


class Memory:
    def __init__(self, name: str) -> None:
        self.name = name
        self.asked: dict[str, int] = {}
        self.paid: dict[str, int] = {}
        self.given_back: dict[str, int] = {}
        self.down = False
        self.refuses = False

    def start(self, bill: Bill) -> str:
        self._answers()
        self.asked[bill.number] = bill.amount
        return "https://pay.example/"

    def pay(self, number: str, amount: int) -> None:
        """Nobody pays one bill twice at one provider."""
        self.paid.setdefault(number, amount)

    def told(self, number: str) -> Told:
        return Told(number, self.paid[number], f"{self.name}-{number}")

    def refund(self, wanted: Return) -> Record:
        self._answers()
        if self.refuses:
            raise Refused("not enough")
        assert wanted.amount == self.paid[wanted.number]
        self.given_back[wanted.refund_number] = wanted.amount
        return Record(Paid.YES, wanted.amount, f"back-{wanted.number}")

    def query(self, number: str) -> Record:
        self._answers()
        if number not in self.paid:
            return Record(Paid.NO)
        return Record(Paid.YES, self.paid[number], f"{self.name}-{number}")

    def query_refund(self, wanted: Return) -> Record:
        self._answers()
        amount = self.given_back.get(wanted.refund_number)
        return Record(Paid.NO) if amount is None else Record(Paid.YES, amount, f"back-{wanted.number}")

    def net(self) -> int:
        """What payers have given and not got back, in fen."""
        return sum(self.paid.values()) - sum(self.given_back.values())

    def _answers(self) -> None:
        if self.down:
            raise Unavailable("down")

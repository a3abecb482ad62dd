"""Triggers that keep logs append-only and the ledgers true to what they count, for PostgreSQL and SQLite."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# table -> what it is called in the refusal
APPEND_ONLY = {
    "booking_quotamove": "the quota ledger",
    "booking_moneymove": "the money ledger",
    "booking_datalog": "the log of personal data",
    "queueboard_queueevent": "the queue event log",
}
_LEFT = "SELECT bookable - booked - withheld, walk_in - registered FROM booking_slot WHERE id = NEW.slot_id"


def append_only_sql(vendor: str, table: str) -> list[str]:
    """Statements that make UPDATE and DELETE of `table` fail."""
    what = APPEND_ONLY[table]
    if vendor == "postgresql":
        return [
            f"""CREATE OR REPLACE FUNCTION {table}_append_only() RETURNS trigger AS $$
                BEGIN RAISE EXCEPTION '{what} is append-only' USING ERRCODE = 'check_violation'; END
                $$ LANGUAGE plpgsql""",
            f"""CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
                FOR EACH ROW EXECUTE FUNCTION {table}_append_only()""",
        ]
    return [
        f"""CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}
            BEGIN SELECT RAISE(ABORT, '{what} is append-only'); END"""
        for verb in ("UPDATE", "DELETE")
    ]


def balance_sql(vendor: str) -> list[str]:
    """Statements that refuse a ledger row whose balances are not the slot's own."""
    if vendor == "postgresql":
        return [
            """CREATE OR REPLACE FUNCTION booking_quotamove_balance() RETURNS trigger AS $$
                BEGIN
                  IF NOT EXISTS (
                    SELECT 1 FROM booking_slot WHERE id = NEW.slot_id
                    AND (bookable - booked - withheld, walk_in - registered) = (NEW.bookable_left, NEW.walk_in_left)
                  ) THEN
                    RAISE EXCEPTION 'the ledger does not agree with the slot' USING ERRCODE = 'check_violation';
                  END IF;
                  RETURN NULL;
                END $$ LANGUAGE plpgsql""",
            """CREATE TRIGGER booking_quotamove_balance AFTER INSERT ON booking_quotamove
               FOR EACH ROW EXECUTE FUNCTION booking_quotamove_balance()""",
        ]
    return [
        f"""CREATE TRIGGER booking_quotamove_balance AFTER INSERT ON booking_quotamove
            WHEN (NEW.bookable_left, NEW.walk_in_left) IS NOT ({_LEFT})
            BEGIN SELECT RAISE(ABORT, 'the ledger does not agree with the slot'); END"""
    ]


def money_balance_sql(vendor: str) -> list[str]:
    """Statements that refuse a row of the money ledger whose balance is not the payment's own."""
    if vendor == "postgresql":
        return [
            """CREATE OR REPLACE FUNCTION booking_moneymove_balance() RETURNS trigger AS $$
                BEGIN
                  IF NOT EXISTS (SELECT 1 FROM booking_payment WHERE id = NEW.payment_id AND balance = NEW.balance) THEN
                    RAISE EXCEPTION 'the money ledger does not agree with the payment'
                      USING ERRCODE = 'check_violation';
                  END IF;
                  RETURN NULL;
                END $$ LANGUAGE plpgsql""",
            """CREATE TRIGGER booking_moneymove_balance AFTER INSERT ON booking_moneymove
               FOR EACH ROW EXECUTE FUNCTION booking_moneymove_balance()""",
        ]
    return [
        """CREATE TRIGGER booking_moneymove_balance AFTER INSERT ON booking_moneymove
            WHEN NEW.balance IS NOT (SELECT balance FROM booking_payment WHERE id = NEW.payment_id)
            BEGIN SELECT RAISE(ABORT, 'the money ledger does not agree with the payment'); END"""
    ]


def keeps_patient_sql(vendor: str) -> list[str]:
    """Statements that refuse to give an appointment to another patient (R3.7)."""
    words = "an appointment stays with its patient"
    when = "BEFORE UPDATE OF patient_id ON booking_appointment"
    if vendor == "postgresql":
        return [
            f"""CREATE OR REPLACE FUNCTION booking_appointment_patient() RETURNS trigger AS $$
                BEGIN RAISE EXCEPTION '{words}' USING ERRCODE = 'check_violation'; END
                $$ LANGUAGE plpgsql""",
            f"""CREATE TRIGGER booking_appointment_patient {when} FOR EACH ROW
                WHEN (OLD.patient_id <> NEW.patient_id) EXECUTE FUNCTION booking_appointment_patient()""",
        ]
    return [
        f"""CREATE TRIGGER booking_appointment_patient {when} WHEN OLD.patient_id <> NEW.patient_id
            BEGIN SELECT RAISE(ABORT, '{words}'); END"""
    ]


def drop_sql(vendor: str, table: str) -> list[str]:
    """The reverse of append_only_sql."""
    if vendor == "postgresql":
        return [f"DROP FUNCTION IF EXISTS {table}_append_only() CASCADE"]
    return [f"DROP TRIGGER IF EXISTS {table}_no_{verb}" for verb in ("update", "delete")]


def drop_balance_sql(vendor: str) -> list[str]:
    """The reverse of balance_sql."""
    if vendor == "postgresql":
        return ["DROP FUNCTION IF EXISTS booking_quotamove_balance() CASCADE"]
    return ["DROP TRIGGER IF EXISTS booking_quotamove_balance"]


def drop_money_balance_sql(vendor: str) -> list[str]:
    """The reverse of money_balance_sql."""
    if vendor == "postgresql":
        return ["DROP FUNCTION IF EXISTS booking_moneymove_balance() CASCADE"]
    return ["DROP TRIGGER IF EXISTS booking_moneymove_balance"]


def drop_keeps_patient_sql(vendor: str) -> list[str]:
    """The reverse of keeps_patient_sql."""
    if vendor == "postgresql":
        return ["DROP FUNCTION IF EXISTS booking_appointment_patient() CASCADE"]
    return ["DROP TRIGGER IF EXISTS booking_appointment_patient"]


def run(editor: BaseDatabaseSchemaEditor, statements: list[str]) -> None:
    """Runs statements as they stand (no placeholders)."""
    for statement in statements:
        editor.execute(statement)

"""The reference: pgbench sends the writes of a booking as one prepared statement, and does nothing else."""

import os
import re
import shutil
import subprocess
import tempfile
from glob import glob
from pathlib import Path

# Quota check and count, the patient's counter, appointment, ledger and message. Each patient comes once.
SCRIPT = """
\\set turn :turn + 1
\\set patient :first_patient + :turn * {clients} + :client_id
\\set slot random(:first_slot, :last_slot)
WITH slot AS (
    UPDATE booking_slot SET booked = booked + 1 WHERE id = :slot AND bookable - booked - withheld > 0
    RETURNING id, session_id, bookable - booked - withheld AS bookable_left, walk_in - registered AS walk_in_left
), raised AS (
    UPDATE booking_patient SET bookings = bookings + 1 FROM slot WHERE booking_patient.id = :patient
), made AS (
    INSERT INTO booking_appointment
        (patient_id, session_id, slot_id, state, token, first_visit, fee, booked_at,
         request_key, request_hash, device_hash, address_hash)
    SELECT :patient, session_id, id, 'booked', substr(md5(:patient::text), 1, 22), TRUE, 0, now(), '', '', '', ''
    FROM slot RETURNING id
), moved AS (
    INSERT INTO booking_quotamove
        (slot_id, source, target, count, bookable_left, walk_in_left, reason, note, appointment_id, at)
    SELECT slot.id, 'bookable', 'booked', 1, bookable_left, walk_in_left, 'booked', '', made.id, now() FROM slot, made
), said AS (
    INSERT INTO booking_outbox (kind, payload, key, made_at, attempts, error)
    SELECT 'appointment_booked', jsonb_build_object('patient', :patient::bigint, 'appointment', made.id),
        'appointment_booked:' || made.id, now(), 0, '' FROM made
)
SELECT id FROM made;
"""


def missing() -> str | None:
    """What to say where there is no pgbench."""
    return None if _program() else "There is no pgbench (Debian has it in postgresql-contrib): not measured."


def booked_a_second(*, clients: int, seconds: int, patient: int, slots: tuple[int, int]) -> float:
    """Bookings of slots between two ids by patients from an id on, each on the connection of one of the clients."""
    values = {"turn": -1, "first_patient": patient, "first_slot": slots[0], "last_slot": slots[1]}
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(SCRIPT.format(clients=clients))
        script.flush()
        command = [
            _program(), "--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=2", f"--time={seconds}",
            *(f"--define={name}={value}" for name, value in values.items()), f"--file={script.name}",
            os.environ["DATABASE_URL"],
        ]  # fmt: skip
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    if not re.search(r"failed transactions: 0 ", done.stdout):
        raise RuntimeError(f"pgbench failed: {done.stdout}{done.stderr}")
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    assert found, done.stdout
    return float(found[1])


def _program() -> str:
    found = shutil.which("pgbench") or next(iter(sorted(glob("/usr/lib/postgresql/*/bin/pgbench"), reverse=True)), "")
    return str(Path(found)) if found else ""

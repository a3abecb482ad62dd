"""Patients of a rush, by number: ID numbers with their check digit, and what is posted to book. Pure."""

import json

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
DAYS, MONTHS, OF_A_DAY, FIRST_YEAR = 28, 12, 1000, 1940


def id_number(number: int) -> str:
    """The resident ID of patient `number`, of Beijing, from 1940 on: a thousand people a day."""
    rest, order = divmod(number, OF_A_DAY)
    rest, day = divmod(rest, DAYS)
    year, month = divmod(rest, MONTHS)
    seventeen = f"110101{FIRST_YEAR + year:04}{month + 1:02}{day + 1:02}{order:03}"
    remainder = sum(int(digit) * weight for digit, weight in zip(seventeen, WEIGHTS, strict=True)) % 11
    return seventeen + "10X98765432"[remainder]


def phone(number: int) -> str:
    return f"139{number:08}"


def address(number: int) -> str:
    """As a proxy notes it: each patient comes from home."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def request(number: int, slot: int) -> bytes:
    """The whole HTTP request with which patient `number` books a number of `slot`."""
    patient = {"name": "王小明", "id_type": "resident", "id_number": id_number(number), "phone": phone(number)}
    body = json.dumps({"slot": slot, "patient": patient}, ensure_ascii=False).encode()
    head = (
        "POST /api/v1/appointments/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"X-Forwarded-For: {address(number)}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body

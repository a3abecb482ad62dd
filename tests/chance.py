"""How often chance is tried: each database plays the same machines, and a step on PostgreSQL takes far longer."""

from django.db import connection


def examples(count: int) -> int:
    """As many on the embedded default, a third on PostgreSQL."""
    return max(3, count // 3) if connection.vendor == "postgresql" else count

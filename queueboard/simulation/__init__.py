"""A morning played through the rules: what a split of numbers does to those who wait (R7).

`scenario` says what a morning is like, `mornings` draws it, `policies` split its numbers, `events` plays one morning
by the very rules of the live queue, `batch` plays many at once, `report` says how long people waited.
"""

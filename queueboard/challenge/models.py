"""What was solved, until it would not count any more anyway; and pictures that wait for their answer."""

from django.db import models


class Spent(models.Model):
    """A proof of work that has been handed in. The challenge itself is nowhere: it carries its own signature."""

    nonce = models.CharField(max_length=32, unique=True)
    until = models.DateTimeField(db_index=True)


class Picture(models.Model):
    """What a picture shows, as a keyed hash. Drawn anew, it shows something else; one answer is taken, right or not."""

    name = models.CharField(max_length=32, unique=True)
    answer_hash = models.CharField(max_length=64)
    drawn = models.PositiveSmallIntegerField(default=1)
    answered = models.BooleanField(default=False)
    until = models.DateTimeField(db_index=True)

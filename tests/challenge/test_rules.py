"""R3.7: when something must be solved first."""

from datetime import timedelta

import pytest

from queueboard.challenge.rules import FIRST, Limits, Place, Rule, Seen, fired

DEVICE = Limits(tries=5, early=3, booked=5, full=10)
ADDRESS = Limits(tries=40, early=10, booked=50, full=100)
NEVER = Limits(tries=None, early=None, booked=None)


def device(**seen):
    return Place(Seen(**seen), DEVICE)


def address(**seen):
    return Place(Seen(**seen), ADDRESS)


def rule(device=device(), address=address(), booking=True, **more):  # noqa: B008  # frozen
    return fired(device=device, address=address, booking=booking, **more)


def test_an_ordinary_family_is_asked_nothing():
    assert rule(device(tries=2, booked=4), address(tries=10, booked=20), since_release=timedelta(0)) is None


@pytest.mark.parametrize("booking", [True, False])
def test_many_tries_from_a_device_or_an_address(booking):
    assert rule(device(tries=4), address(tries=39), booking) is None
    assert rule(device(tries=5), booking=booking) == Rule.TRIES
    assert rule(address=address(tries=40), booking=booking) == Rule.TRIES
    assert rule(None, address(tries=40), booking) == Rule.TRIES


def test_much_booked_today_asks_of_the_next_booking_and_not_of_a_code():
    assert rule(device(booked=5)) == Rule.BOOKED
    assert rule(None, address(booked=50)) == Rule.BOOKED
    assert rule(device(booked=5), address(booked=50), booking=False) is None


def test_who_can_book_no_more_is_told_so_and_asked_nothing_for_it():
    assert rule(device(booked=9), address(booked=99)) == Rule.BOOKED
    assert rule(device(booked=10), address(booked=100), known=False) is None
    assert rule(device(booked=10, tries=5)) == Rule.TRIES


@pytest.mark.parametrize("busy", [{"tries": 20}, {"booked": 25}])
def test_a_stranger_at_a_busy_address(busy):
    assert rule(None, address(**busy), known=False) == Rule.STRANGER
    assert rule(None, address(**busy), known=True) is None
    assert rule(None, address(**busy), known=False, booking=False) is None
    assert rule(None, address(**{name: count - 1 for name, count in busy.items()}), known=False) is None


@pytest.mark.parametrize("place", [{"device": device(early=3)}, {"address": address(early=10)}])
def test_in_the_first_second_after_the_release_who_tried_before_it(place):
    assert rule(**place, since_release=timedelta(0)) == Rule.EARLY
    assert rule(**place, since_release=FIRST - timedelta(milliseconds=1)) == Rule.EARLY
    assert rule(**place, since_release=FIRST) is None
    assert rule(**place, since_release=timedelta(milliseconds=-1)) is None
    assert rule(**place) is None


def test_without_limits_nothing_is_ever_asked():
    much = Seen(tries=10**6, early=10**6, booked=10**6)
    place = Place(much, NEVER)
    assert rule(place, place, known=False, since_release=timedelta(0)) is None

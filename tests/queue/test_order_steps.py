"""R4.4 and R4.10: what may be done to a ticket in which state, and what leads where."""

import pytest

from queueboard.rules import ACTIONS, TRANSITIONS, RuleError, State, check_action, check_transition

FINAL = {State.LEFT, State.HANDED_OVER, State.NOT_SEEN}


@pytest.mark.parametrize(
    ("action", "state", "leads_to"),
    [
        ("call", "waiting", "called"),
        ("call_chosen", "missed", "called"),
        ("recall", "called", "called"),
        ("start", "called", "serving"),
        ("finish", "serving", "done"),
        ("finish", "called", "done"),
        ("miss", "called", "missed"),
        ("put_back", "missed", "waiting"),
        ("send_for_test", "serving", "away"),
        ("return_visit", "away", "waiting"),
        ("return_visit", "done", "waiting"),
        ("set_priority", "waiting", "waiting"),
        ("leave", "waiting", "left"),
        ("hand_over", "missed", "handed_over"),
        ("not_seen", "waiting", "not_seen"),
    ],
)
def test_an_action_leads_where_the_rules_say(action, state, leads_to):
    assert check_action(action, State(state)) is State(leads_to)


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ("call", "missed"),
        ("call", "called"),
        ("call_chosen", "serving"),
        ("recall", "waiting"),
        ("start", "waiting"),
        ("miss", "serving"),
        ("put_back", "left"),
        ("return_visit", "missed"),
        ("leave", "serving"),
        ("hand_over", "serving"),
        ("hand_over", "called"),
        ("not_seen", "serving"),
        ("not_seen", "done"),
    ],
)
def test_an_action_that_the_state_does_not_allow_is_refused_with_a_code(action, state):
    with pytest.raises(RuleError) as refusal:
        check_action(action, State(state))
    assert refusal.value.code == "action_refused"
    assert refusal.value.details == {"action": action, "state": state}


def test_an_unknown_action_is_an_error_of_the_program():
    with pytest.raises(KeyError):
        check_action("vanish", State.WAITING)


def test_nothing_but_an_undo_leads_out_of_a_final_state():
    assert {state for state, leads_to in TRANSITIONS.items() if not leads_to} == FINAL


def test_a_patient_who_was_seen_is_never_not_seen():
    """R1.4: after the visit there is a return visit, or nothing."""
    assert TRANSITIONS[State.DONE] == {State.WAITING}
    assert State.NOT_SEEN not in TRANSITIONS[State.SERVING]


def test_only_who_waits_or_missed_a_call_can_be_called():
    assert {state for state, leads_to in TRANSITIONS.items() if State.CALLED in leads_to} == {
        State.WAITING,
        State.MISSED,
    }


def test_a_transition_is_allowed_if_some_action_makes_it():
    for action in ACTIONS.values():
        for state in action.allowed:
            if action.to is not None:
                check_transition(state, action.to)


@pytest.mark.parametrize(("start", "end"), [("waiting", "serving"), ("waiting", "done"), ("left", "waiting")])
def test_any_other_transition_is_refused_with_a_code(start, end):
    with pytest.raises(RuleError) as refusal:
        check_transition(State(start), State(end))
    assert refusal.value.code == "transition_refused"
    assert refusal.value.details == {"start": start, "end": end}


@pytest.mark.parametrize(
    ("start", "end"), [("called", "waiting"), ("serving", "called"), ("left", "waiting"), ("done", "serving")]
)
def test_an_undo_goes_back_the_way_of_an_action(start, end):
    """R4.10."""
    check_transition(State(start), State(end), undo=True)


def test_an_undo_does_not_go_a_way_that_no_action_came():
    with pytest.raises(RuleError):
        check_transition(State.WAITING, State.SERVING, undo=True)

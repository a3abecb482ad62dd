"""Notices as template messages (R5.4): to who is bound, once, and by text message where WeChat does not reach them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from booking.models import Account, Ballot, BallotEntry, FreedNumber, WaitlistEntry
from queueboard import notify
from queueboard.notify import delivery
from queueboard.notify.models import Address, Delivery
from queueboard.services.arrivals import register_walk_in
from queueboard.services.calls import call_next
from queueboard.wechat import credential
from queueboard.wechat.checks import official_account as checked
from queueboard.wechat.models import WeChatLimit
from tests import factories
from tests.fakes import official_account as fake
from tests.notify.causes import appointment_told, cause, go_out, states

pytestmark = pytest.mark.django_db
TEMPLATES = {
    "appointment_booked": {
        "id": "BOOKED",
        "data": {"thing1": "{expert} {department}", "time2": "{date} {start}", "character_string3": "{number}"},
    },
    "appointment_booked.en": {"id": "BOOKED-EN", "data": {"thing1": "{title}: {text}"}},
}


class Phone:
    """Text messages that are noted and not sent."""

    name = "sms"
    answers_within = timedelta(seconds=20)

    def __init__(self) -> None:
        self.told: list[str] = []

    def send(self, to, notice) -> str:
        self.told.append(notice.kind)
        return ""


@pytest.fixture
def sms(monkeypatch) -> Phone:
    made = Phone()
    known = notify.way
    monkeypatch.setattr(notify, "way", lambda name: made if name == "sms" else known(name))
    return made


@pytest.fixture(autouse=True)
def _ways(wechat, settings):
    settings.NOTICE_WAYS, settings.QUIET_HOURS = ["wechat", "sms"], ""
    settings.WECHAT = settings.WECHAT | {"TEMPLATES": TEMPLATES}
    delivery.lines.clear()
    yield
    delivery.lines.clear()


@pytest.fixture
def booked(wechat, patient):
    """An appointment whose page was bound by a scan, and which is now to be told of."""
    made, _cause = appointment_told()
    made.session.expert.name = "王建华"
    made.session.expert.save()
    Address.objects.create(way="wechat", value="oPatient", token=made.token, made_at=timezone.now())
    return made


def told(now=None):
    return go_out("wechat", "sms", now=now)


def test_a_notice_goes_out_in_the_hospitals_template_with_the_link(wechat, booked, sms):
    told()
    (sent,) = wechat.sent
    assert (sent["touser"], sent["template_id"]) == ("oPatient", "BOOKED")
    assert sent["url"] == f"https://queue.example.org/t/{booked.token}/"
    values = {name: each["value"] for name, each in sent["data"].items()}
    assert values["thing1"].startswith("王建华 科室")
    assert values["time2"] == "2026年11月16日 08:00"
    assert values["character_string3"] == "-"  # there is no ticket yet, and WeChat takes no empty field
    assert sms.told == []
    assert Delivery.objects.get().provider_number == "1"


def test_each_language_can_have_a_template_of_its_own_and_long_words_are_cut(wechat, booked):
    Address.objects.update(language="en")
    told()
    (sent,) = wechat.sent
    assert sent["template_id"] == "BOOKED-EN"
    assert len(sent["data"]["thing1"]["value"]) == 20
    assert sent["data"]["thing1"]["value"].endswith("…")


def test_a_sender_that_dies_before_it_notes_what_went_out_shows_it_once_all_the_same(wechat, booked):
    told()
    Delivery.objects.update(state="waiting", ended_at=None, due_at=timezone.now())
    told()
    assert wechat.asked.count("message/template/send") == 2
    assert len(wechat.sent) == 1


def test_who_does_not_follow_any_more_is_forgotten_and_gets_a_text_message(wechat, booked, sms):
    wechat.followers.clear()
    told()
    told()
    assert states() == [("wechat", "dead"), ("sms", "sent")]
    assert sms.told == ["appointment_booked"]
    address = Address.objects.get()
    assert address.dead_at is not None
    assert not address.value


def test_a_forgotten_address_that_is_bound_again_is_told_again(wechat, booked, patient):
    wechat.followers.clear()
    told()
    wechat.followers.add("oPatient")
    patient.client.post(f"/t/{booked.token}/wechat/")
    (scene,) = wechat.scenes.values()
    assert "已绑定" in patient.scans(scene["scene"])
    assert (Address.objects.get().value, Address.objects.get().dead_at) == ("oPatient", None)


@pytest.mark.parametrize("hole", ["template", "fields"])
def test_what_wechat_will_never_take_goes_out_by_text_message(wechat, booked, sms, settings, hole):
    if hole == "template":
        settings.WECHAT = settings.WECHAT | {"TEMPLATES": {}}
    else:
        wechat.fails = [47003]
    told()
    told()
    assert states() == [("wechat", "refused"), ("sms", "sent")]
    assert Address.objects.get().value == "oPatient"


def test_what_wechat_took_and_could_not_show_goes_out_by_text_message(wechat, booked, patient, sms):
    told()
    fate = {"MsgID": int(Delivery.objects.get().provider_number), "Status": "success"}
    for status, texts in (("success", 0), ("failed:user block", 1), ("failed:user block", 1)):
        event = fake.event("oPatient", "TEMPLATESENDJOBFINISH", **fate | {"Status": status})
        assert patient.post(event).content == b"success"
        told()
        assert len(sms.told) == texts
    patient.post(fake.event("oPatient", "TEMPLATESENDJOBFINISH", **fate | {"MsgID": 999, "Status": "failed"}))
    assert states() == [("wechat", "refused"), ("sms", "sent")]


def test_what_became_of_a_message_is_told_by_nobody_with_a_signature_that_was_used(wechat, booked, patient, sms):
    told()
    path, body = fake.request(fake.message("oPatient", Content="你好"))
    patient.client.generic("POST", path, body.encode())
    fate = {"MsgID": int(Delivery.objects.get().provider_number), "Status": "failed:user block"}
    _path, forged = fake.request(fake.event("oPatient", "TEMPLATESENDJOBFINISH", **fate))
    assert patient.client.generic("POST", path, forged.encode()).status_code == 403
    assert states() == [("wechat", "sent")]


def test_a_limit_that_is_used_up_delays_and_loses_nothing(wechat, booked, sms):
    now = timezone.now()
    wechat.fails = [45009]
    told(now)
    wechat.asked.clear()
    told(now + timedelta(minutes=10))
    assert wechat.asked == []
    assert sms.told == []
    WeChatLimit.objects.update(until=now)
    told(now + timedelta(hours=1, minutes=1))
    assert len(wechat.sent) == 1


def test_too_many_to_one_patient_holds_up_that_one_alone(wechat, booked):
    now = timezone.now()
    wechat.fails = [43117]
    told(now)
    assert delivery.lines["wechat"].left_alone("", now) is None
    told(now + timedelta(minutes=11))
    assert len(wechat.sent) == 1


def test_an_outage_is_waited_out(wechat, booked):
    now = timezone.now()
    credential.current()
    wechat.down = True
    told(now)
    wechat.down = False
    told(now + timedelta(minutes=1))
    assert len(wechat.sent) == 1


def test_who_has_confirmed_the_phone_is_told_of_whoever_gave_it_without_an_account(wechat, patient, sms):
    """Such as a walk-in registered at the desk: else a text message would go to the same person."""
    account = Account.objects.create(phone="13912345678", made_at=timezone.now())
    Address.objects.create(way="wechat", value="oPatient", account=account, made_at=timezone.now())
    appointment_told(who=factories.patient(phone="13912345678"))
    other = factories.appointment(factories.session(state="planned"), who=factories.patient(phone="13700000000"))
    cause("appointment_booked", key="another", patient=other.patient_id, appointment=other.pk)
    told()
    assert len(wechat.sent) == 1
    assert sms.told == ["appointment_booked"]


def test_who_scanned_the_ticket_is_told_three_ahead_and_the_call_each_once(wechat, patient, session, settings):
    fields = {"character_string1": "{number}", "thing2": "{title}", "thing3": "{room}"}
    both = {kind: {"id": kind, "data": fields} for kind in ("ahead", "called")}
    settings.WECHAT = settings.WECHAT | {"TEMPLATES": both}
    room = session.rooms.get().room
    tickets = [register_walk_in(session_id=session.pk, patient_id=factories.patient().pk) for _ in range(6)]
    mine = tickets[5]
    patient.client.post(f"/t/{mine.token}/wechat/")
    (scene,) = wechat.scenes.values()
    patient.scans(scene["scene"])
    for _ in tickets:
        call_next(session_id=session.pk, room_id=room.pk)
        told()
        told()
    shown = [(sent["template_id"], sent["data"]["character_string1"]["value"]) for sent in wechat.sent]
    assert shown == [("ahead", mine.label), ("called", mine.label)]
    assert wechat.sent[0]["data"]["thing2"]["value"] == "前面还有 3 位"
    assert wechat.sent[1]["data"]["thing3"]["value"] == room.name


def test_who_unbound_is_told_nothing(wechat, booked, patient, sms):
    patient.writes("解绑")
    told()
    assert wechat.sent == []
    assert sms.told == ["appointment_booked"]


@pytest.mark.parametrize("leaves", ["unbinds", "unfollows"])
def test_who_leaves_while_something_is_on_its_way_gets_it_by_text_message(
    wechat, booked, patient, sms, settings, leaves
):
    settings.QUIET_HOURS = "00:00-23:59"
    told()
    if leaves == "unbinds":
        patient.writes("解绑")
    else:
        patient.post(fake.event("oPatient", "unsubscribe"))
    assert Address.objects.get().value is None
    settings.QUIET_HOURS = ""
    told()
    assert (wechat.sent, sms.told) == ([], ["appointment_booked"])


def test_the_days_limit_leaves_no_call_untold(wechat, booked, sms, settings):
    """It is used up for an hour at least, and a call is good for less (45009)."""
    wechat.fails = [45009]
    cause("session_goes_on", appointment=booked.pk)
    settings.WECHAT = settings.WECHAT | {"TEMPLATES": {**TEMPLATES, "session_goes_on": TEMPLATES["appointment_booked"]}}
    told()
    assert (wechat.sent, sms.told) == ([], ["session_goes_on"])


def test_templates_that_cannot_be_are_told_at_the_start(settings):
    def told_of(**templates):
        settings.WECHAT = settings.WECHAT | {"TEMPLATES": templates}
        return [each.id for each in checked(None)]

    good = TEMPLATES["appointment_booked"]
    assert "queueboard.E021" not in told_of(called=good)
    assert "queueboard.W022" in told_of(called=good)
    for wrong in ({"cured": good}, {"called": "ID"}, {"called": {"id": "ID"}}):
        assert "queueboard.E021" in told_of(**wrong)
    settings.NOTICE_WAYS = ["sms"]
    assert told_of(called=good) == ["queueboard.W021"]
    settings.WECHAT = dict.fromkeys(settings.WECHAT, "")
    settings.NOTICE_WAYS = ["wechat"]
    assert [each.id for each in checked(None)] == ["queueboard.E021"]


@pytest.mark.parametrize(("kind", "page"), [("ballot_lost", "d"), ("waitlist_offered", "w"), ("waitlist_lapsed", "w")])
def test_who_asked_in_a_draw_or_waits_for_a_number_is_led_to_the_page_of_that(
    wechat, patient, sms, settings, kind, page
):
    """Told to who has bound the phone that the patient gave, as there is no visit whose code could be scanned."""
    settings.WECHAT = settings.WECHAT | {"TEMPLATES": {kind: {"id": kind, "data": {"thing1": "{expert} {until}"}}}}
    session = factories.session(state="planned", day=timezone.localtime() + timedelta(days=1))
    entry = ended(kind, session, factories.patient(phone="13912345678"))
    account = Account.objects.create(phone="13912345678", made_at=timezone.now())
    Address.objects.create(way="wechat", value="oPatient", account=account, made_at=timezone.now())
    cause(kind, entry=entry.pk)
    told()
    (sent,) = wechat.sent
    assert sent["url"] == f"https://queue.example.org/{page}/{entry.token}/"
    until = f" {timezone.localtime(entry.offered_until):%H:%M}" if kind == "waitlist_offered" else ""
    assert sent["data"]["thing1"]["value"] == f"{session.expert.name}{until}"
    assert patient.client.get(sent["url"].removeprefix("https://queue.example.org")).status_code == 200
    assert sms.told == []


def ended(kind, session, who):
    """What this kind is told of: no number was drawn, one is offered, one was not taken."""
    now = timezone.now()
    if kind == "ballot_lost":
        ballot = Ballot.objects.create(session=session, minutes=10, closed_at=now)
        lost = {"state": "lost", "place": 2, "lost_because": "none_left", "asked_at": now, "ended_at": now}
        return BallotEntry.objects.create(ballot=ballot, patient=who, **lost)
    freed = FreedNumber.objects.create(slot=session.slots.first(), free_at=now)
    waits = {"joined_at": now, "freed": freed, "offered_at": now, "offered_until": now + timedelta(minutes=30)}
    waits |= {"state": "offered"} if kind == "waitlist_offered" else {"state": "lapsed", "ended_at": now}
    return WaitlistEntry.objects.create(session=session, patient=who, **waits)

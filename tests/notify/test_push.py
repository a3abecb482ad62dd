"""Web push, against a service that checks what a real one checks and a browser that decrypts (R5.4)."""

import json
import logging
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from booking.models import Ballot, BallotEntry, FreedNumber, Outbox, WaitlistEntry
from queueboard.notify.models import Address, Delivery
from queueboard.notify.push import keys, subscriptions
from queueboard.services import arrivals, calls
from tests import factories
from tests.fakes.push import http_date
from tests.notify.causes import appointment_told, cause, go_out, states

pytestmark = pytest.mark.django_db
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@pytest.fixture
def booked(push):
    """An appointment of which somebody is to be told, and the browser that holds its link."""
    made, _cause = appointment_told()
    made.browser = subscribe(push, made.token)
    return made


def subscribe(push, token, language="en"):
    browser = push.subscribe(push.key)
    subscriptions.keep(token=token, given=browser.to_json(), language=language)
    return browser


class TestSending:
    def test_a_browser_decrypts_what_it_is_told(self, push, booked):
        assert go_out("push") == [1]
        assert push.refused == []
        (told,) = booked.browser.got
        assert told["title"] == "Your appointment is booked"
        assert "Please come at 07:50." in told["body"]
        assert (told["lang"], told["url"], told["urgent"]) == ("en", f"/t/{booked.token}/", False)
        assert push.requests[0]["urgency"] == "normal"
        assert 0 < push.requests[0]["ttl"] <= 2 * 24 * 3600

    def test_a_call_is_urgent_and_stands_in_the_place_of_three_ahead(self, push):
        session = factories.session()
        ticket = arrivals.register_walk_in(
            session_id=session.pk, patient_id=factories.patient().pk, now=session.registration_opens_at
        )
        browser = subscribe(push, ticket.token, "zh-hant")
        calls.call_next(session_id=session.pk, room_id=session.rooms.get().room_id, now=session.starts_at)
        Outbox.objects.update(made_at=timezone.now())
        go_out("push")
        assert [told["title"] for told in browser.got] == [f"請就診：{session.rooms.get().room.names['zh-hant']}"]
        assert push.requests[0]["urgency"] == "high"
        assert push.requests[0]["ttl"] <= 3600
        assert states() == [("push", "overtaken"), ("push", "sent")]

    @pytest.mark.parametrize("status", [404, 410])
    def test_a_browser_that_is_gone_is_forgotten(self, status, push, booked):
        push.say(booked.browser, status)
        assert go_out("push") == [0]
        assert states() == [("push", "dead")]
        address = Address.objects.get()
        assert (address.value, address.dead_at is not None) == (None, True)

    def test_one_that_subscribed_to_another_key_keeps_its_address_and_the_phone_is_told(self, push, booked, settings):
        """With some services a clock that is wrong looks the same."""
        settings.VAPID_PRIVATE_KEY = keys.new()
        settings.NOTICE_WAYS = ["push", "sms"]
        assert go_out("push", "sms") == [0, 1]
        assert push.refused == ["another key than subscribed to"]
        assert states() == [("push", "refused"), ("sms", "sent")]
        assert Address.objects.get().value.startswith(booked.browser.endpoint)

    @pytest.mark.parametrize(
        ("answer", "seconds"),
        [((429, 90), 90), ((429, "date"), 3590), (429, 60), ((503, 40), 40), (500, 5), (502, 5)],
    )
    def test_a_service_that_cannot_now_is_asked_again_when_it_says(self, answer, seconds, push, booked):
        push.say(booked.browser, (429, http_date(3600)) if answer == (429, "date") else answer)
        now = timezone.now()
        assert go_out("push", now=now) == [0]
        wait = (Delivery.objects.get().due_at - now).total_seconds()
        assert seconds <= wait <= seconds + 15
        assert go_out("push", now=now + (seconds + 15) * SECOND) == [1]
        assert len(booked.browser.got) == 1

    @pytest.mark.parametrize("status", [400, 413, 302])
    def test_what_it_does_not_take_is_not_sent_again_nor_anywhere_else(self, status, push, booked):
        push.say(booked.browser, status)
        assert go_out("push") == [0]
        assert states() == [("push", "refused")]

    def test_a_cut_line_says_nothing_of_the_endpoint(self, push, booked, caplog):
        push.down = True
        with caplog.at_level(logging.DEBUG):
            assert go_out("push") == [0]
        assert "no answer (ConnectionError)" in caplog.text
        assert booked.browser.endpoint.rsplit("/", 1)[1] not in caplog.text

    def test_the_same_cause_again_is_the_same_to_the_browser(self, push, booked):
        go_out("push")
        Delivery.objects.update(state="waiting", ended_at=None, due_at=timezone.now())  # as if killed before noting it
        go_out("push")
        first, second = booked.browser.got
        assert (first["id"], first["tag"]) == (second["id"], second["tag"])

    def test_at_night_a_call_goes_out_and_a_booking_waits(self, push, booked, settings):
        settings.QUIET_HOURS = "00:00-23:59"
        session = factories.session()
        ticket = arrivals.register_walk_in(
            session_id=session.pk, patient_id=factories.patient().pk, now=session.registration_opens_at
        )
        Outbox.objects.update(made_at=timezone.now())
        mine = subscribe(push, ticket.token)
        assert go_out("push") == [1]
        assert [told["title"] for told in mine.got] == ["You are next"]
        assert booked.browser.got == []


class TestSubscribing:
    @pytest.fixture
    def visit(self, push):
        return factories.appointment(factories.session())

    @pytest.fixture
    def browser(self, push):
        return push.subscribe(push.key)

    def post(self, visit, given, method="post", **more):
        body = given if isinstance(given, (str, bytes)) else json.dumps(given)
        return getattr(Client(), method)(f"/t/{visit.token}/tell/", body, content_type="application/json", **more)

    def test_a_browser_is_kept_once_and_in_the_language_of_the_page(self, visit, browser):
        for language in ("zh-hant", "zh-hans"):
            assert self.post(visit, browser.to_json() | {"language": language}).status_code == 204
        address = Address.objects.get()
        assert (address.token, address.language, address.way) == (visit.token, "zh-hans", "push")
        assert address.line == browser.endpoint.split("/")[2]

    def test_one_that_was_dead_is_alive_again(self, visit, browser):
        subscriptions.keep(token=visit.token, given=browser.to_json(), language="en")
        Address.objects.update(value=None, dead_at=timezone.now())
        assert self.post(visit, browser.to_json()).status_code == 204
        assert Address.objects.get().dead_at is None

    def test_it_is_told_no_more_once_it_says_so(self, visit, browser):
        self.post(visit, browser.to_json())
        for _ in range(2):
            assert self.post(visit, {"endpoint": browser.endpoint}, "delete").status_code == 204
        assert not Address.objects.exists()

    def test_the_oldest_of_too_many_gives_way(self, visit, push):
        for _ in range(subscriptions.PER_VISIT + 2):
            self.post(visit, push.subscribe(push.key).to_json())
        assert Address.objects.count() == subscriptions.PER_VISIT

    @pytest.mark.parametrize(
        "endpoint",
        [
            "http://fcm.googleapis.com/x",
            "https://127.0.0.1/x",
            "https://[::1]/x",
            "https://localhost/x",
            "https://169.254.169.254/latest/meta-data/",
            "https://10.0.0.1:443/x",
            "https://push.example.org/x",
            "https://push.apple.com/x",
            "https://fcm.googleapis.com.example.org/x",
            "https://notfcm.googleapis.com/x",
            "https://fcm.googleapis.com:8443/x",
            "https://fcm.googleapis.com",
            "https://user@fcm.googleapis.com/x",
            "https://example.org#@fcm.googleapis.com/x",
            "https://example.org\\@fcm.googleapis.com/x",
            "https://example.org\\.notify.windows.com/x",
            "https://example.org\t.notify.windows.com/x",
            "https://fcm.googleapis.com/\r\nX: y",
            "https://fcm.googleapis.com/" + "x" * 1000,
            "//fcm.googleapis.com/x",
            "file:///etc/passwd",
            "",
            None,
            7,
        ],
    )
    def test_an_endpoint_that_is_none_of_a_known_service_is_refused(self, endpoint, visit, browser, settings):
        settings.PUSH_SERVICES = ["fcm.googleapis.com", ".notify.windows.com", ".push.apple.com"]
        answer = self.post(visit, browser.to_json() | {"endpoint": endpoint})
        assert answer.status_code == 400
        assert answer.json()["code"] in ("bad_subscription", "unknown_push_service")
        assert not Address.objects.exists()

    @pytest.mark.parametrize(
        "endpoint", ["https://fcm.googleapis.com/fcm/send/a:b-c_D", "https://web.push.apple.com/Q%2B/x?y=1"]
    )
    def test_one_of_a_known_service_is_taken(self, endpoint, visit, browser, settings):
        settings.PUSH_SERVICES = ["fcm.googleapis.com", ".push.apple.com"]
        assert self.post(visit, browser.to_json() | {"endpoint": endpoint}).status_code == 204

    @pytest.mark.parametrize(
        "broken",
        [
            {"keys": None},
            {"keys": {"p256dh": "AAAA", "auth": "AAAA"}},
            {"keys": {"p256dh": "B" + "A" * 86, "auth": "A" * 22}},
            {"keys": {"p256dh": "!" * 87, "auth": "A" * 22}},
            {"keys": {"p256dh": ["x"], "auth": {}}},
        ],
    )
    def test_keys_that_nothing_can_be_encrypted_for_are_refused(self, broken, visit, browser):
        assert self.post(visit, browser.to_json() | broken).status_code == 400

    def test_what_is_no_json_or_too_long_is_refused(self, visit, browser):
        assert self.post(visit, "{").status_code == 400
        assert self.post(visit, "[]").status_code == 400
        assert self.post(visit, browser.to_json() | {"x": "x" * 5000}).status_code == 413

    def test_a_link_that_is_none_is_not_found(self, browser, push):
        for token in ("a" * 22, "%00"):
            answer = Client().post(f"/t/{token}/tell/", json.dumps(browser.to_json()), content_type="application/json")
            assert answer.status_code == 404

    def test_another_site_cannot_subscribe_for_somebody(self, visit, browser):
        client = Client(enforce_csrf_checks=True)
        answer = client.post(f"/t/{visit.token}/tell/", json.dumps(browser.to_json()), content_type="application/json")
        assert answer.status_code == 403


class TestWishes:
    """A browser is told of a draw or of the waitlist by the page of that (R3.4, R3.7): there is no visit yet."""

    @pytest.fixture
    def coming(self):
        tomorrow = timezone.localtime() + timedelta(days=1)
        return factories.session(state="planned", day=tomorrow, released_at=timezone.now())

    @pytest.fixture
    def waits(self, coming):
        return WaitlistEntry.objects.create(session=coming, patient=factories.patient(), joined_at=timezone.now())

    @pytest.fixture
    def asked(self, coming, waits):
        """Of the same patient, before."""
        ballot = Ballot.objects.create(session=coming, minutes=10)
        return BallotEntry.objects.create(ballot=ballot, patient=waits.patient, asked_at=timezone.now())

    @staticmethod
    def offer(waits):
        now = timezone.now()
        freed = FreedNumber.objects.create(slot=waits.session.slots.first(), free_at=now)
        offer = {"state": "offered", "freed": freed, "offered_at": now, "offered_until": now + timedelta(minutes=10)}
        WaitlistEntry.objects.filter(pk=waits.pk).update(**offer)
        cause("waitlist_offered", entry=waits.pk)

    def test_a_browser_on_the_waitlists_page_is_told_of_the_offer_and_led_there(self, push, waits):
        browser = push.subscribe(push.key)
        given = json.dumps(browser.to_json() | {"language": "en"})
        assert Client().post(f"/t/{waits.token}/tell/", given, content_type="application/json").status_code == 204
        self.offer(waits)
        assert go_out("push") == [1]
        (told,) = browser.got
        assert (told["title"], told["url"]) == ("A number is free for you", f"/w/{waits.token}/")

    def test_who_asked_in_a_draw_and_went_on_to_wait_is_told_of_both_by_the_same_browser(self, push, asked, waits):
        mine = subscribe(push, asked.token)
        lost = {"state": "lost", "place": 2, "lost_because": "none_left", "ended_at": timezone.now()}
        BallotEntry.objects.filter(pk=asked.pk).update(**lost)
        cause("ballot_lost", entry=asked.pk)
        self.offer(waits)
        assert go_out("push") == [2]
        assert {told["url"] for told in mine.got} == {f"/d/{asked.token}/", f"/w/{waits.token}/"}

    def test_who_is_drawn_is_told_there_too_and_led_to_the_visit(self, push, asked):
        mine = subscribe(push, asked.token)
        made = factories.appointment(asked.ballot.session, who=asked.patient)
        won = {"state": "won", "place": 1, "appointment": made, "slot": made.slot, "ended_at": timezone.now()}
        BallotEntry.objects.filter(pk=asked.pk).update(**won)
        cause("ballot_won", entry=asked.pk, appointment=made.pk)
        assert go_out("push") == [1]
        assert [told["url"] for told in mine.got] == [f"/t/{made.token}/"]

    def test_others_who_wait_are_not_told(self, push, coming, waits):
        other = WaitlistEntry.objects.create(session=coming, patient=factories.patient(), joined_at=timezone.now())
        theirs = subscribe(push, other.token)
        self.offer(waits)
        assert go_out("push") == [0]
        assert theirs.got == []

    def test_the_button_is_there_while_there_is_something_to_be_told(self, push, asked, waits):
        pages = f"/w/{waits.token}/", f"/d/{asked.token}/"
        for page, entry in zip(pages, (waits, asked), strict=True):
            html = Client().get(page).content.decode()
            assert f'data-key="{push.key}" data-address="/t/{entry.token}/tell/"' in html
        WaitlistEntry.objects.update(state="left", ended_at=timezone.now())
        BallotEntry.objects.update(state="withdrawn", ended_at=timezone.now())
        assert all('id="tell"' not in Client().get(page).content.decode() for page in pages)


class TestThePage:
    def test_the_button_is_on_a_live_page_with_the_key_and_hidden_until_the_script_shows_it(self, push):
        booked = factories.appointment(factories.session())
        html = Client().get(f"/t/{booked.token}/").content.decode()
        assert f'data-key="{push.key}"' in html
        assert 'aria-live="polite" hidden>' in html
        type(booked).objects.update(state="cancelled")
        assert 'id="tell"' not in Client().get(f"/t/{booked.token}/").content.decode()

    def test_without_a_key_there_is_no_button(self, settings):
        settings.VAPID_PRIVATE_KEY = ""
        booked = factories.appointment(factories.session())
        assert 'id="tell"' not in Client().get(f"/t/{booked.token}/").content.decode()

    def test_the_service_worker_lies_where_its_pages_are(self):
        answer = Client().get("/t/worker.js")
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert b'addEventListener("push"' in answer.content


def test_the_command_makes_a_key_once(tmp_path, settings, capsys):
    settings.VAR_DIR = tmp_path
    call_command("make_vapid_keys")
    written = (tmp_path / "vapid_key").read_text().strip()
    assert (tmp_path / "vapid_key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(CommandError, match="already"):
        call_command("make_vapid_keys")
    settings.VAPID_PRIVATE_KEY = written
    assert len(keys.public()) == 87
    call_command("make_vapid_keys", "--print")
    assert capsys.readouterr().out.splitlines()[-1].startswith("VAPID_PRIVATE_KEY=")

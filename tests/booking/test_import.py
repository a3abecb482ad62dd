"""`import_history`: the real file, files that are not quite right, and quotas that follow from them (R2.3)."""

from datetime import date, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone, translation

from booking import importing
from booking.models import Department, Expert, PastSession, PastVisit
from tests import factories
from tests.booking.clinic import slots

pytestmark = pytest.mark.django_db

HEADER = "session,month,day_of_week,working_day,half_day,position,visit_no,start_time,service_s"
ROWS = [
    "1,January,Wednesday,True,morning,1,1,8:31:40,691",
    "1,January,Wednesday,True,morning,2,6,9:43:11,614",
    "2,January,Wednesday,True,afternoon,1,2,14:33:05,559",
]


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield


@pytest.fixture
def file(tmp_path):
    def write(*rows, header=HEADER, encoding="utf-8", name="log.csv"):
        path = tmp_path / name
        path.write_bytes("\n".join([header, *rows, ""]).encode(encoding))
        return path

    return write


def run(path, capsys, *args):
    """The command's output and what it says on the side."""
    call_command("import_history", str(path), *args)
    return capsys.readouterr()


def logged():
    return list(PastVisit.objects.order_by("past_session__starts_at", "position"))


class TestRealFile:
    def test_all_4531_visits_of_266_half_days_come_in_once(self, consultations, capsys):
        for new in ("new: 4531 of 266", "new: 0 of 0"):
            said = run(consultations, capsys)
            assert "4531 visits of 266 sessions" in said.out
            assert new in said.out
            assert said.err == ""
        assert (PastSession.objects.count(), PastVisit.objects.count()) == (266, 4531)
        assert PastVisit.objects.filter(past_session__morning=True).count() == 2355
        assert not PastSession.objects.filter(has_arrivals=True).exists()
        assert not PastVisit.objects.exclude(booked=None, arrived_at=None).exists()

    def test_the_weekdays_are_those_of_the_file_and_time_only_goes_on(self, consultations, capsys):
        parsed = importing.parse(consultations)
        days = importing.calendar(parsed.half_days, importing.FIRST_DATE)
        assert all(days[n].weekday() == half_day.weekday for n, half_day in parsed.half_days.items())
        order = [(days[n], not parsed.half_days[n].morning) for n in sorted(days)]
        assert order == sorted(set(order))

    def test_the_next_unreleased_session_is_split_by_these_visits(self, consultations, capsys):
        """R2.3: 08:00-09:00 starts late; walk-ins come from the department's default, and the plan says so."""
        of = factories.department(default_walk_ins_per_hour=1)
        expert = factories.expert(of)
        monday = timezone.localtime() + timedelta(days=21 - timezone.localtime().weekday())
        session = factories.session(
            split=((0, 4), (0, 4), (0, 4), (0, 5)), day=monday, of=of, expert=expert, state="planned",
            pool_opened_at=None, released_at=timezone.now() + timedelta(days=7),
        )  # fmt: skip
        said = run(consultations, capsys, "--expert", expert.code)
        assert "1 sessions of this expert not yet released; quotas with a new outcome: 1" in said.out
        plan = session.plans.get()
        used = {
            "source": "expert",
            "estimator": "weighted",
            "sessions": 134,
            "first_day": "2018-01-03",
            "last_day": "2019-05-11",
            "waiting_seen_by": "no_break",
        }
        assert plan.basis["visits"] | used == plan.basis["visits"]
        # R2.2: recent visits weigh more, and foretell the next better than the mean of all.
        assert plan.basis["visits"]["log_score"] < plan.basis["visits"]["rivals"]["plain_mean"]["log_score"]
        assert plan.basis["walk_ins"]["source"] == "default"
        first, *others = plan.rows
        assert (first["reason"], {row["reason"] for row in others}) == ("late_start", {"visit_length"})
        # All mornings, counted from the file itself.
        mornings = [n for n, half_day in importing.parse(consultations).half_days.items() if half_day.morning]
        rows = [row for row in importing.parse(consultations).rows if row.half_day.session in mornings]
        for row, hour in zip(plan.rows, (8, 9, 10, 11), strict=True):
            lengths = [r.seconds / 60 for r in rows if r.start.hour == hour]
            assert row["mean_minutes"] == pytest.approx(sum(lengths) / len(lengths), abs=1e-6)
            assert row["visit_minutes"] == pytest.approx(row["mean_minutes"], rel=0.1)
            assert row["observed"] == pytest.approx(len(lengths) / 134)
        assert first["capacity"] == round(first["observed"])
        assert sum(slot.bookable + slot.walk_in for slot in slots(session)) == session.numbers == 17


class TestReading:
    def test_dates_are_made_from_the_first_date_by_weekday(self, file, capsys):
        rows = [
            *ROWS,
            "3,January,Wednesday,True,morning,1,1,8:31:40,691",
            "4,January,Saturday,False,afternoon,1,1,14:31:40,691",
            "5,January,Saturday,False,afternoon,1,1,14:31:40,691",
        ]
        run(file(*rows), capsys, "--first-date", "2026-01-01")
        days = [timezone.localtime(past.starts_at) for past in PastSession.objects.order_by("starts_at")]
        assert [f"{day:%Y-%m-%d %H}" for day in days] == [
            "2026-01-07 08",
            "2026-01-07 14",
            "2026-01-14 08",
            "2026-01-17 14",
            "2026-01-24 14",
        ]

    def test_a_visit_is_stored_as_the_file_says(self, file, capsys):
        run(file(*ROWS, "2,January,Wednesday,True,afternoon,2,1,18:59,60"), capsys)
        first, second, _third, overtime = logged()
        assert (first.position, first.seconds, first.first_visit, first.slot_index) == (1, 691, True, 0)
        assert timezone.localtime(first.started_at).isoformat() == "2018-01-03T08:31:40+08:00"
        assert (second.first_visit, second.slot_index) == (False, 1)
        # Planned until 18:00: what begins later counts for the last slot.
        assert (overtime.slot_index, overtime.seconds) == (3, 60)

    @pytest.mark.parametrize(
        ("row", "reason"),
        [
            ("x,January,Wednesday,True,morning,3,1,9:50:00,600", "session is no whole number: “x”"),
            ("1,January,Midweek,True,morning,3,1,9:50:00,600", "day_of_week is no English weekday: “Midweek”"),
            ("1,January,Wednesday,True,night,3,1,9:50:00,600", "half_day is neither morning nor afternoon: “night”"),
            ("1,January,Thursday,True,morning,3,1,9:50:00,600", "session 1 is another half-day in an earlier line"),
            ("1,January,Wednesday,True,morning,0,1,9:50:00,600", "position is not within 1 and 32767: 0"),
            ("1,January,Wednesday,True,morning,2,1,9:50:00,600", "the same session and position as line 3"),
            ("1,January,Wednesday,True,morning,3,1,9h50,600", "start_time is no time of day (H:MM:SS): “9h50”"),
            ("1,January,Wednesday,True,morning,3,1,25:00:00,600", "start_time is no time of day (H:MM:SS): “25:00:00”"),
            ("1,January,Wednesday,True,morning,3,1,16:50:00,600", "start_time is far from that half-day's hours"),
            ("1,January,Wednesday,True,morning,3,1,9:50:00,-5", "service_s is no whole number: “-5”"),
            ("1,January,Wednesday,True,morning,3,1,9:50:00,", "service_s is no whole number: “”"),
            ("1,January,Wednesday,True,morning,3,1,9:50:00,0", "service_s is not within 1 and 14400: 0"),
            ("1,January,Wednesday,True,morning,3,first,9:50:00,60", "visit_no is no whole number: “first”"),
            ("1,January,Wednesday,True,morning,3", "6 cells in place of 9"),
            ("1,January,Wednesday,True,morning,3,1,9:50:00,600,1", "10 cells in place of 9"),
            ("１,January,Wednesday,True,morning,3,1,9:50:00,600", "session is no whole number"),
        ],
    )
    def test_a_bad_line_is_named_with_its_reason_and_the_rest_comes_in(self, file, capsys, row, reason):
        said = run(file(*ROWS, row), capsys)
        assert said.err.startswith(f"line 5 left out: {reason}")
        assert len(said.err.splitlines()) == 1
        assert len(logged()) == 3

    def test_a_corrected_file_adds_what_was_left_out(self, file, capsys):
        good = "1,January,Wednesday,True,morning,3,1,9:50:00,600"
        run(file(*ROWS, good.replace("600", "?")), capsys)
        said = run(file(*ROWS, good), capsys)
        assert "new: 1 of 0" in said.out
        assert len(logged()) == 4

    def test_a_half_day_of_bad_lines_keeps_its_date(self, file, capsys):
        """Else every later session would move, and come in again once the file is corrected."""
        wrong = "3,January,Wednesday,True,morning,1,1,?,600"
        last = "4,January,Wednesday,True,morning,1,1,8:30:00,600"
        run(file(*ROWS, wrong, last), capsys)
        run(file(*ROWS, wrong.replace("?", "8:30:00"), last), capsys)
        assert PastSession.objects.count() == 4

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
    def test_files_as_spreadsheets_write_them_are_read(self, file, capsys, encoding):
        run(file(*(f"{row},王医生" for row in ROWS), header=f"{HEADER},备注", encoding=encoding), capsys)
        assert len(logged()) == 3

    @pytest.mark.parametrize("delimiter", [";", "\t"])
    def test_other_delimiters_line_ends_and_blank_lines_are_read(self, file, capsys, delimiter):
        text = [row.replace(",", delimiter) for row in ROWS]
        run(file(f"{text[0]}\r", "", *text[1:], header=HEADER.replace(",", delimiter)), capsys)
        assert len(logged()) == 3

    def test_columns_may_stand_in_any_order_and_only_the_needed_ones(self, file, capsys):
        run(
            file(
                "600,8:30,1,morning,Monday,1",
                header="Service_S, start_time ,position,half_day,day_of_week,session",
            ),
            capsys,
        )
        (visit,) = logged()
        assert (visit.seconds, visit.first_visit) == (600, None)


class TestUnreadable:
    """One clear sentence, and nothing is written."""

    def refused(self, path, *args):
        with pytest.raises(CommandError) as refusal:
            call_command("import_history", str(path), *args)
        assert not PastSession.objects.exists()
        assert not Department.objects.exists()
        return str(refusal.value)

    @pytest.mark.parametrize("code", ["mine", "no slug"])
    def test_no_expert_is_made_whose_page_would_be_another_one(self, file, code):
        assert "please choose another code" in self.refused(file(*ROWS), "--expert", code, "--create")

    def test_missing_columns_are_named(self, file):
        said = self.refused(file("1,2", header="session,position"))
        assert said == (
            "The file lacks the columns day_of_week, half_day, start_time, service_s; "
            "its first line must name its columns."
        )

    def test_a_workbook_is_no_csv(self, tmp_path):
        path = tmp_path / "log.xlsx"
        path.write_bytes(b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00\xff\xff")
        assert "is no CSV file" in self.refused(path)

    def test_a_file_that_is_not_there(self, tmp_path):
        assert "cannot be read: No such file or directory." in self.refused(tmp_path / "none.csv")

    def test_a_folder(self, tmp_path):
        assert "cannot be read: Is a directory." in self.refused(tmp_path)

    def test_an_empty_file(self, tmp_path):
        (tmp_path / "log.csv").touch()
        assert self.refused(tmp_path / "log.csv") == "The file is empty."

    def test_a_file_without_a_good_line(self, file, capsys):
        assert (
            self.refused(file("?,January,Wednesday,True,morning,1,1,8:30,60")) == "No line of the file can be imported."
        )
        assert "line 2 left out" in capsys.readouterr().err

    def test_an_expert_who_is_none_is_not_made_by_a_slip(self, file):
        assert "There is no expert with the code wnag" in self.refused(file(*ROWS), "--expert", "wnag")


class TestWhose:
    def test_without_a_name_the_expert_is_named_after_the_file(self, file, capsys):
        said = run(file(*ROWS, name="Dr Wang 2018.csv"), capsys)
        assert Expert.objects.get().code == "dr-wang-2018"
        assert "New expert: dr-wang-2018, department imported." in said.out

    def test_an_expert_is_made_on_request(self, file, capsys):
        of = factories.department()
        run(file(*ROWS), capsys, "--expert", "wang", "--create", "--department", of.slug)
        assert PastSession.objects.values_list("expert__code", "expert__department").distinct().get() == ("wang", of.pk)

    def test_two_logs_of_one_expert_are_told_apart_by_their_source(self, file, capsys):
        run(file(*ROWS), capsys, "--source", "a")
        said = run(file(*ROWS), capsys, "--source", "b")
        assert "new: 3 of 2" in said.out


def test_the_first_date_may_be_the_day_itself():
    half_days = {1: importing.HalfDay(session=1, weekday=0, morning=True)}
    assert importing.calendar(half_days, date(2026, 11, 16)) == {1: date(2026, 11, 16)}

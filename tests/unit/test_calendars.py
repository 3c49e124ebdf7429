"""Weeks and fiscal years that begin otherwise: read, asked about, and computed in two ways."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa
import sqlglot
from sqlglot import exp

from crew.artifacts import (
    Calendar,
    Comment,
    CompanyCalendar,
    Evidence,
    Request,
    RequirementSpec,
    UnitTest,
)
from crew.drafting.calendar_words import take_calendar
from crew.drafting.dialects import in_dialect
from crew.drafting.interpreter import interpret as interpret_request
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.languages import in_english
from crew.drafting.period_sql import period_of
from crew.drafting.periods import is_too_coarse
from crew.drafting.sql_compiler import AggregateCompiler
from crew.drafting.unit_test_writer import write_unit_test
from crew.verification.counted_periods import first_day, first_of
from crew.verification.expected_rows import expected_rows, in_memory
from tests.servers.postgres import running_postgres
from tests.unit.test_interpreter import CLINICS, EDGE, VISITS, column, relation

DIALECTS = ("duckdb", "snowflake", "bigquery", "postgres", "redshift", "databricks")
HOUSE = CompanyCalendar(
    week_starts="sunday", fiscal_year_starts="april", fiscal_year_named_by="end"
)
CALENDARS = [Calendar(week_starts=n) for n in range(7)]
CALENDARS += [Calendar(year_starts=n) for n in range(2, 13)]


def begins(day: date, grain: str, calendar: Calendar) -> date:
    """The first day of a day's period, by going back day by day."""
    months = {"month": 1, "quarter": 3, "year": 12}
    while True:
        if grain == "day" or (grain == "week" and day.weekday() == calendar.week_starts):
            return day
        if (
            grain in months
            and day.day == 1
            and not (day.month - calendar.year_starts) % months[grain]
        ):
            return day
        day -= timedelta(days=1)


def interpret(
    title: str, *answers: str, house: CompanyCalendar = HOUSE, body: str = ""
) -> RequirementSpec:
    evidence = Evidence(
        project="p", dialect="duckdb", relations=(VISITS, CLINICS), joins=(EDGE,), calendar=house
    )
    said = (Comment(author="Firstmile", body="", ours=True),)
    said += tuple(Comment(author="a", body=a) for a in answers)
    request = Request(source="x", key="k", title=title, body=body, comments=said)
    return interpret_request(request, evidence)


# --- SQL ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("calendar", CALENDARS, ids=str)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_both_ways_to_a_first_day_are_right_every_day(calendar: Calendar, dialect: str) -> None:
    days = [date(2023, 12, 20) + timedelta(days=n) for n in range(800)]
    for grain in ("day", "week", "month", "quarter", "year"):
        at = exp.column("moment")
        columns = []
        for tree in (period_of(at, grain, calendar), first_day(at, grain, calendar)):
            text = in_dialect(tree, dialect).sql(dialect=dialect)
            columns.append(sqlglot.transpile(text, read=dialect, write="duckdb")[0])
        with duckdb.connect() as database:
            database.execute(
                "create table t as select unnest(?)::timestamp + interval 23 hour as moment", [days]
            )
            rows = database.execute(f"select moment, {', '.join(columns)} from t").fetchall()
        assert rows == [(at, *[begins(at.date(), grain, calendar)] * 2) for at, *_ in rows]
        assert all(
            first_of(at, grain, calendar).date() == first
            for at, first, _ in rows if grain in {"month", "quarter", "year"}
        )  # fmt: skip


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Connection]:
    folder: Path = tmp_path_factory.mktemp("postgres")
    with running_postgres(folder) as address:
        engine = sa.create_engine(address.replace("postgresql://", "postgresql+psycopg://"))
        with engine.connect() as connection:
            yield connection
        engine.dispose()


def test_both_ways_are_right_on_postgres(postgres: sa.Connection) -> None:
    for calendar in CALENDARS:
        for grain in ("week", "quarter", "year"):
            trees = [f(exp.column("moment"), grain, calendar) for f in (period_of, first_day)]
            shown = ", ".join(tree.sql(dialect="postgres") for tree in trees)
            days = "generate_series('2023-12-20 23:00'::timestamp, '2025-06-01', '1 day') as moment"
            for at, *both in postgres.execute(sa.text(f"select moment, {shown} from {days}")):
                assert both == [begins(at.date(), grain, calendar)] * 2


def test_bigquery_has_the_unit_last_and_weeks_that_begin_on_monday() -> None:
    tree = in_dialect(period_of(exp.column("at"), "week"), "bigquery")
    assert tree.sql(dialect="bigquery") == ("CAST(DATE_TRUNC(CAST(`at` AS DATE), ISOWEEK) AS DATE)")


# --- words -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "starts", "left"),
    [
        ("visits per week starting on Sunday", 6, "visits per week"),
        ("visits by week (Sunday to Saturday)", 6, "visits by week"),
        ("weekly visits, our weeks run Saturday through Friday", 5, "weekly visits,"),
        ("visits per week ending Saturday", 6, "visits per week"),
        ("visits per Sunday-based week", 6, "visits per week"),
        ("visits per ISO week", 0, "visits per week"),
        ("visits per week, the first day of the week is Wednesday", 2, "visits per week,"),
    ],
)
def test_when_weeks_begin_is_read(text: str, starts: int, left: str) -> None:
    said, rest = take_calendar(text)
    assert (said.week_starts, rest.strip()) == (starts, left)


@pytest.mark.parametrize(
    ("text", "language", "starts"),
    [
        ("Besuche pro Woche ab Sonntag", "german", 6),
        ("Besuche pro Woche, die Woche beginnt am Montag", "german", 0),
        ("visites par semaine commençant le dimanche", "french", 6),
        ("visitas por semana de domingo a sábado", "spanish", 6),
    ],
)
def test_when_weeks_begin_is_read_in_other_languages(text: str, language: str, starts: int) -> None:
    assert take_calendar(in_english(text, language))[0].week_starts == starts


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("Our fiscal year starts in April.", 4),
        ("fiscal year runs from July 1 to June 30", 7),
        ("the financial year ends on 31 March", 4),
        ("revenue per FY (October to September)", 10),
        ("Das Geschäftsjahr beginnt am 1. April", 4),
    ],
)
def test_when_fiscal_years_begin_is_read(text: str, starts: int) -> None:
    assert (
        take_calendar(in_english(text, "german" if "Das" in text else ""))[0].year_starts == starts
    )


@pytest.mark.parametrize(
    "text",
    ["fiscal year starts April 6", "weeks run from Monday to Friday", "revenue per fiscal week",
     "fiscal year from May to March"],
)  # fmt: skip
def test_calendars_that_are_not_known_are_unclear(text: str) -> None:
    assert take_calendar(text)[0].unclear


@pytest.mark.parametrize(
    "text", ["orders for the year starting April 2025", "visits on weekdays Monday to Friday"]
)
def test_other_words_say_nothing_of_the_calendar(text: str) -> None:
    said, left = take_calendar(text)
    assert (said.week_starts, said.year_starts, said.fiscal, left) == (None, None, "", text)


# --- requests ----------------------------------------------------------------------------------


def test_weeks_begin_as_the_settings_say_unless_the_ticket_says_otherwise() -> None:
    spec = interpret("number of visits per week")
    assert spec.calendar.week_starts == 6
    assert any("Weeks begin on Sunday" in a.text for a in spec.assumptions)
    spec = interpret("number of visits per week", body="Weeks start on Monday.")
    assert spec.calendar.week_starts == 0 and not spec.questions


@pytest.mark.parametrize(
    ("title", "start", "end"),
    [
        ("number of visits per month in FY25", "2024-04-01", "2025-04-01"),
        ("number of visits per month in fiscal year 2025/26", "2025-04-01", "2026-04-01"),
        ("number of visits per month in Q3 FY2025", "2024-10-01", "2025-01-01"),
        ("number of visits per month since FY24", "2023-04-01", None),
        ("number of visits per month from FY23 to FY24", "2022-04-01", "2024-04-01"),
        ("FY25 number of visits per month", "2024-04-01", "2025-04-01"),
        ("number of visits per month in H1 FY25", "2024-04-01", "2024-10-01"),
        ("number of visits per month in H1 2025", "2025-01-01", "2025-07-01"),
    ],
)
def test_fiscal_dates_are_moved_to_where_the_year_begins(
    title: str, start: str, end: str | None
) -> None:
    spec = interpret(title)
    assert not spec.questions and spec.date_range is not None
    assert (spec.date_range.start, spec.date_range.end) == (start, end)


@pytest.mark.parametrize(
    "title",
    [
        "number of visits per fiscal year",
        "number of visits per month in FY25",
        "number of visits this fiscal year",
        "number of visits per month, and fiscal year to date",
        "number of visits per fiscal month",
    ],
)
def test_fiscal_periods_are_asked_about_without_a_setting(title: str) -> None:
    spec = interpret(title, house=CompanyCalendar())
    assert [q.id for q in spec.questions][:1] == ["calendar:fiscal_year"]
    assert len(spec.questions[0].options) == 4


@pytest.mark.parametrize(
    ("answer", "month"),
    [("B", 4), ("in July", 7), ("It starts in February", 2), ("Our fiscal year begins in May", 5)],
)
def test_an_answer_says_when_the_fiscal_year_begins(answer: str, month: int) -> None:
    spec = interpret("number of visits per fiscal year", answer, house=CompanyCalendar())
    assert not spec.questions and spec.calendar.year_starts == month


def test_after_which_year_it_is_named_is_asked_where_nobody_says() -> None:
    house = HOUSE.model_copy(update={"fiscal_year_named_by": None})
    asked = interpret("number of visits per month in FY25", house=house)
    assert [q.id for q in asked.questions] == ["calendar:named_by"]
    told = interpret("number of visits per month in FY25", "B", house=house)
    assert told.date_range and told.date_range.start == "2025-04-01"


@pytest.mark.parametrize(
    "title",
    [
        "number of visits per month except FY25",
        "number of visits per month from FY24 to March 2025",
        "number of visits per fiscal year and calendar year",
        "number of visits per month in FY24 vs FY25",
        "number of visits per month in FY2025/27",
    ],
)
def test_fiscal_dates_that_are_not_understood_are_asked(title: str) -> None:
    assert interpret(title).questions


@pytest.mark.parametrize(
    ("title", "told"),
    [
        ("number of visits per week", {}),
        ("number of visits per week and city, last 6 weeks", {}),
        ("number of visits per fiscal year", {}),
        ("number of visits per fiscal quarter, no gaps", {"year_starts": 2}),
        ("number of visits per month and fiscal year to date", {}),
        ("number of visits per day this fiscal quarter", {"year_starts": 3}),
        ("number of visits per month in the last fiscal year", {}),
        ("number of visits per week compared to the previous week", {}),
    ],
)
def test_the_model_gives_what_is_counted_another_way(title: str, told: dict[str, Any]) -> None:
    spec = interpret(title)
    assert not spec.questions
    if told:
        spec = spec.model_copy(update={"calendar": spec.calendar.model_copy(update=told)})
    evidence = Evidence(project="p", dialect="duckdb", relations=(VISITS, CLINICS), joins=(EDGE,))
    model = AggregateCompiler(spec, evidence, JoinPlanner(evidence)).compile("m.sql")
    days = [date(2023, 1, 5) + timedelta(days=3 * n) for n in range(300)]
    given = {
        "stg_visits": [
            {"visit_id": n, "clinic_id": n % 2, "status": "completed", "fee": n,
             "visited_at": f"{day} 00:00:00"} for n, day in enumerate(days)
        ],
        "stg_clinics": [{"clinic_id": n, "city": c} for n, c in enumerate(("Vienna", "Berlin"))],
    }  # fmt: skip
    expected = expected_rows(spec, evidence, given)
    with duckdb.connect() as database:
        located = in_memory(evidence, given, database)
        sql = model.sql
        for card in located.relations:
            sql = sql.replace(f"{{{{ ref('{card.key}') }}}}", card.relation_name)
        found = database.execute(sql)
        names = [d[0] for d in found.description]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    assert expected and sorted(map(str, rows)) == sorted(map(str, expected))
    proposed = write_unit_test(spec, model, evidence)
    assert isinstance(proposed, UnitTest) or proposed == "0 rows would be expected"


def test_a_table_per_week_is_not_cut_into_other_weeks() -> None:
    weeks = relation("weeks", column("week", "date", distinct=50, minimum="2024-01-01",
                                     maximum="2024-12-09"), column("revenue", "decimal(18,2)"))  # fmt: skip
    assert not is_too_coarse(weeks, "week")
    assert is_too_coarse(weeks, "week", Calendar(week_starts=6))

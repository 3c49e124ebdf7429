"""Whatever a ticket that changes a model says besides, it changes what is delivered, is asked or noted.

Base tickets × one wish more: what is delivered for both must not be the same without a word.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crew.artifacts import AddTests, ColumnCard
from crew.drafting.described_columns import written_of_columns
from crew.drafting.edits.tested_rows import scope_of
from crew.drafting.staging_columns import left_out
from crew.drafting.staging_wishes import unread
from tests.unit.test_edit_wordings import Ferry

BASES = (
    "Rename price to fare in tickets.",
    "Drop bought_on from tickets.",
    "Add price_per_id to tickets = price / ticket_id.",
    "tickets should not contain tickets with state no_show.",
    "Add a not_null test on bought_on in tickets.",
    "Make tickets incremental by bought_on, key is ticket_id.",
)
WISHES = (
    " but only for used tickets", ", except for used tickets", " for used tickets only", " from 2025 on",
    ". Only used tickets please", ". And drop sailing_id while you are at it", ". Also rename state to condition_now",
    ". state can go", ". Please keep sailing_id out", ". state in upper case", ". sailing_id as text please",
    ". 0 in sailing_id counts as null", ". An empty state counts as unknown", ". Mask state", ". Sort by state",
    ". Add a unique test on sailing_id as a warning", ". state must be filled", ". Materialize it as a view",
    ". Put it into the schema finance", ". Tag it with finance", ". Top 10 only", ". Group by state too",
    ". Rows of the last 30 days only", ". Make the test a warning only", ". Treat blanks as null",
    ". Do the same in all other models", ". Run it every hour", ". No states for returns please",
)  # fmt: skip


def _delivered(ferry: Ferry, body: str) -> tuple[str, str, str] | None:
    """What is delivered and said; none where something is asked."""
    spec = ferry.read(body)
    if spec is None or spec.questions:
        return None
    edits = " ".join(sorted(e.model_dump_json() for e in spec.edits))
    return edits, " ".join(spec.notes), " ".join(a.text for a in spec.assumptions)


@pytest.fixture(scope="module")
def ferry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ferry]:
    yield Ferry(tmp_path_factory.mktemp("ferry"))


@pytest.mark.parametrize("base", BASES)
def test_one_wish_more_is_never_passed_over(ferry: Ferry, base: str) -> None:
    alone = _delivered(ferry, base)
    assert alone is not None
    lost = [w for w in WISHES if _delivered(ferry, f"{base.rstrip('.')}{w}.") == alone]
    has_it = {". Make the test a warning only"} if "not_null" in base else set()
    assert not set(lost) - has_it, lost


@pytest.mark.parametrize(
    ("body", "column", "where", "severity"),
    [
        ("Add a not_null test on bought_on in tickets, but only where state is used.", "bought_on",
         "state = 'used'", "error"),
        ("Add a not_null test on bought_on in tickets for returns only.", "bought_on",
         "is_return", "error"),
        ("Add a not_null test on bought_on in tickets as a warning.", "bought_on", "", "warn"),
        ("Add a not_null test on bought_on in tickets. Make it a warning only.", "bought_on", "", "warn"),
    ],
)  # fmt: skip
def test_a_test_is_of_the_rows_and_as_strict_as_it_is_said(
    ferry: Ferry, body: str, column: str, where: str, severity: str
) -> None:
    (edit,) = ferry.edits(body)
    assert isinstance(edit, AddTests)
    assert [(t.column, t.where, t.severity) for t in edit.tests] == [(column, where, severity)]


def test_rows_that_cannot_be_told_are_asked_about(ferry: Ferry) -> None:
    assert "grumpy guests" in ferry.questions(
        "Add a not_null test on price in tickets, except for grumpy guests."
    )
    assert scope_of("x is either A or B, ignoring nulls").whole == "x is either A or B"


@pytest.mark.parametrize(
    "body",
    [
        "Leave rows with state no_show out of the model tickets.",
        "Keep rows with state no_show out of the model tickets.",
        "Throw rows with state no_show out of the model tickets.",
    ],
)
def test_rows_between_the_words_of_leaving_out_are_left_out(ferry: Ferry, body: str) -> None:
    (edit,) = ferry.edits(body)
    assert "no_show" in edit.condition and "is distinct from" in edit.condition.lower()


COLUMNS = tuple(
    ColumnCard(name=n, data_type="varchar") for n in ("id", "email", "town", "repair_cost")
)


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("Stage crm.guests, keep emails out.", ["email"]),
        ("Stage crm.guests and leave out the repair cost and the town.", ["repair_cost", "town"]),
        ("Stage crm.guests. town can go.", ["town"]),
        ("Stage crm.guests, without rows without town.", []),
        ("Stage crm.guests without the unpaid ones.", []),
    ],
)
def test_a_staging_model_goes_without_columns(text: str, gone: list[str]) -> None:
    assert [c for named in left_out(text, COLUMNS).values() for c in named] == gone


@pytest.mark.parametrize(
    "wish",
    ["Mask email", "town must be filled", "one row per town", "town 3 should not be in it", "rows from 2025 on"],
)  # fmt: skip
def test_what_staging_has_no_place_for_is_asked(wish: str) -> None:
    names = [c.name for c in COLUMNS]
    asked, _ = unread(f"Stage crm.guests. {wish}.", [*names, "crm", "guests"], [], names)
    assert asked == [wish]


def test_descriptions_in_quotes_are_each_of_their_column() -> None:
    body = 'Describe town as "Where they live", and email ("how we reach them").'
    assert written_of_columns(body, [c.name for c in COLUMNS]) == {
        "town": "Where they live.",
        "email": "How we reach them.",
    }

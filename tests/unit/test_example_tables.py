"""Tables of values in a ticket."""

from __future__ import annotations

from datetime import date

import pytest

from crew.artifacts import DraftModel, ExampleRows, Finding, Request
from crew.artifacts import TestSuite as Suite
from crew.drafting.engine import without_failing
from crew.drafting.example_tables import named_by, take_examples, value_of, with_examples
from crew.drafting.unit_test_writer import request_unit_test
from crew.verification.example_rows import findings_of
from tests.unit.test_unit_test_writer import EVIDENCE, REVENUE, metric, spec

BODY = """Revenue per month and country, please. For instance:

| Month | Country | Revenue |
|---|---|---|
| 2024-01 | DE | 1,250.5 |

Thanks
"""
DESCRIBED = "| name | meaning |\n|---|---|\n| revenue | what was paid |\n"


def request(body: str) -> Request:
    return Request(source="jira", key="X-1", title="Revenue", body=body)


def test_a_table_of_values_is_taken_out_and_named_by_the_result() -> None:
    plain, (table,) = take_examples(request(BODY))
    assert "|" not in plain.body and "Thanks" in plain.body
    named = named_by(table.rows, spec(metric(REVENUE)))
    assert named == ExampleRows(
        columns=("month", "country", "revenue"), rows=(("2024-01", "DE", "1,250.5"),)
    )


def test_a_table_that_describes_columns_is_left_to_others() -> None:
    assert take_examples(request(DESCRIBED)) == (request(DESCRIBED), ())


def test_a_table_with_a_heading_that_is_no_column_is_none() -> None:
    _, (table,) = take_examples(request(BODY.replace("Country", "Warehouse")))
    assert named_by(table.rows, spec(metric(REVENUE))) is None


@pytest.mark.parametrize(
    ("revenue", "words"),
    [
        (1250.5, []),
        (1250.54, []),
        (
            1250.6,
            ["month 2024-01, country DE: revenue is 1,250.5 in the request, 1250.6 in the model."],
        ),
    ],
)
def test_numbers_are_compared_as_exactly_as_they_are_written(
    revenue: float, words: list[str]
) -> None:
    _, (table,) = take_examples(request(BODY))
    named = named_by(table.rows, spec(metric(REVENUE)))
    assert named is not None
    rows = [{"month": date(2024, 1, 1), "country": "DE", "revenue": revenue}]
    assert findings_of(named, rows, {"month", "country"}) == words


def test_a_row_that_is_not_there_is_said() -> None:
    table = ExampleRows(columns=("month", "revenue"), rows=(("2024-02", "1"),))
    assert findings_of(table, [], {"month"}) == ["month 2024-02: no row in the model."]


TABLES = {
    "markdown": """
| order id | country | amount |
|---|:-:|--:|
| 1 | DE | 1,200.50 |
| 2 | - | 3 |
""",
    "jira": """
||order id||country||amount||
|1|DE|1,200.50|
|2| |3|
""",
    "aligned": """
order id  country  amount
--------  -------  --------
1         DE       1,200.50
2         null     3
""",
    "tabs": "order id\tcountry\tamount\n1\tDE\t1,200.50\n2\tnull\t3\n",
}


@pytest.mark.parametrize("written", TABLES)
def test_given_rows_are_read_in_every_way_of_writing_tables(written: str) -> None:
    body = f"Revenue per country.\n\nGiven these orders:\n\n{TABLES[written].strip()}\n\nThanks"
    plain, (table,) = take_examples(request(body))
    assert table.is_given and "Given" not in plain.body and "Thanks" in plain.body
    assert [c.lower() for c in table.rows.columns] == ["order id", "country", "amount"]
    values = [value_of(c, t) for c, t in zip(table.rows.rows[0], TYPES, strict=True)]
    assert values == [1, "DE", 1200.5]
    assert value_of(table.rows.rows[1][1], "varchar") is None


TYPES = ("integer", "varchar", "decimal(12, 2)")
GIVEN = """Revenue per month.

Given orders:

|| order id || ordered at || amount ||
| 1 | 2024-01-05 | 10 |
| 2 | 2024-01-31 | 5.5 |

Expected:

|| month || total revenue ||
| 2024-01 | %s |
"""


@pytest.mark.parametrize(("revenue", "expected"), [("15.5", 15.5), ("16", 15.5), ("99", 99)])
def test_given_and_expected_rows_are_a_unit_test(revenue: str, expected: float) -> None:
    _, tables = take_examples(request(GIVEN % revenue))
    by_month = spec(metric(REVENUE)).model_copy(update={"dimensions": (), "filters": ()})
    made = with_examples(by_month, tables, ["orders"], EVIDENCE)
    assert [g.relation for g in made.given] == ["orders"] and not made.notes
    model = DraftModel(name="m", path="models/m.sql", sql="", relations=("orders", "customers"))
    test = request_unit_test(made, model, EVIDENCE)
    assert [g["input"] for g in test.given] == ["ref('orders')", "ref('customers')"]
    assert test.given[0]["rows"][1] == {
        "order_id": 2, "ordered_at": "2024-01-31", "amount": 5.5
    }  # fmt: skip
    assert test.expect == ({"month": "2024-01-01", "revenue": expected},)


def test_tables_that_cannot_be_used_are_said() -> None:
    _, tables = take_examples(request(GIVEN.replace("ordered at", "weather") % "1"))
    made = with_examples(spec(metric(REVENUE)), tables, ["orders"], EVIDENCE)
    assert not made.given and not made.examples
    assert "`weather`" in made.notes[0] and "one is missing" in made.notes[1]


def test_a_unit_test_of_the_request_is_never_dropped() -> None:
    _, tables = take_examples(request(GIVEN % "1"))
    by_month = spec(metric(REVENUE)).model_copy(update={"dimensions": (), "filters": ()})
    made = with_examples(by_month, tables, ["orders"], EVIDENCE)
    model = DraftModel(name="m", path="models/m.sql", sql="", relations=("orders",))
    test = request_unit_test(made, model, EVIDENCE)
    finding = Finding(text="it cannot run", blame="tests", check="unit tests")
    assert without_failing(Suite(unit=(test,)), finding).unit == (test,)

"""Tables of values in a ticket."""

from __future__ import annotations

from datetime import date

import pytest

from crew.artifacts import ExampleRows, Request
from crew.drafting.example_tables import named_by, take_examples
from crew.verification.example_rows import _findings
from tests.unit.test_unit_test_writer import REVENUE, metric, spec

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
    named = named_by(table, spec(metric(REVENUE)))
    assert named == ExampleRows(
        columns=("month", "country", "revenue"), rows=(("2024-01", "DE", "1,250.5"),)
    )


def test_a_table_that_describes_columns_is_left_to_others() -> None:
    assert take_examples(request(DESCRIBED)) == (request(DESCRIBED), ())


def test_a_table_with_a_heading_that_is_no_column_is_none() -> None:
    _, (table,) = take_examples(request(BODY.replace("Country", "Warehouse")))
    assert named_by(table, spec(metric(REVENUE))) is None


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
    named = named_by(table, spec(metric(REVENUE)))
    assert named is not None
    rows = [{"month": date(2024, 1, 1), "country": "DE", "revenue": revenue}]
    assert _findings(named, rows, {"month", "country"}) == words


def test_a_row_that_is_not_there_is_said() -> None:
    table = ExampleRows(columns=("month", "revenue"), rows=(("2024-02", "1"),))
    assert _findings(table, [], {"month"}) == ["month 2024-02: no row in the model."]

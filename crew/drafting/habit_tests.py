"""Tests that the project's columns of one kind carry, for new columns whose data bears them out.

What cannot be judged from the profile of the data is left out: a habit is no reason to fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from crew.artifacts import ColumnCard, GenericTest, TestHabit
from crew.catalog.test_habits import column_kind

MAX_VALUES = 8
_NOT_NULL = {"not_null", "dbt_expectations.expect_column_values_to_not_be_null"}
_UNIQUE = {"unique", "dbt_expectations.expect_column_values_to_be_unique"}
_BETWEEN = {"dbt_utils.accepted_range", "dbt_expectations.expect_column_values_to_be_between"}
_LIMITS = {"min_value", "max_value"}


@dataclass(frozen=True)
class NewColumn:
    """A column of a draft and the profile of the one behind it.

    `values` are all that it has, where they are known; `is_changed`: its expression is more than
    the column's name; `may_be_null`: a join may leave it empty; `repeats`: rows share its values.
    """

    name: str
    card: ColumnCard
    values: tuple[str, ...] = ()
    is_own_key: bool = False
    is_changed: bool = False
    may_be_null: bool = False
    repeats: bool = False


def habit_tests(
    habits: Sequence[TestHabit], source: str, model: str, columns: Iterable[NewColumn]
) -> list[GenericTest]:
    """Tests of the habits of a source system ("" for marts) that today's data does not contradict."""
    found = []
    for column in columns:
        kind = column_kind(column.name, column.card.data_type, column.is_own_key)
        for habit in habits:
            if (habit.source, habit.column_kind) != (source, kind):
                continue
            arguments = dict(habit.arguments)
            if habit.test == "accepted_values":
                arguments = {"values": sorted(column.values)}
            if _bears_out(column, habit.test, arguments):
                found.append(
                    GenericTest(
                        model=model,
                        column=column.name,
                        test=habit.test,
                        arguments=arguments,
                        reason=_reason(habit),
                    )
                )
    return found


def _reason(habit: TestHabit) -> str:
    of = f"{habit.source} " if habit.source else ""
    return (
        f"the project tests its {of}{habit.column_kind} columns so:"
        f" {habit.with_test} of {habit.seen}"
    )


def _bears_out(column: NewColumn, test: str, arguments: dict[str, Any]) -> bool:
    """Whether the profile shows that every row passes."""
    card = column.card
    if test in _NOT_NULL:
        return not arguments and card.nulls == 0 and not column.may_be_null
    if test in _UNIQUE:
        return not (arguments or column.repeats or column.is_changed) and card.is_unique
    if test == "accepted_values":
        return not card.is_personal and 1 < len(column.values) <= MAX_VALUES
    if test in _BETWEEN:
        return not column.is_changed and _within(card, arguments)
    if test == "dbt_utils.not_empty_string":
        # The smallest text begins with a blank if any is blank.
        return not arguments and bool(card.minimum) and str(card.minimum)[0] > " "
    return False


def _within(card: ColumnCard, arguments: dict[str, Any]) -> bool:
    """Whether all numbers lie in a range of plain, inclusive limits."""
    limits = {k: _number(v) for k, v in arguments.items() if k in _LIMITS and v is not None}
    smallest, largest = _number(card.minimum), _number(card.maximum)
    if set(arguments) - _LIMITS or None in limits.values() or smallest is None or largest is None:
        return False
    low, high = limits.get("min_value"), limits.get("max_value")
    return (low is None or smallest >= low) and (high is None or largest <= high)


def _number(value: object) -> float | None:
    plain = re.fullmatch(r"-?\d+(\.\d+)?", str(value).strip())
    return float(plain[0]) if plain else None

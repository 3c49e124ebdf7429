"""Counts that depend on related rows, cohorts and picked rows: the drafted SQL over real rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from crew.artifacts import ColumnCard, Evidence, JoinEdge, RelationCard, Request, RequirementSpec
from crew.drafting.engine import DraftingEngine
from crew.verification.related_relations import with_related

TABLES = {
    "stg_members": (
        "select * from (values (1, 'Ada', 'Graz', date '2024-01-05', false), "
        "(2, 'Bob', 'Linz', date '2024-01-20', false), (3, 'Cy', 'Graz', date '2024-02-03', false), "
        "(4, 'Di', 'Linz', date '2024-02-10', true)) as t(member_id, member_name, city, joined_on, is_staff)"
    ),
    "stg_loans": (
        "select * from (values (10, 1, date '2024-01-10', 'returned', 1), "
        "(11, 1, date '2024-01-25', 'lost', 2), (12, 1, date '2024-06-01', 'returned', 1), "
        "(13, 2, date '2024-04-01', 'returned', 3), (14, 4, date '2024-02-11', 'returned', 1), "
        "(15, 2, date '2024-04-09', null, 1)) as t(loan_id, member_id, loaned_on, status, copies)"
    ),
}  # fmt: skip
EDGE = JoinEdge(left="stg_loans", left_column="member_id", right="stg_members",
                right_column="member_id", match_share=1.0)  # fmt: skip


@pytest.fixture(scope="module")
def database() -> Iterator[Any]:
    with duckdb.connect() as connection:
        for name, sql in TABLES.items():
            connection.execute(f"create table {name} as {sql}")
        yield connection


@pytest.fixture(scope="module")
def evidence(database: Any) -> Evidence:
    cards = tuple(_card(database, name) for name in TABLES)
    return Evidence(project="p", dialect="duckdb", relations=cards, joins=(EDGE,))


def _card(database: Any, name: str) -> RelationCard:
    columns = []
    for column, type_, *_ in database.execute(f"describe {name}").fetchall():
        rows, known, distinct, low, high = database.execute(
            f"select count(*), count({column}), count(distinct {column}), min({column})::varchar,"
            f" max({column})::varchar from {name}"
        ).fetchone()
        found = database.execute(
            f"select distinct {column}::varchar from {name} where {column} is not null"
        )
        values = tuple(sorted(r[0] for r in found.fetchall()))
        is_text = type_ in {"VARCHAR", "BOOLEAN"}
        columns.append(
            ColumnCard(name=column, data_type=type_.lower(), distinct=distinct, nulls=rows - known,
                       minimum=low, maximum=high, values=values if is_text else (),
                       is_unique=distinct == rows)
        )  # fmt: skip
    return RelationCard(key=name, unique_id=f"model.p.{name}", kind="model", layer="staging",
                        relation_name=name, row_count=rows, columns=tuple(columns))  # fmt: skip


def drafted(title: str, body: str, evidence: Evidence) -> RequirementSpec:
    request = Request(source="test", key="T-1", title=title, body=body)
    return DraftingEngine().spec(request, evidence)


def rows(spec: RequirementSpec, evidence: Evidence, database: Any) -> list[dict[str, Any]]:
    """What the drafted model gives, in the order of its columns."""
    assert not spec.questions, [q.text for q in spec.questions]
    sql = DraftingEngine().model(spec, evidence).models[0].sql
    sql = re.sub(r"\{\{ ref\('(\w+)'\) \}\}", r"\1", sql)
    found = database.execute(f"select * from ({sql}) order by all")
    names = [d[0] for d in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@pytest.mark.parametrize(
    ("title", "count"),
    [
        ("Number of members with more than 2 loans", 1),
        ("Number of members with at least two loans", 2),
        ("Number of members without any loan", 1),
        ("How many members never had a loan?", 1),
        ("Number of members with exactly 1 loan", 1),
        ("Number of members with fewer than 3 loans", 3),
        ("Number of members with at least one lost loan", 1),
        ("Number of members with at least one loan within 30 days after joining", 2),
    ],
)
def test_counts_with_a_condition_on_related_rows(
    title: str, count: int, evidence: Evidence, database: Any
) -> None:
    [row] = rows(drafted(title, "", evidence), evidence, database)
    assert list(row.values()) == [count]


def test_a_share_of_entities_with_related_rows(evidence: Evidence, database: Any) -> None:
    spec = drafted("Share of members that have at least one lost loan by city", "", evidence)
    shares = {r["city"]: list(r.values())[-1] for r in rows(spec, evidence, database)}
    assert shares == {"Graz": 0.5, "Linz": 0}


def test_them_are_those_counted_before(evidence: Evidence, database: Any) -> None:
    body = (
        "For each month of joining (members, no staff): how many members joined, and how many of them"
        " had at least one loan within 30 days after joining?"
    )
    spec = drafted("Members", body, evidence)
    found = [tuple(r.values())[1:] for r in rows(spec, evidence, database)]
    assert found == [(2, 1), (1, 0)]


@pytest.mark.parametrize(
    ("said", "count"),
    [
        ("how many of them never had a lost loan", 3),
        ("how many of them had no loan", 1),
        ("how many of them are not staff", 3),
        ("how many of them had at least two loans", 2),
    ],
)
def test_some_of_them_and_those_that_are_not(
    said: str, count: int, evidence: Evidence, database: Any
) -> None:
    spec = drafted("Members", f"Number of members, and {said}.", evidence)
    [row] = rows(spec, evidence, database)
    assert list(row.values()) == [4, count]


def test_a_cohort_by_the_first_event(evidence: Evidence, database: Any) -> None:
    body = (
        "For each month of the first loan: number of members, and the share of them that loaned again"
        " within 30 days after the first loan. Lost loans ignored."
    )
    spec = drafted("Do members come back?", body, evidence)
    found = [tuple(r.values()) for r in rows(spec, evidence, database) if r["members"]]
    assert [(str(r[0]), r[1], r[-1]) for r in found] == [
        ("2024-01-01", 1, 0.0), ("2024-02-01", 1, 0.0), ("2024-04-01", 1, 1.0),
    ]  # fmt: skip


def test_the_relation_is_the_same_asked_in_another_way(evidence: Evidence, database: Any) -> None:
    spec = drafted("Number of members with at least two loans", "", evidence)
    known = with_related(evidence, spec.related).relation(spec.related[0].key)
    assert known is not None
    found = database.execute(f"select * from {known.relation_name} as r order by 1").fetchall()
    assert found == [(1, 3), (2, 2), (4, 1)]


@pytest.mark.parametrize(
    "title",
    [
        "Number of members with at least two holidays",
        "Number of members with at least two loans per month",
        "Number of members with at least two loans in 2024",
        "Number of members with at least two blue loans",
        "Number of members who paid again within 30 days after the first loan",
    ],
)
def test_what_is_not_clear_is_asked(title: str, evidence: Evidence) -> None:
    assert drafted(title, "", evidence).questions


LATEST = "One row per member with its latest loan (by date): member id, loan id, status, copies."


def test_the_latest_row_is_one_row_whole(evidence: Evidence, database: Any) -> None:
    body = f"{LATEST} Members without any loan don't matter."
    found = rows(drafted("Latest loan", body, evidence), evidence, database)
    assert [tuple(r.values()) for r in found] == [
        (1, 12, "returned", 1), (2, 15, None, 1), (4, 14, "returned", 1),
    ]  # fmt: skip


def test_entities_without_a_row_stay_unless_it_is_said(evidence: Evidence, database: Any) -> None:
    found = rows(drafted("Latest loan", LATEST, evidence), evidence, database)
    assert (3, None, None, None) in [tuple(r.values()) for r in found]


def test_conditions_go_to_the_entity_or_to_what_is_picked(
    evidence: Evidence, database: Any
) -> None:
    body = "One row per member in Graz with its first loan: loan id, number of loans."
    found = rows(drafted("First loan", body, evidence), evidence, database)
    assert [tuple(r.values()) for r in found] == [(1, 10, 3), (3, None, 0)]
    body = "One row per member with its first loan: loan id. Without returned loans."
    found = rows(drafted("First loan", body, evidence), evidence, database)
    assert [tuple(r.values()) for r in found] == [(1, 11), (2, 15), (3, None), (4, None)]


def test_what_they_have_and_had(evidence: Evidence, database: Any) -> None:
    body = (
        "One row per member with\n* member id\n* number of returned loans\n* sum of their copies\n"
        "* status of the last loan\n\nMembers that never had a loan are to be there too."
    )
    found = rows(drafted("Members", body, evidence), evidence, database)
    assert [tuple(r.values()) for r in found] == [
        (1, "returned", 2, 2), (2, None, 1, 3), (3, None, 0, 0), (4, "returned", 1, 1),
    ]  # fmt: skip


def test_a_picked_row_is_the_same_asked_in_another_way(evidence: Evidence, database: Any) -> None:
    spec = drafted("Latest loan", LATEST, evidence)
    known = with_related(evidence, spec.related).relation(spec.related[0].key)
    assert known is not None
    found = database.execute(
        f"select member_id, loan_id from {known.relation_name} as r order by 1"
    )
    assert found.fetchall() == [(1, 12), (2, 15), (4, 14)]


@pytest.mark.parametrize(
    "body",
    [
        "One row per member with its latest loan: status, copies, holiday",
        "One row per active member with its latest loan: status, copies",
        "One row per member with its current loan: loan id",
        "One row per member with its latest loan: loan id, copies. Only loans since February 2024.",
        "One row per member with its latest blue loan: loan id, copies",
    ],
)
def test_what_is_not_clear_of_entities_is_asked(body: str, evidence: Evidence) -> None:
    assert drafted("Members", body, evidence).questions

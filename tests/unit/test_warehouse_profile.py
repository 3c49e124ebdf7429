"""What the data says, asked in the words of each warehouse: cards, JSON and shares that join."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

from crew.artifacts import JoinEdge, RelationCard
from crew.catalog.dbt_project import ProjectRelation
from crew.catalog.warehouse_profile import WarehouseProfile, quoted
from crew.ports import Rows
from tests.small_warehouse import SmallWarehouse

DIALECTS = ["duckdb", "postgres", "snowflake", "bigquery", "redshift", "databricks"]
TABLES = {
    "crm.visits": """select * from (values
        (1, 'Bike', true, date '2025-01-03', 10, '{"gate": "A"}', 'a@b.example'),
        (2, 'bike', false, date '2025-02-03', 10, '{"gate": "B", "wait": 3}', null),
        (3, 'car', null, null, 99, null, 'c@d.example'))
        as t("visitId", "group", "isPaid", "on", "customerId", "log", "email")""",
    "crm.customers": "select * from (values (10, 'x'), (11, 'y')) as t(id, \"order\")",
}


def relation(key: str) -> ProjectRelation:
    name = key.replace(".", "__")
    return ProjectRelation(key, f"source.p.{key}", "source", "source", name, "memory", "main", name,
                           "", "", "", "", "", ())  # fmt: skip


class Company(SmallWarehouse):
    """DuckDB has one list of columns, whatever is asked for."""

    def query(self, sql: str, limit: int = 1000) -> Rows:
        if "information_schema" not in sql:
            return super().query(sql, limit)
        here = re.sub(r"\S+\.(information_schema)", r"\1", sql)
        return Rows(columns=(), rows=tuple(self.database.execute(here).fetchall()))


def profiled(dialect: str) -> tuple[WarehouseProfile, list[RelationCard]]:
    company = Company(TABLES, dialect=dialect)
    names = {
        r.unique_id: ".".join(quoted(p, dialect) for p in ("memory", "main", r.identifier))
        for r in map(relation, TABLES)
    }
    profile = WarehouseProfile(company, names, dialect)
    return profile, profile.cards([relation(k) for k in TABLES])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_cards_hold_what_the_columns_do(dialect: str) -> None:
    cards = profiled(dialect)[1]
    assert [c.row_count for c in cards] == [3, 2]
    found = {c.name: c for c in cards[0].columns}
    id_, group, paid, day = (found[n] for n in ("visitId", "group", "isPaid", "on"))
    assert (id_.distinct, id_.nulls, id_.minimum, id_.maximum) == (3, 0, "1", "3")
    assert id_.is_unique and not day.is_unique
    assert (group.values, group.minimum) == (("Bike", "bike", "car"), "Bike")
    assert (paid.values, paid.minimum, paid.maximum) == (("false", "true"), "false", "true")
    assert (day.minimum, day.nulls) == ("2025-01-03", 1)
    assert {f.path: f.data_type for f in found["log"].fields} == {
        ("log", "gate"): "varchar",
        ("log", "wait"): "bigint",
    }
    assert (found["email"].values, found["email"].maximum) == ((), None)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_share_that_joins_compares_columns_and_no_texts(dialect: str) -> None:
    profile, (visits, customers) = profiled(dialect)
    edge = JoinEdge(left="crm.visits", left_column="customerId", right="crm.customers",
                    right_column="id")  # fmt: skip
    assert profile.match_share(edge, visits, customers) == pytest.approx(2 / 3, abs=1e-6)
    worded = edge.model_copy(update={"right_column": "order", "left_column": "group"})
    assert profile.match_share(worded, visits, customers) == 0


@dataclass
class Lists:
    """A warehouse with a list of columns in each of some places; it notes where it was asked."""

    places: dict[str, str]
    asked: list[str] = field(default_factory=list)

    def query(self, sql: str, limit: int = 1000) -> Rows:
        place = sql.partition(" from ")[2].split()[0]
        self.asked.append(place)
        catalog, schema = self.places[place].split(".")
        return Rows(columns=(), rows=((catalog, schema, "visits", "id", "INT64"),))


@pytest.mark.parametrize(
    ("dialect", "names", "places"),
    [
        ("bigquery", ["`my-p`.`crm`.`visits`", "`my-p`.`web`.`visits`", "`my-p`.`crm`.`x`"],
         {"`my-p`.`crm`.information_schema.columns": "my-p.crm",
          "`my-p`.`web`.information_schema.columns": "my-p.web"}),
        ("snowflake", ["RAW.CRM.VISITS", '"other".crm.visits'],
         {"RAW.information_schema.columns": "RAW.CRM",
          '"other".information_schema.columns': "other.crm"}),
        ("databricks", ["`hive`.`crm`.`visits`", "`crm`.`visits`"],
         {"`hive`.information_schema.columns": "hive.crm", "information_schema.columns": "a.crm"}),
        ("postgres", ['"db"."crm"."visits"'], {"information_schema.columns": "db.crm"}),
    ],
)  # fmt: skip
def test_columns_are_listed_where_the_warehouse_keeps_the_list(
    dialect: str, names: list[str], places: dict[str, str]
) -> None:
    lists = Lists(places)
    profile = WarehouseProfile(lists, {f"source.p.{n}": n for n in names}, dialect)
    visits = ProjectRelation("crm.visits", f"source.p.{names[0]}", "source", "source", names[0],
                             "", "", "visits", "", "", "", "", "", ())  # fmt: skip
    assert profile.columns_of(visits) == [("id", "int64")]
    assert lists.asked == [*places]

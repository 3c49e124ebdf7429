"""Splits by the row above in the same table: found by its key, never doubled."""

from __future__ import annotations

import pytest

from crew.drafting.parent_reader import parents_in
from tests.small_warehouse import SmallWarehouse

EMPLOYEES = """select * from (values (1, 'Ann', null, 'HQ', 10), (2, 'Bob', 1, 'Graz', 20), (3, 'Cy', 1, 'Graz', 30),
 (4, 'Di', 2, 'Linz', 40)) as t(employee_id, employee_name, manager_id, office, salary)"""
CATEGORIES = """select * from (values (1, 'Food', null), (2, 'Fruit', 1), (3, 'Tools', null), (4, 'Hammers', 3))
 as t(category_id, category_name, parent_id)"""
PRODUCTS = """select * from (values (1, 'Apple', 2, 3), (2, 'Pear', 2, 4), (3, 'Hammer', 4, 9), (4, 'Misc', null, 1),
 (5, 'Food box', 1, 2)) as t(product_id, product_name, category_id, price)"""


@pytest.fixture(scope="module")
def firm() -> SmallWarehouse:
    return SmallWarehouse(
        {"stg_employees": EMPLOYEES, "stg_categories": CATEGORIES, "stg_products": PRODUCTS},
        joins=[("stg_products", "category_id", "stg_categories", "category_id")],
    )


def test_what_leads_to_another_row_is_borne_out_by_the_data(firm: SmallWarehouse) -> None:
    found = {(p.card.key, p.column.name, p.role) for p in parents_in(firm.evidence, firm)}
    assert found == {
        ("stg_employees", "manager_id", "manager"), ("stg_categories", "parent_id", "parent"),
    }  # fmt: skip
    strange = EMPLOYEES.replace("null, 'HQ'", "77, 'HQ'")
    elsewhere = SmallWarehouse({"stg_employees": strange})
    assert parents_in(elsewhere.evidence, elsewhere) == []


@pytest.mark.parametrize(
    ("title", "rows"),
    [
        ("Number of employees per manager name", [("Ann", 2), ("Bob", 1), (None, 1)]),
        ("Number of employees by name of their manager", [("Ann", 2), ("Bob", 1), (None, 1)]),
        ("Average salary by office of the manager", [("Graz", 40), ("HQ", 25), (None, 10)]),
        ("Average salary by the manager's office", [("Graz", 40), ("HQ", 25), (None, 10)]),
        ("Anzahl der Mitarbeiter je Vorgesetzten", [(1, "Ann", 2), (2, "Bob", 1), (None, None, 1)]),
        ("Number of products by parent category", [("Food", 2), ("Tools", 1), (None, 2)]),
        ("Number of categories per parent category", [("Food", 1), ("Tools", 1), (None, 2)]),
        ("Sum of price per main category, i.e. the parent of the product's category",
         [(1, "Food", 7), (3, "Tools", 9), (None, None, 3)]),
        ("Number of employees without a manager", [(1,)]),
    ],
)  # fmt: skip
def test_the_row_above(title: str, rows: list[tuple[object, ...]], firm: SmallWarehouse) -> None:
    assert firm.rows(title) == rows


@pytest.mark.parametrize(
    "title",
    ["Number of products per root category", "Number of products per top level category",
     "Number of employees by manager's manager", "Number of employees whose manager is Ann",
     "Number of employees that are managers", "Number of employees per office, managers excluded",
     "Number of employees per manager. Only managers in HQ."],
)  # fmt: skip
def test_chains_and_other_words_about_parents_are_asked(title: str, firm: SmallWarehouse) -> None:
    assert firm.asked(title)


def test_names_that_two_share_keep_their_keys_apart() -> None:
    told = SmallWarehouse({"stg_employees": EMPLOYEES.replace("'Bob'", "'Ann'")})
    title = "Number of employees per manager name"
    counts = [r[-1] for r in told.rows(title)]
    assert sorted(counts) == [1, 1, 2]

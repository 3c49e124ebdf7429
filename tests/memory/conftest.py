"""A small project's entries, and memory over them with everything real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from crew.artifacts import (
    ChangeSet,
    Check,
    Choice,
    Comment,
    Delivered,
    FileChange,
    Grounding,
    Measure,
    Metric,
    PullRequest,
    Request,
    RequirementSpec,
    TimeAxis,
    ValidationReport,
    files_digest,
)
from crew.records.database import open_database
from memory.entries import Entry
from memory.long_term import LongTermMemory, MemoryPlace, open_memory

Open = Callable[..., LongTermMemory]
PROJECT = "company/analytics"


def model(name: str, text: str, layer: str = "mart") -> Entry:
    return Entry("model", f"model:{name}", name, text, f"models/{name}.sql", layer)


ENTRIES = [
    model("fct_orders", "fct orders. One row per order with its amount and the day it was placed."),
    model("fct_refunds", "fct refunds. Money that was given back to customers, per order."),
    model("dim_customers", "dim customers. One row per customer with country and sign-up day."),
    model("stg_tickets", "stg tickets. Complaints and questions sent to support.", "staging"),
    model("fct_shipments", "fct shipments. Parcels that left the warehouse, with carrier and weight."),
    Entry("metric", "metric:churn rate", "churn rate", "churn rate: share of subscribers who cancel.", "glossary.yml"),
    Entry("convention", "convention:mart_names", "mart names", "Marts are called fct_{name}.", "mined"),
]  # fmt: skip


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens memory of the project in a folder; several can be open. All are closed at the end."""
    with ExitStack() as stack:

        def open_(
            folder: Path = tmp_path,
            entries: list[Entry] | None = ENTRIES,
            wait: float = 30,
            **place: Any,
        ) -> LongTermMemory:
            engine = open_database(f"sqlite:///{folder / 'firstmile.sqlite'}")
            stack.callback(engine.dispose)
            memory = open_memory(MemoryPlace(folder / "memory", **place), PROJECT, (), engine)
            stack.callback(memory.close)
            if entries is not None:
                memory.index(entries)
            memory.wait(wait)
            return memory

        yield open_


def metric(name: str, expression: str, answered: str = "") -> Metric:
    measure = Measure(name=name, relation="fct_orders", aggregation="sum", expression=expression,
                      time="fct_orders.placed_on")  # fmt: skip
    source = Grounding(source="answer" if answered else "ticket", text=answered or name)
    return Metric(name=name, label=name, formula=name, measures=(measure,), grounding=source)


def asked(key: str, title: str, *comments: str) -> Request:
    said = tuple(Comment(author="ann@example.com", body=c) for c in comments)
    return Request(source="jira", key=key, title=title, body="", comments=said,
                   requester="Ann <ann@example.com>")  # fmt: skip


def delivered(
    title: str, *, settled: tuple[Choice, ...] = (), file: str = "select 1\n", grain: str = "week"
) -> Delivered:
    """An outcome as the planner gives it, whose report holds rows of data."""
    files = (FileChange(path="models/fct_x.sql", text=file, action="create"),)
    check = Check(name="sample", status="passed", finding="Bob Miller, 17 Elm Street")
    report = ValidationReport(files=files_digest(files), checks=(check,))
    told = Grounding(source="ticket", text=title)
    return Delivered(
        pull_request=PullRequest(
            branch="firstmile/x", base="main", commit="c0ffee", location="https://git/pull/1",
            created=True,
        ),
        change_set=ChangeSet(
            files=files, message="Add x", branch="firstmile/x", base="main", base_commit="b0",
            title=title, report=report,
        ),
        text="",
        spec=RequirementSpec(
            kind="new_model", model="fct_x", question=title, settled=settled,
            metrics=(metric("revenue", "fct_orders.amount"),),
            time=TimeAxis.model_validate({"grain": grain, "column": grain, "grounding": told}),
        ),
    )  # fmt: skip

"""Works requests of one company in one open workplace, and judges what comes of each.

Each request has a state of its own and memory forgets it at once, so that none helps another.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import logging
import os
import shutil
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.requests.company import Company, check_out, dbt, make_repository
from bench.requests.compare import Rows
from bench.requests.places import Place, literal
from bench.requests.score import Entry, questions_of, score

DRAFTING = ("interpret", "synthesize", "test", "document")


class Timed:
    """A listener that adds up the seconds of the drafting steps."""

    def __init__(self) -> None:
        self.drafting = 0.0

    def step_started(self, name: str) -> None: ...

    def delivering(self, branch: str) -> None: ...

    def step_finished(self, name: str, found: str, seconds: float, cost: Any) -> None:
        self.drafting += seconds if name.split()[0] in DRAFTING else 0.0


class Forgetful:
    """Memory that is asked but told nothing."""

    def __init__(self, recall: Any) -> None:
        self._recall = recall

    def __getattr__(self, name: str) -> Any:
        return getattr(self._recall, name)

    def remember(self, request: Any, outcome: Any) -> None: ...


_TYPES = {"character varying": "VARCHAR", "double precision": "DOUBLE"}


@dataclasses.dataclass(frozen=True)
class Built:
    """A place to look at, and one with the warehouse as it was before."""

    place: Place
    truth: Place
    manifest: dict[str, Any]

    def rows(self, relation: str) -> Rows | None:
        found = self.place.rows(
            "select table_schema, table_name from information_schema.tables"
            f" where lower(table_name) = {literal(relation.lower())}"
            " order by case when table_schema = 'analytics' then 0 else 1 end"
        ).rows
        return self.place.rows('select * from "{}"."{}"'.format(*found[0])) if found else None

    def type_of(self, relation: str, column: str) -> str:
        found = self.place.rows(
            "select data_type from information_schema.columns where lower(table_name) ="
            f" {literal(relation.lower())} and lower(column_name) = {literal(column.lower())}"
        ).rows
        return _TYPES.get(found[0][0], found[0][0].upper()) if found else "not there"

    def expected(self, sql: str) -> Rows:
        """Raises ValueError where there are no rows: then the request is at fault."""
        found = self.truth.rows(sql)
        if not found.rows:
            raise ValueError(f"the expected SQL gives no rows:\n{sql}")
        return found


def work(company: Company, entries: Sequence[Entry], folder: Path) -> list[dict[str, Any]]:
    """One record for each entry. `folder` is used up."""
    from crew import learning
    from crew.assemble import open_workplace
    from crew.settings import load_settings

    logging.disable(logging.CRITICAL)
    folder.mkdir(parents=True)
    os.environ.update(company.built.environment)
    bare = make_repository(company.dbt, folder / "project.git")
    target = company.built.target
    settings = load_settings(project=str(bare), state=folder / "state", to="local", target=target)
    records = []
    with contextlib.redirect_stdout(io.StringIO()), open_workplace(settings) as place:
        learning.make_ready(place.recall, None, place.checkout, settings.memory.wait_seconds)
        place = dataclasses.replace(place, recall=Forgetful(place.recall))
        for entry in entries:
            room = folder / "rooms" / entry["id"]
            own = dataclasses.replace(place, state=room / "state")
            records.append(_record(company, entry, own, bare, room))
            shutil.rmtree(room, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    return records


def _record(company: Company, entry: Entry, place: Any, bare: Path, room: Path) -> dict[str, Any]:
    began, listener = time.monotonic(), Timed()
    record = {"id": entry["id"], "project": company.name, "kind": entry["kind"]}
    try:
        spec, result = _ask(entry, place, listener, [])
        seconds = time.monotonic() - began
        verdict, why = _judge(company, entry, result, bare, room / "first")
        record |= {"score": verdict, "why": why[:1500]}
        if verdict == "asked_rightly" and "answer" in entry:
            _, answered = _ask(entry, place, listener, [str(entry["answer"])])
            after = {**entry, "expect": "rows"}
            verdict, why = _judge(company, after, answered, bare, room / "second")
            record |= {"answered": verdict, "why": (why or questions_of(answered))[:1500]}
            result = answered | {"questions": result["questions"]}
        record |= {
            "drafting_seconds": round(listener.drafting, 2),
            "seconds": round(seconds, 2),
            "outcome": result["outcome"],
            "questions": questions_of(result),
            "assumptions": [*result["assumptions"], *result["notes"]],
            "reason": result["reason"][:600],
        }
        if result["outcome"] == "delivered" and "answered" not in record and spec.metrics:
            grounds = [e.grounding for e in (*spec.metrics, *spec.dimensions, *spec.filters)]
            record["confidence"] = min(g.confidence for g in grounds)
    except Exception as error:  # a crash on one request is a score
        if not company.held_out:
            traceback.print_exception(error, file=sys.stderr)
        told = "".join(traceback.format_exception_only(error))
        record |= {"score": "failed", "why": told[-1500:], "outcome": "crash"}
    return record


def _ask(
    entry: Entry, place: Any, listener: Timed, answers: list[str]
) -> tuple[Any, dict[str, Any]]:
    """The specification and the result of a request."""
    from crew.artifacts import Comment, Request
    from crew.records.run_store import RunStore
    from triggers.answers_given import choices_of

    request = Request(source="bench", key=entry["id"], title=entry["title"], body=entry["body"])
    if answers:
        said = tuple(Comment(author="requester", body=a) for a in answers)
        choices = choices_of(RunStore(place.state), request, answers)
        ours = Comment(author="Firstmile", body="", ours=True)
        request = request.model_copy(update={"comments": (ours, *said), "choices": choices})
    outcome, result = place.work(request, listener)
    return outcome.spec, result


def _judge(
    company: Company, entry: Entry, result: dict[str, Any], bare: Path, room: Path
) -> tuple[str, str]:
    delivery: Built | str = ""
    if entry["expect"] == "rows" and result["outcome"] == "delivered":
        delivery = _build(company, entry, result["branch"], bare, room)
    elif entry["expect"] == "rows" and result["outcome"] == "already_exists":
        manifest = json.loads((company.home / "target" / "manifest.json").read_text("utf-8"))
        delivery = Built(company.built, company.truth, manifest)
    verdict = score(entry, result, delivery)
    if isinstance(delivery, Built) and delivery.place is not company.built:
        delivery.place.drop()
    return verdict


def _build(company: Company, entry: Entry, branch: str, bare: Path, room: Path) -> Built | str:
    """The branch, built on the raw tables, or dbt's words where that fails. After a change all
    tests have to pass, too; what is to be incremental is built twice."""
    project = check_out(bare, branch, room / "project")
    place, target = company.raw.copy(room), room / "target"
    resources = ("test", "unit_test") if entry["new"] else ()
    left_out = [part for kind in resources for part in ("--exclude-resource-type", kind)]
    for _ in range(2 if entry.get("materialized") else 1):
        done = dbt(project, place, target, "build", *left_out)
        if done.returncode:
            told = (done.stdout + done.stderr).replace(str(room), "")
            return f"does not build: {told[-800:]}"
    manifest = json.loads((target / "manifest.json").read_text("utf-8"))
    return Built(place, company.truth, manifest)

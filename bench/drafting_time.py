"""How long drafting takes per request, and how large the evidence is, by the size of the project.

    python bench/drafting_time.py [--models 10,100,1000,10000] [--rounds 2] [--note TEXT] [--write]

A made-up project, whose staging models read a source each, with a DuckDB warehouse of
views. The same thirty requests about its first ten models, at every size: a total per month, a
count said in plain words, a new test. Timed is what the product does between a request and
its first check: evidence, specification, SQL, tests, docs; long-term memory is empty here and has
figures of its own in `memory.md`. No dbt runs.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import math
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.made_up_project import manifest  # noqa: E402
from bench.overhead import machine, row  # noqa: E402
from crew.artifacts import Evidence, Request  # noqa: E402
from crew.catalog.conventions import mine_conventions  # noqa: E402
from crew.catalog.dbt_project import DbtProject  # noqa: E402
from crew.catalog.evidence import ProjectEvidence  # noqa: E402
from crew.catalog.test_habits import mine_habits  # noqa: E402
from crew.catalog.warehouse_profile import WarehouseProfile  # noqa: E402
from crew.catalog.wordings import mine_wordings  # noqa: E402
from crew.drafting.edits.project_view import ProjectView  # noqa: E402
from crew.drafting.engine import DraftingEngine  # noqa: E402
from crew.errors import InvalidInput  # noqa: E402
from crew.learning import NoMemory  # noqa: E402
from crew.ports import Rows  # noqa: E402

RESULTS = ROOT / "bench" / "results" / "drafting.md"
ASKED_ABOUT = 10
MEMORY = NoMemory((), "not of this benchmark")
PARTS = ("evidence", "specification", "SQL", "tests", "docs")


@dataclass(frozen=True)
class DuckDbWarehouse:
    connection: duckdb.DuckDBPyConnection

    def query(self, sql: str, limit: int = 1000) -> Rows:
        try:
            cursor = self.connection.execute(sql)
        except duckdb.Error as error:
            raise InvalidInput(str(error)) from error
        names = tuple(d[0] for d in cursor.description or ())
        return Rows(names, tuple(cursor.fetchmany(limit)))


@dataclass(frozen=True)
class Opened:
    """A project as an open workplace holds it."""

    evidence: ProjectEvidence
    engine: DraftingEngine


@dataclass
class Drafted:
    """What became of a request. Seconds of wall time by part."""

    outcome: str
    evidence: Evidence
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def wall(self) -> float:
        return sum(self.seconds.values())


# --- the project -----------------------------------------------------------------------------


def with_sources(made: dict[str, Any]) -> dict[str, Any]:
    """The manifest with a source for each staging model, and where everything lies."""
    for node in made["nodes"].values():
        node |= {"package_name": "made_up", "schema": "main", "database": "memory"}
        node["relation_name"] = f'"memory"."main"."{node["name"]}"'
        if not node["name"].startswith("stg_"):
            continue
        system, table = node["name"].removeprefix("stg_").split("__")
        unique_id = f"source.made_up.{system}.{table}"
        made["sources"][unique_id] = {
            "resource_type": "source", "unique_id": unique_id, "name": table,
            "source_name": system, "package_name": "made_up", "schema": f"raw_{system}",
            "database": "memory", "relation_name": f'"memory"."raw_{system}"."{table}"',
            "columns": {c: {"name": c, "description": ""} for c in node["columns"]},
            "original_file_path": "models/staging/sources.yml",
        }  # fmt: skip
        node["depends_on"] = {"nodes": [unique_id]}
        node["raw_code"] = f"select * from {{{{ source('{system}', '{table}') }}}}"
    return made


def warehouse(made: dict[str, Any]) -> DuckDbWarehouse:
    """A view of a hundred rows for each relation."""
    connection = duckdb.connect(config={"threads": 1})
    connection.begin()
    for schema in {s["schema"] for s in made["sources"].values()}:
        connection.execute(f'create schema "{schema}"')
    for node in (*made["nodes"].values(), *made["sources"].values()):
        shown = ", ".join(f'{_values(c)} as "{c}"' for c in node["columns"])
        connection.execute(f"create view {node['relation_name']} as select {shown} from range(100)")
    connection.commit()
    return DuckDbWarehouse(connection)


def _values(column: str) -> str:
    if column.endswith("_id"):
        return "range"
    if column.endswith("_at"):
        return "timestamp '2026-01-05' + range * interval 36 hour"
    if column.startswith("is_"):
        return "range % 7 = 0"
    if is_label(column):
        return "chr(cast(97 + range % 5 as integer))"
    return "cast(range % 13 * 2.5 as decimal(12, 2))"


def is_label(column: str) -> bool:
    return column.endswith(("_code", "_name", "_group"))


def open_project(made: dict[str, Any], folder: Path) -> Opened:
    for node in made["nodes"].values():
        path = folder / node["original_file_path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(node["raw_code"], "utf-8")
    project, asked = DbtProject(made), warehouse(made)
    names = {r.unique_id: r.relation_name for r in project.relations.values()}
    profile = WarehouseProfile(asked, names)
    conventions = mine_conventions(project, folder)
    habits, wordings = mine_habits(project), mine_wordings(project)
    evidence = ProjectEvidence(project, profile, conventions, "duckdb", habits, wordings)

    def columns_of(unique_id: str) -> Sequence[tuple[str, str]]:
        relation = project.by_id.get(unique_id)
        return profile.columns_of(relation) if relation else ()

    view = ProjectView(folder, project.name, "duckdb", made, columns_of, names, ("models", "tests"))
    return Opened(evidence, DraftingEngine(asked, view))


# --- the requests ----------------------------------------------------------------------------


def requests(made: dict[str, Any]) -> list[Request]:
    """Three about each of the first models."""
    found = []
    for n, node in enumerate([*made["nodes"].values()][:ASKED_ABOUT]):
        model, columns = node["name"], list(node["columns"])
        label = next(c for c in columns if is_label(c))
        number = next(c for c in columns if not re.search(r"_(id|at|code|name|group)$|^is_", c))
        plain = columns[0].removesuffix("_id").replace("_", " ")
        when = ("per month", "per week") if "created_at" in columns else ("overall", "overall")
        texts = (
            (f"Total {_said(number)} of {plain} records {when[0]}",
             f"Please build the total {_said(number)} of all {plain} records by {_said(label)}."),
            (f"How many {plain} records {when[1]}?",
             f"Please count the {plain} records by {_said(label)}, by date of creation."),
            (f"Test on {model}", f"`{label}` of `{model}` must never be empty, please add a test."),
        )  # fmt: skip
        for kind, (title, body) in enumerate(texts):
            found.append(Request(source="bench", key=f"B-{n}{kind}", title=title, body=body))
    return found


def _said(column: str) -> str:
    return column.replace("_", " ")


def draft(opened: Opened, request: Request) -> Drafted:
    """A request drafted as far as it goes: questions end it after the specification."""
    clock = [time.perf_counter()]
    evidence = opened.evidence.gather(request, MEMORY)
    clock.append(time.perf_counter())
    spec = opened.engine.spec(request, evidence)
    clock.append(time.perf_counter())
    outcome = "asked" if spec.questions else spec.kind
    if spec.kind not in {"unclear", "nothing", "refuse"} and not spec.questions:
        model = opened.engine.model(spec, evidence)
        clock.append(time.perf_counter())
        suite = opened.engine.tests(spec, model, evidence, None, None)
        clock.append(time.perf_counter())
        opened.engine.docs(spec, model, evidence)
        clock.append(time.perf_counter())
        assert suite is not None
    spent = [after - before for before, after in itertools.pairwise(clock)]
    return Drafted(outcome, evidence, dict(zip(PARTS, spent, strict=False)))


# --- figures ---------------------------------------------------------------------------------


def measured(models: int, rounds: int) -> dict[str, Any]:
    """Figures of one size. The first round fills what an open workplace keeps; it counts apart."""
    made = with_sources(manifest(models))
    with tempfile.TemporaryDirectory() as folder:
        opened, asked = open_project(made, Path(folder)), requests(made)
        first = [draft(opened, r) for r in asked]
        later = [draft(opened, r) for _ in range(rounds) for r in asked]
    sizes = [_size(d.evidence) for d in first]
    parts = {p: [d.seconds[p] for d in later if p in d.seconds] for p in PARTS}
    return {
        "models": models,
        "opening": first[0].wall,
        "first": _spread([d.wall for d in first[1:]]),
        "later": _spread([d.wall for d in later]),
        "parts": {p: _spread(v) for p, v in parts.items() if v},
        "outcomes": Counter(d.outcome for d in first),
        "sizes": [_spread(column) for column in zip(*sizes, strict=True)],
    }


def _size(evidence: Evidence) -> tuple[int, int, int, int]:
    """Relations, columns, characters of JSON without the names of all models, and those of them."""
    whole = len(evidence.model_dump_json())
    slice_ = len(evidence.model_dump_json(exclude={"model_names"}))
    columns = sum(len(c.columns) for c in evidence.relations)
    return len(evidence.relations), columns, slice_, whole - slice_


def _spread(values: Sequence[float]) -> tuple[float, float]:
    """Median, and what 95 % stay below."""
    return statistics.median(values), sorted(values)[max(0, math.ceil(0.95 * len(values)) - 1)]


def report(found: Sequence[dict[str, Any]], head: str) -> str:
    sizes = ["relations", "columns", "characters of JSON", "… of all models' names"]
    lines = ["# Time of drafting per request\n", head, ""]
    lines += [row("models", "first of all", "first round", "later", *PARTS, "drafted", "asked")]
    lines += [row(*["---"] * (6 + len(PARTS)))]
    for f in found:
        asked, all_ = f["outcomes"]["asked"], sum(f["outcomes"].values())
        parts = [_ms(f["parts"].get(p)) for p in PARTS]
        timed = (f"{f['opening'] * 1000:.0f}", _ms(f["first"]), _ms(f["later"]))
        lines.append(row(f"{f['models']:,}", *timed, *parts, all_ - asked, asked))
    lines += [
        "\nMilliseconds of wall time, median / 95 %. “First of all” is the first request, which makes",
        "the index of the project's words; the first round profiles relations as they are needed.\n",
        row("models", *sizes), row(*["---"] * 5),
        *[row(f"{f['models']:,}", *[f"{m:,.0f} / {p:,.0f}" for m, p in f["sizes"]]) for f in found],
        "\nSize of the evidence, median / 95 %. Names of all models are kept apart: a new model must",
        "not be called like any of them; no language model is shown them.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _ms(spread: tuple[float, float] | None) -> str:
    return f"{spread[0] * 1000:.0f} / {spread[1] * 1000:.0f}" if spread else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="10,100,1000,10000")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--note", default="", help="said at the top of the report")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    given = parser.parse_args()
    command = f"python bench/drafting_time.py --models {given.models} --rounds {given.rounds}"
    when = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC"
    head = f"{machine()}. {when}. `{command}`\n\n{given.note}".rstrip()
    found = []
    for models in map(int, given.models.split(",")):
        found.append(measured(models, given.rounds))
        if given.write:
            RESULTS.write_text(report(found, head), "utf-8")
    print(report(found, head))


if __name__ == "__main__":
    main()

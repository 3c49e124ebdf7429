"""The benchmark of requests: how much of what people ask for is drafted rightly, by rules alone.

    python -m bench.requests.run [--project NAME] [--only REGEX] [--jobs 2] [--note TEXT]
                                 [--postgres] [--check] [--release] [--show-held-out]

Requests and expected SQL are written without knowledge of the drafting engine. Each request is
worked by the product with no language model; what it delivers is built by a fresh dbt from the
delivered branch, and its rows are compared with the expected SQL over the raw tables. Each run
leaves its records in `.firstmile/bench/last.jsonl`; `bench/results` is written by whole runs only.
`--check` builds the companies and runs the expected SQL, no more.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import re
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import duckdb

from bench.requests import report
from bench.requests.company import Company, make_company, names
from bench.requests.places import running_server
from bench.requests.work import Built, work

HOME = Path(__file__).parents[2] / ".firstmile" / "bench"


def main() -> None:
    options = _options()
    with running_server(HOME / "postgres") if options.postgres else nullcontext():
        _measure(options)


def _measure(options: argparse.Namespace) -> None:
    HOME.mkdir(parents=True, exist_ok=True)
    companies = [make_company(n, HOME, options.postgres) for n in options.project or names()]
    faults = [f for company in companies for f in _faults(company)]
    if faults:
        sys.exit("The benchmark itself is at fault:\n" + "\n".join(faults))
    if options.check:
        return print("\n".join(f"{c.name}: {len(c.requests)} requests" for c in companies))
    held_out = set() if options.show_held_out else {c.name for c in companies if c.held_out}
    records = []
    for record in _work(companies, options.only, options.jobs):
        records.append(record)
        if record["project"] not in held_out:
            print(f"{record['score']:18} {record['id']}", flush=True)
    order = {e["id"]: n for n, e in enumerate(e for c in companies for e in c.requests)}
    records.sort(key=lambda r: order[r["id"]])
    print(report.in_words(records, held_out, options.note))
    report.write_lines(HOME / "last.jsonl", records, held_out)
    if options.project or options.only or options.postgres:
        return
    report.write(records, held_out, options.note)
    if options.release:
        report.release(records)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--project", action="append", choices=names(), help="repeatable")
    parser.add_argument("--only", default="", help="requests whose id matches")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--note", default="", help="said at the top of the report")
    parser.add_argument("--postgres", action="store_true", help="a Postgres of its own")
    parser.add_argument("--check", action="store_true", help="look only at the benchmark itself")
    parser.add_argument("--release", action="store_true", help="keep the counts for comparison")
    parser.add_argument("--show-held-out", action="store_true")
    return parser.parse_args()


def _faults(company: Company) -> Iterator[str]:
    """Requests that are no good: ids twice, unknown kinds of expectation, SQL without rows."""
    built, seen = Built(company.built, company.truth, {}), set()
    for entry in company.requests:
        if entry["id"] in seen or entry["expect"] not in ("rows", "ask", "refuse"):
            yield f"{entry['id']}: twice, or expects {entry['expect']!r}"
        seen.add(entry["id"])
        checked = ("rows", "gone", "tests", "described", "materialized", "unused", "types")
        if entry["expect"] == "rows" and not any(entry.get(c) for c in checked):
            yield f"{entry['id']}: expects nothing"
        if entry["expect"] == "ask" and not entry.get("about"):
            yield f"{entry['id']}: asked about what?"
        for sql in (entry.get("rows") or {}).values():
            for reading in [sql] if isinstance(sql, str) else sql:
                try:
                    built.expected(reading)
                except (ValueError, duckdb.Error) as error:
                    yield f"{entry['id']}: {error}"


def _work(companies: list[Company], only: str, jobs: int) -> Iterator[dict[str, Any]]:
    """Records as they come. Each company's requests are dealt out to `jobs` processes."""
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory(dir=HOME, prefix="work-", ignore_cleanup_errors=True) as room,
        ProcessPoolExecutor(jobs, mp_context=context, max_tasks_per_child=1) as pool,
    ):
        waiting = []
        for company in companies:
            chosen = [e for e in company.requests if re.search(only, e["id"])]
            for n, part in enumerate(chosen[start::jobs] for start in range(jobs)):
                if part:
                    folder = Path(room) / f"{company.name}-{n}"
                    waiting.append(pool.submit(work, company, part, folder))
        yield from itertools.chain.from_iterable(done.result() for done in as_completed(waiting))


if __name__ == "__main__":
    main()

"""How many wrong versions of the models drafted for the benchmark's requests are caught by the tests
proposed with them.

    python -m bench.mutants [--write]

Works every request for something new of the companies that are not held out, by rules alone, and
reads the check `mutants` of what is delivered. `--write` keeps the table in `bench/results`.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import logging
import os
import platform
import re
import tempfile
from datetime import date
from pathlib import Path

from bench.requests.company import Company, make_company, make_repository, names
from bench.requests.run import HOME
from bench.requests.work import Forgetful, Timed

RESULT = Path(__file__).parent / "results" / "mutants.md"
_COUNTS = re.compile(r"(\d+) of (\d+) wrong versions[^,]*(?:, (\d+) of them by the unit test)?")


@dataclasses.dataclass
class Tally:
    """`survived` are the words for mistakes that no test caught."""

    models: int = 0
    caught: int = 0
    tried: int = 0
    by_unit: int = 0
    with_unit: int = 0
    seconds: list[float] = dataclasses.field(default_factory=list)
    survived: list[str] = dataclasses.field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="keep the table")
    write = parser.parse_args().write
    logging.disable(logging.CRITICAL)
    HOME.mkdir(parents=True, exist_ok=True)
    companies = [make_company(name, HOME) for name in names()]
    tallies = {c.name: tally(c) for c in companies if not c.held_out}
    text = report(tallies)
    print(text)
    if write:
        RESULT.write_text(text, "utf-8")


def tally(company: Company) -> Tally:
    """Of all deliveries of a new model of one company."""
    from crew.artifacts import Request
    from crew.assemble import open_workplace
    from crew.settings import load_settings

    found = Tally()
    with tempfile.TemporaryDirectory(dir=HOME) as room:
        folder = Path(room)
        os.environ.update(company.built.environment)
        bare = make_repository(company.dbt, folder / "project.git")
        target = company.built.target
        settings = load_settings(project=str(bare), state=folder / "s", to="local", target=target)
        with contextlib.redirect_stdout(io.StringIO()), open_workplace(settings) as place:
            place = dataclasses.replace(place, recall=Forgetful(place.recall))
            for entry in company.requests:
                if not entry["new"]:
                    continue
                own = dataclasses.replace(place, state=folder / "rooms" / entry["id"])
                asked = Request(
                    source="bench", key=entry["id"], title=entry["title"], body=entry["body"]
                )
                outcome, _ = own.work(asked, Timed())
                check = outcome.report.check("mutants") if outcome.report else None
                counts = _COUNTS.match(check.finding) if check else None
                if check is None or counts is None:
                    continue
                unit = outcome.report.check("unit tests") if outcome.report else None
                found.models += 1
                found.with_unit += bool(unit and unit.status == "passed")
                found.caught += int(counts[1])
                found.tried += int(counts[2])
                found.by_unit += int(counts[3] or 0)
                found.seconds.append(check.seconds)
                rows = check.table.rows if check.table else ()
                found.survived += [f"{entry['id']}: {row[0]}" for row in rows]
    return found


def report(tallies: dict[str, Tally]) -> str:
    lines = [
        "# Wrong versions caught by the proposed tests",
        "",
        f"`python -m bench.mutants --write`, {date.today()}, {os.cpu_count()} cores"
        f" ({platform.machine()}), other work on the machine at the same time. Versions that give"
        " the same rows as the model, today and over the unit test's rows, are left out.",
        "",
        "| company | models | with a unit test | wrong versions | caught | by the unit test | slowest, s |",
        "|---|---|---|---|---|---|---|",
    ]
    total = Tally()
    for name, t in [*tallies.items(), ("**all**", total)]:
        if t is not total:
            for field in (
                "models",
                "with_unit",
                "tried",
                "caught",
                "by_unit",
                "seconds",
                "survived",
            ):
                setattr(total, field, getattr(total, field) + getattr(t, field))
        share = f"{t.caught} ({t.caught / t.tried:.0%})" if t.tried else "0"
        slowest = f"{max(t.seconds, default=0):.1f}"
        lines.append(
            f"| {name} | {t.models} | {t.with_unit} | {t.tried} | {share} | {t.by_unit} | {slowest} |"
        )
    lines += ["", "Not caught:", "", *(f"- {s}" for s in total.survived)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

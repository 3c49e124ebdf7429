"""What language models are asked for a request: calls, tokens and repair rounds, beside the straightforward
CrewAI program for the same job (bench/crewai_baseline.py), through the same counting server.

    python bench/language_models.py [--models 10,100,1000] [--write]

The model behind the server is played and never wrong: to us it says that the drafts are right (and once
gives SQL that does not parse, where repair is measured); to the baseline it says what we delivered, and its
manager hands each task on at once, with those files alone that the model reads. Real models take more rounds.
Tokens are counted of what was sent (tests/servers/played_model.py).
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.made_up_project import manifest  # noqa: E402
from bench.overhead import machine, row  # noqa: E402
from crew.agents.crewai_environment import import_crewai  # noqa: E402
from crew.artifacts import Delivered, Request  # noqa: E402
from crew.assemble import Workplace, config_folder, open_workplace  # noqa: E402
from crew.language_models import AGENTS, LanguageModel  # noqa: E402
from crew.settings import load_settings  # noqa: E402
from tests.fakes import FakeListener  # noqa: E402
from tests.servers.openai_server import openai_server  # noqa: E402
from tests.servers.played_model import Heard, PlayedModel, Turn  # noqa: E402
from triggers.ticket_file import read_ticket_file  # noqa: E402

RESULTS = ROOT / "bench" / "results" / "language-models.md"
TICKETS = ROOT / "examples" / "tickets"
ASKED = (
    "jira_weekly_churn.json", "slack_average_order_value.txt", "notion_monthly_net_revenue.json",
    "request.txt", "markdown_request.md", "invoices_per_plan.txt", "jira_add_column.json",
    "jira_stage_support_tickets.json", "jira_active_customers.json",
)  # fmt: skip
Says = Callable[[Heard], str | Turn]


@dataclass(frozen=True)
class Used:
    """Calls, tokens sent and received, rounds of repair, and what came of it."""

    calls: int
    sent: int
    received: int
    rounds: int
    outcome: str = ""


def used(model: PlayedModel, rounds: int, outcome: str = "") -> Used:
    sent = sum(u.prompt for u in model.usages)
    received = sum(u.completion for u in model.usages)
    return Used(len(model.usages), sent, received, rounds, outcome)


# --- ours ----------------------------------------------------------------------------------------


def ours(place: Workplace, request: Request, llm: str, says: Says | str = "") -> tuple[Used, Any]:
    """A request worked with a played model for every agent."""
    with openai_server("good", says) as model:
        own = LanguageModel(name="openai/gpt-4o-mini", url=model.url)
        settings = place.settings.model_copy(update={"llm": llm, "model": (own,)})
        work = replace(place, settings=settings, host=None)
        outcome, _ = work.work(request, FakeListener(), run_id=f"bench {llm} {bool(says)}")
        listened = [c for c in model.requests if "Mend the dbt SQL" in json.dumps(c)]
        return used(model, len(listened) - 1 if says else 0, outcome.outcome), outcome


def broken_once() -> Says:
    """SQL that does not parse in the first answer to the synthesizer, then that all is right."""
    told: list[str] = []

    def says(heard: Heard) -> str:
        found = re.findall(r"<models>\n-- (\w+)\n(.*?)\n</models>", heard.text, re.S)
        if not found or told or '"sql"' not in heard.text:
            return ""
        told.append("broken")
        [(name, sql), *_] = found
        return json.dumps({"models": [{"model": name, "sql": f"{sql}\nlimit of none"}]})

    return says


# --- the baseline --------------------------------------------------------------------------------


def baseline(request: Request, folder: Path, outcome: Any, broken: bool = False) -> Used:
    """The same request worked by the baseline, whose model answers with what we delivered."""
    from bench import crewai_baseline

    files = crewai_baseline.project_text(folder)
    ticket = f"{request.title}\n\n{request.body}"
    with openai_server("good", player(files, outcome, broken)) as model:
        made = crewai_baseline.work(ticket, files, model.url)
        return used(model, made.rounds - 1)


def player(files: str, outcome: Any, broken: bool = False) -> Says:
    """Manager and workers who know at once what to do."""
    parts = answers(outcome)
    context = "\n\n".join(
        part for part in re.split(r"\n\n(?=### )", files)
        if re.search(r"### .*?([\w]+)\.sql", part) and _name(part) in "".join(parts)
    )  # fmt: skip
    bad = [broken]

    def says(heard: Heard) -> str | Turn:
        tool = next((name for name in heard.tools if "delegate" in name), "")
        if not tool:
            n = next(n for n in range(4) if f"part {n}." in heard.text)
            if n == 1 and bad[0]:
                bad[0] = False
                return "```sql\nselect 1 from limit of none\n```"
            return parts[n]
        if heard.parts[-1].startswith("tool:"):
            return heard.parts[-1].removeprefix("tool: ")
        n = _task(heard.parts[-1])
        from bench.crewai_baseline import ROLES

        done = "\n\n".join(parts[:n])
        given = {"task": f"Do part {n}.", "context": f"{done}\n\n{context}", "coworker": ROLES[n]}
        return Turn(call=(tool, given), stop="tool")

    return says


def _name(part: str) -> str:
    found = re.search(r"([\w]+)\.sql", part)
    return f"ref('{found.group(1)}')" if found else "\0"


def _task(text: str) -> int:
    from bench.crewai_baseline import _ASKS

    return next(n for n, ask in enumerate(_ASKS) if ask in text)


def answers(outcome: Any) -> list[str]:
    """Requirements, SQL, tests and docs in plain text, as long as what we delivered."""
    if not isinstance(outcome, Delivered):
        return ["The requirements are clear.", "```sql\nselect 1\n```", "version: 2", "Described."]
    spec = outcome.spec
    assert spec is not None
    told = [f"{m.label}: {m.formula}" for m in spec.metrics]
    told += [f"by {d.relation}.{d.column}" for d in spec.dimensions]
    told += [f"only {f.condition}" for f in spec.filters]
    files = outcome.change_set.files
    sql = "\n\n".join(f"```sql\n{f.text}\n```" for f in files if f.path.endswith(".sql"))
    yaml = "\n\n".join(f.text for f in files if f.path.endswith((".yml", ".yaml")))
    return ["\n".join(told) or spec.question, sql, yaml, yaml]


# --- sizes ---------------------------------------------------------------------------------------


def by_size(models: int) -> dict[str, Any]:
    """Tokens sent for one request to a project of so many models: ours by routing, the baseline's."""
    from bench.drafting_time import MEMORY, Opened, open_project, requests, with_sources
    from crew.agents.design_crew import DesignCrew
    from crew.agents.ledger import Ledger
    from crew.agents.llm import choose_llms
    from crew.agents.task_runner import TaskRunner

    def asked(opened: Opened, request: Request, routing: Any) -> int:
        with openai_server("good") as model:
            ledger = Ledger()
            chain = [LanguageModel(name="openai/gpt-4o-mini", url=model.url)]
            llms = choose_llms(dict.fromkeys(AGENTS, chain), ledger)
            crew = DesignCrew(opened.engine, TaskRunner(config_folder(), llms, ledger, routing))
            evidence = opened.evidence.gather(request, MEMORY)
            spec = crew.interpret(request, evidence, None)
            if not spec.questions and spec.kind == "new_model":
                draft = crew.synthesize(spec, evidence, None, None)
                crew.write_tests(spec, draft, evidence, None, None)
                crew.document(spec, draft, evidence, None)
            return sum(u.prompt for u in model.usages)

    made = with_sources(manifest(models))
    with tempfile.TemporaryDirectory() as folder:
        opened = open_project(made, Path(folder))
        wished = requests(made)
        clear = [r for n, r in enumerate(wished) if n % 3 == 0]
        vague = [
            r.model_copy(
                update={"title": r.title.replace("Total", "Total of relevant"), "body": ""}
            )
            for r in clear
        ]
        from bench.crewai_baseline import project_text

        found = {
            "models": models,
            "clear, auto": [asked(opened, r, "auto") for r in clear],
            "vague, auto": [asked(opened, r, "auto") for r in vague],
            "clear, always": [asked(opened, r, "always") for r in clear],
        }
        request, files = clear[0], project_text(Path(folder))
        with openai_server("good", player(files, None)) as model:
            from bench import crewai_baseline

            crewai_baseline.work(f"{request.title}\n\n{request.body}", files, model.url)
            found["baseline"] = [sum(u.prompt for u in model.usages)]
    return found


# --- the report ----------------------------------------------------------------------------------


@contextmanager
def shop(folder: Path) -> Iterator[Workplace]:
    import subprocess

    subprocess.run([sys.executable, str(ROOT / "examples" / "demo.py"), str(folder)], check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    os.environ["SHOP_WAREHOUSE"] = str(folder / "shop.duckdb")
    settings = load_settings(project=str(folder / "shop.git"), state=folder / "state")
    with open_workplace(settings) as place:
        yield place


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="10,100,1000", help="sizes of the made-up project")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    given = parser.parse_args()
    os.environ["OPENAI_API_KEY"] = "sk-none"
    lines = []
    with tempfile.TemporaryDirectory() as name:
        import_crewai(Path(name) / "crewai")
        with redirect_stdout(sys.stderr):
            with shop(Path(name) / "shop") as place:
                lines += tickets(place)
            lines += sizes([by_size(int(n)) for n in given.models.split(",")])
    command = f"python bench/language_models.py --models {given.models}"
    when = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC"
    text = "\n".join(
        [f"# Language models: calls and tokens\n\n{machine()}. {when}. `{command}`\n", *lines]
    )
    if given.write:
        RESULTS.write_text(text + "\n", "utf-8")
    print(text)


def tickets(place: Workplace) -> list[str]:
    """The example's tickets, each worked three times, and the repair of SQL that does not parse."""
    lines = [
        "Calls, and tokens sent + received. `auto`: a model is asked where rules leave something open; "
        "`always`: on every task; baseline: `bench/crewai_baseline.py`.\n",
        row("ticket", "outcome", "auto", "always", "baseline", "always / baseline, tokens sent"),
        row(*["---"] * 6),
    ]
    sums: dict[str, list[Used]] = {"auto": [], "always": [], "baseline": []}
    first: tuple[Request, Any] | None = None
    for name in ASKED:
        request = read_ticket_file(str(TICKETS / name), sys.stdin.buffer)
        auto, outcome = ours(place, request, "auto")
        always, _ = ours(place, request, "always")
        beside = baseline(request, place.checkout.folder, outcome)
        first = first or (request, outcome)
        for kind, found in zip(sums, (auto, always, beside), strict=True):
            sums[kind].append(found)
        cells = [f"{u.calls}: {u.sent:,} + {u.received:,}" for u in (auto, always, beside)]
        lines.append(row(name, auto.outcome, *cells, f"{always.sent / beside.sent:.3f}"))
    calls = {k: sum(u.calls for u in v) for k, v in sums.items()}
    sent = {k: sum(u.sent for u in v) for k, v in sums.items()}
    whole = [f"{calls[k]}: {sent[k]:,}" for k in sums]
    lines.append(row("**all**", "", *whole, f"{sent['always'] / sent['baseline']:.3f}"))
    lines += [
        f"\nOf the baseline's prompt tokens we send {sent['always'] / sent['baseline']:.1%} with `always` and "
        f"{sent['auto'] / sent['baseline']:.1%} with `auto` (wanted: at most 20 %), of its "
        f"calls we make {calls['always'] / calls['baseline']:.0%} and {calls['auto'] / calls['baseline']:.0%} (33 %).",
        "\n## SQL that does not parse, once\n",
        row("", "calls", "tokens sent", "rounds of repair", "outcome"),
        row(*["---"] * 5),
    ]
    assert first is not None
    request, outcome = first
    repaired, _ = ours(place, request, "always", broken_once())
    beside = baseline(request, place.checkout.folder, outcome, broken=True)
    lines.append(
        row(
            "ours, `always`",
            repaired.calls,
            f"{repaired.sent:,}",
            repaired.rounds,
            repaired.outcome,
        )
    )
    lines.append(row("baseline", beside.calls, f"{beside.sent:,}", beside.rounds, "a text"))
    return [
        *lines,
        "\nOurs takes back what the model changed where nothing was wrong, and goes on with the draft of the rules: no "
        "further call. The baseline begins again.",
    ]  # fmt: skip


def sizes(found: list[dict[str, Any]]) -> list[str]:
    kinds = [k for k in found[0] if k != "models"]
    lines = ["\n## Tokens sent by the size of the project\n"]
    lines += [row("models", *kinds), row(*["---"] * (1 + len(kinds)))]
    for f in found:
        cells = [f"{statistics.median(f[k]):,.0f} / {max(f[k]):,}" for k in kinds]
        lines.append(row(f"{f['models']:,}", *cells))
    return [
        *lines,
        "\nMedian / largest of ten requests to a made-up project (bench/made_up_project.py); the baseline worked "
        "one of them. A clear request names what it wants, so that rules settle it; a vague one leaves a question "
        "open. No figure of ours holds for a real model's answers, which may be refused and asked for again: at most "
        "twice a task, and within the budget.",
    ]  # fmt: skip


if __name__ == "__main__":
    main()

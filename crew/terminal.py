"""What people see in the terminal: live progress, outcomes, runs, findings (Rich)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markdown import Markdown
from rich.panel import Panel
from rich.status import Status
from rich.table import Table as RichTable
from rich.text import Text

from crew.artifacts import Cost, Delivered, NeedsAnswers, Outcome
from crew.catalog.dbt_project import DbtProject
from crew.ports import Checkout

_SIGN = {
    "passed": "[green]✓[/]",
    "failed": "[red]✗[/]",
    "skipped": "[dim]–[/]",
    "warned": "[yellow]![/]",
}


class Progress:
    """A line per finished step: what it found, its time, its cost. Implements `Listener`."""

    def __init__(self, quiet: bool = False, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, quiet=quiet, highlight=False)
        self._status: Status | None = None
        self._began = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def step_started(self, name: str) -> None:
        self._stop()
        self._began = time.monotonic()
        if self.console.is_terminal:
            self._status = self.console.status(f"{name} …")
            self._status.start()

    def delivering(self, branch: str) -> None:
        return None

    def step_finished(self, name: str, found: str, seconds: float, cost: Cost) -> None:
        self._stop()
        self._line(name, found, seconds, cost)

    def opened(self, checkout: Checkout, project: DbtProject) -> None:
        """The project is open; uncommitted changes are said, as they are not seen."""
        self._stop()
        found = f"{project.name}: {len(project.model_names)} models at {checkout.base_commit[:10] or 'no commit'}"
        self._line("open project", found, time.monotonic() - self._began, Cost())
        if checkout.changed:
            self.console.print(
                f"[yellow]  {len(checkout.changed)} uncommitted changes are not seen:"
                " Firstmile works on the last commit.[/]"
            )

    def indexing(self, missing: int, total: int) -> None:
        """Vectors are being made."""
        if self._status:
            self._status.update(f"making vectors, {missing:,} of {total:,} missing")

    def _line(self, name: str, found: str, seconds: float, cost: Cost) -> None:
        line = Text("✓ ", "green") + Text(f"{name:<14}", "bold")
        line += Text(f" {seconds:5.1f} s  ", "dim")
        if cost.llm_calls:
            tokens, usd = _used(cost.model_dump())
            line += Text(f"{tokens} tokens  ${usd}  ", "dim")
        found = found.replace(f"{Path.cwd()}/", "")
        line += Text(found if len(found) < 300 else found[:297] + "…")
        self.console.print(line)

    def _stop(self) -> None:
        if self._status:
            self._status.stop()
            self._status = None


def print_outcome(outcome: Outcome, result: dict[str, Any], console: Console | None = None) -> None:
    """The outcome of a run for people; a pull request's text is rendered."""
    console = console or Console(highlight=False)
    if isinstance(outcome, Delivered):
        console.print(
            Panel(Markdown(outcome.text), title=outcome.change_set.title, border_style="green")
        )
        if outcome.pull_request:
            made = "Opened" if outcome.pull_request.created else "Up to date"
            console.print(
                f"[bold green]{made}:[/] branch [bold]{result['branch']}[/], commit {outcome.pull_request.commit[:10]}",
                soft_wrap=True,
            )
            console.print(f"Pull request: {outcome.pull_request.location}", soft_wrap=True)
        else:
            console.print("Nothing was sent. Files of the change:")
            for file in outcome.change_set.files:
                console.print(f"  {file.action} {file.path}")
    elif isinstance(outcome, NeedsAnswers):
        print_questions(outcome, console)
    else:
        title = {"already_exists": "Already there", "refused": "Refused", "failed": "Failed"}[
            outcome.outcome
        ]
        style = "cyan" if outcome.outcome == "already_exists" else "red"
        console.print(Panel(Text(str(result["reason"])), title=title, border_style=style))
    _notes(result, console, isinstance(outcome, Delivered))
    console.print(
        f"[dim]Run {result['run']}, {result['seconds']:.1f} s. `firstmile show {result['run']}`[/]",
        soft_wrap=True,
    )


def print_questions(outcome: NeedsAnswers, console: Console) -> None:
    """Each question with its options, what each would give, and the default."""
    for number, question in enumerate(outcome.questions, start=1):
        body = Text(question.text)
        for option in question.options:
            mark = "  (suggested)" if option.label == question.default else ""
            body += Text(f"\n  {option.label}  ", "bold") + Text(option.meaning)
            body += Text(f": {option.effect}" if option.effect else "", "cyan") + Text(mark, "dim")
        console.print(Panel(body, title=f"Question {number}", border_style="yellow"))
    console.print('Answer on the ticket, or run the same command with --answer "A".')


def _notes(result: dict[str, Any], console: Console, in_text: bool) -> None:
    if not in_text:
        for note in result["notes"]:
            console.print(Text(f"• {note}", "dim"))


def print_runs(summaries: list[dict[str, Any]]) -> None:
    table = RichTable("run", "outcome", "request", "model", "seconds", "tokens", "USD")
    table.columns[0].no_wrap = True  # whole, so that it can be copied into `show`
    table.columns[0].min_width = max((len(s["run"]) for s in summaries), default=3)
    for s in summaries:
        title = s.get("request", {}).get("title", "")
        table.add_row(
            s["run"],
            s["outcome"],
            Text(title[:60]),
            ", ".join(s.get("models", [])),
            f"{s.get('seconds', 0):.1f}",
            *_used(s.get("cost") or {}),
        )
    Console().print(table if summaries else "No runs yet.")


def _used(cost: dict[str, Any]) -> tuple[str, str]:
    """Tokens and USD of a run; "?" where nobody knows the price of all calls."""
    if not cost.get("llm_calls"):
        return "", ""
    tokens = f"{cost['prompt_tokens'] + cost['completion_tokens']:,}"
    return tokens, f"{cost['usd']:.4f}" + "+ ?" * bool(cost.get("unpriced_calls"))


def print_tickets(found: list[dict[str, Any]]) -> None:
    table = RichTable("ticket", "state", "since", "request", "pull request", "tokens", "USD")
    table.columns[0].no_wrap = True
    for t in found:
        title = Text(t["title"][:60])
        used = _used(t["cost"])
        table.add_row(t["ticket"], t["state"], t["since"], title, t["pull_request"], *used)
    Console().print(table if found else "No tickets yet.")


def print_run(
    summary: dict[str, Any],
    steps: list[dict[str, Any]],
    calls: list[dict[str, Any]],
    jottings: list[dict[str, Any]],
    outcome: Outcome | None,
) -> None:
    """A run's steps, who was asked and why, the planner's scratchpad, then its checks, then its outcome."""
    console = Console(highlight=False)
    table = RichTable("step", "found", "seconds")
    for step in steps:
        table.add_row(step["step"], Text(step["found"][:400]), f"{step['seconds']:.2f}")
    console.print(table)
    if any(call["model"] for call in calls):
        asked = RichTable("agent", "task", "language model", "tokens", "USD", "why")
        for call in calls:
            cost = call["cost"]
            used = call["model"] or "none"
            ended = "" if call["ended"] in ("", "answered") else f"; {call['ended']}"
            tokens = f"{cost['prompt_tokens']:,} + {cost['completion_tokens']:,}"
            price = "?" if cost["unpriced_calls"] else f"{cost['usd']:.4f}"
            asked.add_row(call["agent"], call["task"], used, tokens if call["model"] else "",
                          price if call["model"] else "", Text(call["why"] + ended))  # fmt: skip
        console.print(asked)
    if jottings:
        pad = RichTable("scratchpad", "", "", title_justify="left")
        for j in jottings:
            told = Text(j["text"])
            told += Text(f"\n{j['reason']}" if j.get("reason") else "", "dim")
            told += Text(f"\n{j['settled']}" if j.get("settled") else "", "green")
            pad.add_row(j["step"], j["kind"], told)
        console.print(pad)
    if outcome is None:
        console.print(f"Run {summary['run']} has not finished; replay its ticket to go on.")
        return
    checks = RichTable("", "check", "finding")
    for check in summary["checks"]:
        checks.add_row(_SIGN[check["status"]], check["name"], Text(check["finding"][:300]))
    if summary["checks"]:
        console.print(checks)
    print_outcome(outcome, summary, console)


def print_findings(findings: list[dict[str, str]]) -> None:
    table = RichTable("", "what", "found")
    for f in findings:
        table.add_row(
            _SIGN[f["status"]],
            f["name"],
            Text(f["finding"] + (f"\n→ {f['cure']}" if f.get("cure") else "")),
        )
    Console().print(table)

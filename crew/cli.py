"""The command line. Light on purpose: what takes seconds is imported when a command runs."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from crew.cli_common import (
    AsJson,
    ProfilesDir,
    Project,
    State,
    Subfolder,
    Target,
    clean_errors,
    complain,
    read_settings,
)
from crew.errors import InvalidInput
from crew.memory_cli import app as memory_app

app = typer.Typer(
    name="firstmile",
    help="From a business request in a ticket to a tested, documented dbt pull request.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 delivered, 1 failed, 3 needs answers, 4 already exists, 5 refused.",
)

To = Annotated[str | None, typer.Option(help="Where the pull request goes: local, github or none.")]
Llm = Annotated[
    str | None, typer.Option(help="When a language model is asked: none, auto (default) or always.")
]
Model = Annotated[
    list[str] | None,
    typer.Option(help="provider/model; repeated: the next is asked where one does not answer."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Do everything but deliver.")]
Answer = Annotated[
    list[str] | None, typer.Option(help="An answer to an open question; repeatable.")
]


app.add_typer(memory_app, name="memory")


@app.command()
def replay(
    ticket: Annotated[
        str, typer.Argument(help="A Jira, Notion or Slack payload, a text file, or -.")
    ] = "",
    recording: Annotated[
        str,
        typer.Option(help="Repeat a run, or a recording's file, without any language model."),
    ] = "",
    project: Project = None,
    subfolder: Subfolder = None,
    profiles_dir: ProfilesDir = None,
    target: Target = None,
    to: To = None,
    llm: Llm = None,
    model: Model = None,
    dry_run: DryRun = False,
    state: State = None,
    answer: Answer = None,
    as_json: AsJson = False,
) -> None:
    """Work a ticket from a file, or repeat a recorded run."""
    with clean_errors(as_json):
        from triggers.ticket_file import read_ticket_file

        if recording and (answer or llm or model):
            raise InvalidInput(
                "A recording is replayed with the answers and the language models that it holds.",
                "Leave out --answer, --llm and --model, or leave out --recording.",
            )
        settings = read_settings(
            dry_run,
            project=project,
            subfolder=subfolder,
            profiles_dir=profiles_dir,
            target=target,
            to=to or ("none" if recording else None),
            llm=llm,
            model=model or None,
            state=state,
        )
        request = read_ticket_file(ticket, sys.stdin.buffer) if ticket else None
        if recording:
            _repeat(settings, recording, request, as_json)
        elif request is None:
            raise InvalidInput("There is nothing to replay.", "Give a ticket, or --recording RUN.")
        else:
            _work(settings, request, answer or [], as_json)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help='For instance "weekly churn by region".')],
    project: Project = None,
    subfolder: Subfolder = None,
    profiles_dir: ProfilesDir = None,
    target: Target = None,
    to: To = None,
    llm: Llm = None,
    model: Model = None,
    dry_run: DryRun = False,
    state: State = None,
    answer: Answer = None,
    as_json: AsJson = False,
) -> None:
    """Work a request given in a sentence."""
    with clean_errors(as_json):
        from triggers.sentence import request_of_sentence

        settings = read_settings(
            dry_run,
            project=project,
            subfolder=subfolder,
            profiles_dir=profiles_dir,
            target=target,
            to=to,
            llm=llm,
            model=model or None,
            state=state,
        )
        _work(settings, request_of_sentence(question), answer or [], as_json)


@app.command()
def init(
    project: Project = None,
    to: To = None,
    llm: Llm = None,
    model: Model = None,
    state: State = None,
    yes: Annotated[bool, typer.Option("--yes", help="Take the defaults, ask nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write firstmile.yml, then run doctor."""
    with clean_errors(as_json):
        from crew.setup import write_settings

        given = {"project": project, "to": to, "llm": llm, "model": ", ".join(model or ())}
        given["state"] = str(state) if state else None
        file = write_settings({k: v for k, v in given.items() if v}, ask=not (yes or as_json))
        if not as_json:
            typer.echo(f"Wrote {file}.")
        _doctor(read_settings(state=state), as_json, wrote=str(file))


@app.command()
def doctor(
    project: Project = None,
    subfolder: Subfolder = None,
    profiles_dir: ProfilesDir = None,
    target: Target = None,
    to: To = None,
    llm: Llm = None,
    model: Model = None,
    state: State = None,
    as_json: AsJson = False,
) -> None:
    """Check the project, its warehouse, git, the LLM and the code host; say what lacks."""
    with clean_errors(as_json):
        settings = read_settings(
            project=project,
            subfolder=subfolder,
            profiles_dir=profiles_dir,
            target=target,
            to=to,
            llm=llm,
            model=model or None,
            state=state,
        )
        _doctor(settings, as_json)


@app.command()
def index(
    project: Project = None,
    subfolder: Subfolder = None,
    profiles_dir: ProfilesDir = None,
    target: Target = None,
    state: State = None,
    as_json: AsJson = False,
) -> None:
    """Bring long-term memory up to date with the project."""
    with clean_errors(as_json):
        from crew.setup import index_project
        from crew.terminal import Progress

        settings = read_settings(
            dry_run=True,
            project=project,
            subfolder=subfolder,
            profiles_dir=profiles_dir,
            target=target,
            state=state,
        )
        with Progress(quiet=as_json) as progress:
            found = index_project(settings, progress.indexing)
        counts = ", ".join(f"{n} {kind}s" for kind, n in found["entries"].items())
        told = f"{counts}: {found['written']} written, {found['removed']} removed."
        for fault in found["faults"].values():
            told += f"\nMemory goes on {fault}."
        _say(as_json, found, told)


@app.command()
def serve(
    only: Annotated[
        list[str] | None, typer.Option(help="A part alone: pollers, web or worker; repeatable.")
    ] = None,
    state: State = None,
) -> None:
    """Work what comes in from Jira, Notion and Slack, until it is stopped."""
    with clean_errors(False):
        from triggers.serve import serve as serve_until_stopped

        settings = read_settings(state=state)
        logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
        for name in ("firstmile", "triggers"):
            logging.getLogger(name).setLevel(logging.INFO)
        serve_until_stopped(settings, only or ())
    sys.stdout.flush()
    os._exit(0)  # what still waits in threads is resumed by the next start


@app.command()
def glossary(
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("glossary.yml"),
) -> None:
    """Write the glossary file from Notion's data source of agreed words."""
    with clean_errors(False):
        from triggers.doors import notion_glossary

        text = notion_glossary(read_settings())
        out.write_text(text, "utf-8")
        typer.echo(f"Wrote {out}.")


@app.command()
def tickets(state: State = None, as_json: AsJson = False) -> None:
    """List the tickets that `serve` knows, and where each stands."""
    with clean_errors(as_json):
        from crew.terminal import print_tickets
        from triggers.serve import ticket_summaries

        found = ticket_summaries(read_settings(state=state))
        if as_json:
            typer.echo(json.dumps({"tickets": found}, indent=1))
        else:
            print_tickets(found)


@app.command()
def cancel(
    ticket: Annotated[str, typer.Argument(help="A ticket of `firstmile tickets`: jira:DATA-141.")],
    state: State = None,
    as_json: AsJson = False,
) -> None:
    """Stop the work on a ticket, in any state, and close its open draft."""
    with clean_errors(as_json):
        from triggers.serve import cancel_ticket

        found = cancel_ticket(read_settings(state=state), ticket)
        _say(as_json, found, f"{found['ticket']} is {found['state']}.")


@app.command()
def runs(state: State = None, as_json: AsJson = False) -> None:
    """List the runs, newest first."""
    with clean_errors(as_json):
        from crew.records.run_store import RunStore
        from crew.terminal import print_runs

        found = RunStore(read_settings(state=state).state).summaries()
        if as_json:
            typer.echo(json.dumps({"runs": found}, indent=1, default=str))
        else:
            print_runs(found)


@app.command()
def show(
    run: Annotated[str, typer.Argument(help="A run, or the beginning of its name.")],
    state: State = None,
    as_json: AsJson = False,
) -> None:
    """Show a run: its steps, its outcome, its pull request."""
    with clean_errors(as_json):
        from crew.records.run_store import RunStore
        from crew.terminal import print_run

        store = RunStore(read_settings(state=state).state)
        summary = store.summary(run)
        if as_json:
            told = {"steps": store.steps(run), "calls": store.calls(run)}
            told["scratchpad"] = store.scratchpad(run)
            typer.echo(json.dumps({**summary, **told}, indent=1, default=str))
        else:
            steps, calls = store.steps(run), store.calls(run)
            print_run(summary, steps, calls, store.scratchpad(run), store.outcome(run))


def _repeat(settings: Any, recording: str, request: Any, as_json: bool) -> None:
    """Work the request of a recording, or another one, with its answers alone. A run is repeated with
    its own ticket; the one in a file is redacted."""
    from crew.records.recording import read_recording
    from crew.records.run_store import RunStore
    from crew.settings import load_settings

    store, file = RunStore(settings.state), Path(recording)
    is_file = file.is_file()
    replayed = read_recording(file if is_file else store.recording(recording))
    if request is None:
        request = replayed.head.request if is_file else store.request(recording)
    models = dict(replayed.head.models)
    stronger = models.pop("stronger", "")
    again = load_settings(
        **settings.model_dump(exclude={"llm", "model", "agents", "stronger"}),
        llm=replayed.head.routing,
        agents=models,
        model="",
        stronger=stronger,
    )
    _run(again, request, as_json, replayed)


def _work(settings: Any, request: Any, answers: list[str], as_json: bool) -> None:
    from crew.artifacts import Comment
    from crew.records.run_store import RunStore
    from triggers.answers_given import choices_of

    if answers:
        said = tuple(Comment(author="requester", body=a) for a in answers)
        asked = Comment(author="Firstmile", body="", ours=True)
        choices = choices_of(RunStore(settings.state), request, answers)
        comments = (*request.comments, asked, *said)
        request = request.model_copy(update={"comments": comments, "choices": choices})
    _run(settings, request, as_json)


def _run(settings: Any, request: Any, as_json: bool, replayed: Any = None) -> None:
    from crew.result import EXIT_CODES
    from crew.terminal import Progress, print_outcome

    logging.disable(logging.CRITICAL)  # what libraries log reaches people as our own messages
    with Progress(quiet=as_json) as progress:
        progress.step_started("open project")
        from crew.assemble import open_workplace

        commit = replayed.head.commit if replayed else ""
        with redirect_stdout(io.StringIO()), open_workplace(settings, commit) as workplace:
            # Libraries print; standard output belongs to the outcome alone.
            progress.opened(workplace.checkout, workplace.project)
            rework = {"rework": replayed.head.rework, "run_id": "replay"} if replayed else {}
            outcome, result = workplace.work(request, progress, replayed=replayed, **rework)
    if as_json:
        typer.echo(json.dumps(result, indent=1, default=str))
    else:
        print_outcome(outcome, result)
    raise typer.Exit(EXIT_CODES[outcome.outcome])


def _doctor(settings: Any, as_json: bool, **also: Any) -> None:
    from crew.setup import examine
    from crew.terminal import print_findings

    findings = examine(settings)
    if as_json:
        typer.echo(json.dumps({**also, "checks": findings}, indent=1))
    else:
        print_findings(findings)
    if any(f["status"] == "failed" for f in findings):
        raise typer.Exit(1)


def _say(as_json: bool, data: dict[str, Any], text: str) -> None:
    typer.echo(json.dumps(data, indent=1) if as_json else text)


def main() -> None:
    """The console script. What nobody foresaw is one message and a file with the trace."""
    try:
        app()
    except Exception as error:  # the last resort: a user never sees a trace
        import tempfile
        import traceback

        with tempfile.NamedTemporaryFile(
            "w", prefix="firstmile-", suffix=".log", delete=False
        ) as log:
            traceback.print_exc(file=log)
        complain(
            "--json" in sys.argv,
            f"Something went wrong that should not: {error}",
            f"The details are in {log.name}; please report them.",
        )
        sys.exit(1)


if __name__ == "__main__":
    main()

"""`firstmile memory …`: look into long-term memory, correct it, carry it elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crew.cli_common import AsJson, Project, State, Subfolder, clean_errors, read_settings

if TYPE_CHECKING:
    from memory.learned import Learned
    from memory.long_term import LongTermMemory

app = typer.Typer(
    name="memory",
    help="Look into long-term memory, correct it, carry it elsewhere.",
    no_args_is_help=True,
)
Id = Annotated[str, typer.Argument(help="As `search` prints it: model:fct_orders, lesson-1f0…")]


@app.command()
def search(
    text: Annotated[str, typer.Argument(help='For instance "customers who left".')],
    kind: Annotated[
        list[str] | None,
        typer.Option(help="model, column, metric, term, convention, test, request or lesson."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 10,
    project: Project = None,
    subfolder: Subfolder = None,
    state: State = None,
    as_json: AsJson = False,
) -> None:
    """Find what is like a text; nothing relevant finds nothing."""
    with clean_errors(as_json), _memory(project, subfolder, state) as memory:
        from crew.errors import InvalidInput
        from memory.entries import KINDS

        if unknown := sorted(set(kind or ()) - set(KINDS)):
            raise InvalidInput(f"There is no kind {unknown[0]!r}.", f"Kinds: {', '.join(KINDS)}.")
        found = memory.recall(text, kind or (), limit)  # type: ignore[arg-type]
        if as_json:
            data = {"found": [p.model_dump() for p in found], "faults": memory.faults}
            typer.echo(json.dumps(data, indent=1))
            return
        for p in found:
            typer.echo(f"{p.likeness:.2f}  {p.id}  ({p.provenance})\n      {p.text[:200]}")
        if not found:
            typer.echo("Nothing like it.")
        for fault in memory.faults.values():
            typer.secho(f"Searched {fault}.", err=True, fg="yellow")


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="[ID]")] = "",
    project: Project = None,
    subfolder: Subfolder = None,
    state: State = None,
    as_json: AsJson = False,
) -> None:
    """Show an entry, a request or a lesson; without an id what there is, and all lessons."""
    with clean_errors(as_json), _memory(project, subfolder, state) as memory:
        data = _entry(memory, id_) if id_ else _overview(memory)
        typer.echo(json.dumps(data, indent=1, ensure_ascii=False))


@app.command()
def forget(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A request (jira:DATA-7) or a lesson.")],
    project: Project = None,
    subfolder: Subfolder = None,
    state: State = None,
    as_json: AsJson = False,
) -> None:
    """Remove a request and all that came from it, or one lesson."""
    with clean_errors(as_json), _memory(project, subfolder, state) as memory:
        from crew.errors import InvalidInput

        removed = memory.forget(id_.removeprefix("request:").removeprefix("lesson:"))
        if not removed:
            raise InvalidInput(f"Nothing was learned from {id_!r}.", "`firstmile memory show`")
        _say(as_json, {"forgotten": id_, "rows": removed}, f"Forgot {id_}: {removed} rows.")


@app.command()
def approve(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A proposed lesson.")],
    project: Project = None,
    subfolder: Subfolder = None,
    state: State = None,
    as_json: AsJson = False,
) -> None:
    """Let a lesson that waits for a person be followed from now on."""
    with clean_errors(as_json), _memory(project, subfolder, state) as memory:
        from crew.errors import InvalidInput

        id_ = id_.removeprefix("lesson:")
        learned = _learned(memory)
        lesson = next((x for x in learned.lessons("proposed") if x.id == id_), None)
        if lesson is None:
            raise InvalidInput(f"No lesson {id_!r} waits for approval.", "`firstmile memory show`")
        learned.save_lessons([lesson.model_copy(update={"state": "active"})])
        _say(as_json, {"approved": id_}, f"Approved: {lesson.sentence}")


@app.command(name="export")
def export_rows(
    file: Annotated[Path, typer.Argument(help="The file to write, one JSON object a line.")],
    project: Project = None,
    subfolder: Subfolder = None,
    state: State = None,
    as_json: AsJson = False,
) -> None:
    """Write what was learned: requests, answers and lessons."""
    with clean_errors(as_json), _memory(project, subfolder, state) as memory:
        from crew.errors import InvalidInput

        rows = _learned(memory).rows()
        try:
            file.write_text("".join(f"{row.model_dump_json()}\n" for row in rows), "utf-8")
        except OSError as error:
            raise InvalidInput(f"{file} cannot be written: {error.strerror}", "") from error
        _say(as_json, {"rows": len(rows)}, f"Wrote {len(rows)} rows to {file}.")


@app.command(name="import")
def import_rows(
    file: Annotated[Path, typer.Argument(help="A file that `export` wrote.")],
    project: Project = None,
    subfolder: Subfolder = None,
    state: State = None,
    as_json: AsJson = False,
) -> None:
    """Take in what another installation learned; what has the same id is replaced."""
    with clean_errors(as_json), _memory(project, subfolder, state) as memory:
        from crew.errors import InvalidInput
        from memory.learned import Row

        try:
            lines = file.read_text("utf-8").splitlines()
            rows = [Row.model_validate_json(line) for line in lines if line.strip()]
            count = _learned(memory).put_rows(rows)
        except (OSError, ValueError) as error:
            raise InvalidInput(
                f"{file} cannot be read as an export of memory: {str(error).splitlines()[0]}",
                "Give a file that `firstmile memory export` wrote.",
            ) from error
        _say(as_json, {"rows": count}, f"Took in {count} rows.")


@contextmanager
def _memory(
    project: str | None, subfolder: str | None, state: Path | None
) -> Iterator[LongTermMemory]:
    """The memory of the project of the settings; the project itself is not opened."""
    from crew.errors import InvalidInput
    from crew.learning import open_recall
    from crew.settings import project_place
    from memory.long_term import LongTermMemory

    settings = read_settings(project=project, subfolder=subfolder, state=state)
    folder = settings.state.expanduser().resolve()
    if not folder.is_dir():
        raise InvalidInput(f"There is no state in {folder}.", "Run `firstmile index` first.")
    memory = open_recall(settings, folder, project_place(settings), (), "")
    if not isinstance(memory, LongTermMemory):
        cure = f"Look at the folder {folder / 'memory'}."
        raise InvalidInput("Long-term memory cannot be opened.", cure)
    try:
        memory.refresh()
        yield memory
    finally:
        memory.close()


def _learned(memory: LongTermMemory) -> Learned:
    from crew.errors import HostUnavailable

    if memory.learned is None:
        raise HostUnavailable("What was learned cannot be read.", "Check the database's address.")
    return memory.learned


def _overview(memory: LongTermMemory) -> dict[str, Any]:
    learned = _learned(memory)
    return {
        "entries": memory.words.counts(),
        "without_vectors": memory.words.waiting(memory.version),
        "requests": {r.request: r.state for r in learned.requests()},
        "lessons": [x.model_dump(mode="json") for x in learned.lessons()],
        "faults": memory.faults,
    }


def _entry(memory: LongTermMemory, id_: str) -> dict[str, Any]:
    from crew.errors import InvalidInput

    learned = _learned(memory)
    bare = id_.removeprefix("request:").removeprefix("lesson:")
    if remembered := learned.request(bare):
        answers = [a.model_dump() for a in learned.answers() if a.request == bare]
        lessons = [x.model_dump(mode="json") for x in learned.lessons() if x.request == bare]
        shown = remembered.model_dump(mode="json", exclude={"change"}, exclude_defaults=True)
        return {**shown, "answers": answers, "lessons": lessons}
    if lesson := next((x for x in learned.lessons() if x.id == bare), None):
        return lesson.model_dump(mode="json")
    if entry := memory.words.entries([id_]).get(id_):
        names = ("kind", "id", "name", "text", "provenance", "layer")
        return {name: getattr(entry, name) for name in names}
    raise InvalidInput(f"Memory has no {id_!r}.", "`firstmile memory search` prints ids.")


def _say(as_json: bool, data: dict[str, Any], text: str) -> None:
    typer.echo(json.dumps(data, indent=1) if as_json else text)
    sys.stdout.flush()

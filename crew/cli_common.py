"""What all commands share: their usual options, the settings, and errors as people read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from crew.errors import FirstmileError

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
State = Annotated[Path | None, typer.Option(help="Folder for runs, memory and pull request texts.")]
Project = Annotated[str | None, typer.Option(help="Path or git address of a dbt repository.")]
Subfolder = Annotated[str | None, typer.Option(help="Folder of the dbt project in the repository.")]
ProfilesDir = Annotated[Path | None, typer.Option(help="Folder of profiles.yml.")]
Target = Annotated[str | None, typer.Option(help="Target of the dbt profile.")]


def read_settings(dry_run: bool = False, **given: Any) -> Any:
    """The settings with what the command line gives; `dry_run` delivers nothing."""
    from crew.settings import load_settings

    if dry_run:
        given["to"] = "none"
    return load_settings(**given)


@contextmanager
def clean_errors(as_json: bool) -> Iterator[None]:
    """One clear message with the cure; with `--json` the usual object. Exit code 1."""
    try:
        yield
    except FirstmileError as error:
        complain(as_json, error.message, error.cure)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        complain(as_json, "Stopped.", "Run the same command again to go on where it was.")
        raise typer.Exit(130) from None


def complain(as_json: bool, message: str, cure: str) -> None:
    if as_json:
        from crew.result import empty_result

        result = empty_result() | {"reason": message, "cure": cure}
        typer.echo(json.dumps(result, indent=1))
    else:
        typer.secho(message, err=True, fg="red")
        if cure:
            typer.echo(cure, err=True)

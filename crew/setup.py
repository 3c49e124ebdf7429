"""Setting up: write firstmile.yml, examine what is configured, index the project."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import typer
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from crew.assemble import config_folder, open_workplace
from crew.errors import FirstmileError, InvalidInput
from crew.language_models import price_table
from crew.settings import FILE, Settings, load_settings


def write_settings(given: dict[str, Any], ask: bool) -> Path:
    """Write firstmile.yml in the working directory. Raises InvalidInput if there is one."""
    file = Path(FILE)
    if file.exists():
        raise InvalidInput(f"{FILE} is here already.", "Edit it, or remove it first.")
    values: dict[str, Any] = {"project": ".", "to": "local", "model": "", **given}
    if ask:
        values["project"] = typer.prompt("dbt repository (path or git address)", values["project"])
        values["to"] = typer.prompt("Where pull requests go (local, github, none)", values["to"])
        if values["to"] == "github":
            values["github"] = {"repository": typer.prompt("GitHub repository (owner/name)")}
        values["model"] = typer.prompt(
            "Language model (provider/model; empty for none)", values["model"], show_default=False
        )
    values = {name: value for name, value in values.items() if value}
    load_settings(**values)
    document = CommentedMap(values)
    document.yaml_set_start_comment("Settings of Firstmile. Secrets stay in the environment.")
    for name in values:
        described = Settings.model_fields[name].description or ""
        document.yaml_add_eol_comment(described, name, column=30)
    with file.open("w", encoding="utf-8") as out:
        YAML().dump(document, out)
    return file.resolve()


def index_project(settings: Settings, listener: Callable[[int, int], None]) -> dict[str, Any]:
    """Bring long-term memory up to date, vectors included; counts of entries by kind, and how many
    were written and removed. `listener` hears how many vectors are missing, and of how many."""
    from memory.long_term import LongTermMemory

    with open_workplace(settings) as place:
        memory = place.recall
        if not isinstance(memory, LongTermMemory):
            raise InvalidInput(
                "Long-term memory cannot be opened.",
                f"Remove {place.state / 'memory'} and try again.",
            )
        while not memory.wait(1.0) and "vectors" not in memory.faults:
            listener(memory.words.waiting(memory.version), sum(memory.words.counts().values()))
        written, removed = place.indexed
        faults = dict(memory.faults)
        counts = memory.words.counts()
    return {"entries": counts, "written": written, "removed": removed, "faults": faults}


def examine(settings: Settings) -> list[dict[str, str]]:
    """A finding per thing that must work: name, status, finding, cure."""
    findings = [_git(), _llm(settings), _github(settings), *_doors(settings), *_traces(settings)]
    findings.append(_state(settings))
    if all(f["status"] != "failed" for f in findings if f["name"] in {"git", "state"}):
        findings += _project(settings)
    return findings


def _finding(name: str, status: str, finding: str, cure: str = "") -> dict[str, str]:
    return {"name": name, "status": status, "finding": finding, "cure": cure}


def _tried(name: str, function: Callable[[], str]) -> dict[str, str]:
    try:
        return _finding(name, "passed", function())
    except FirstmileError as error:
        return _finding(name, "failed", error.message, error.cure)


def _git() -> dict[str, str]:
    if shutil.which("git") is None:
        return _finding("git", "failed", "git is not installed.", "Install git.")
    said = subprocess.run(
        ["git", "--version"], capture_output=True, text=True, timeout=10, check=False
    )
    return _finding("git", "passed", said.stdout.strip())


def _llm(settings: Settings) -> dict[str, str]:
    chains = [*settings.models.values(), settings.stronger] if settings.models else []
    models = list(dict.fromkeys(m for chain in chains for m in chain))
    names = sorted({m.name for m in models})
    if not models:
        return _finding("llm", "passed", "no language model: rules alone, no key, no cost")

    def choose() -> str:
        from crew.agents.crewai_environment import import_crewai

        import_crewai(settings.state / "crewai")
        from crew.agents.llm import provider_llm

        for model in models:
            provider_llm(model)
        return f"{', '.join(names)} ({settings.llm}); no call was made"

    found = _tried("llm", choose)
    table = price_table(config_folder())
    unpriced = sorted(n for n in names if n not in table and n not in settings.prices)
    if unpriced and found["status"] == "passed":
        told = f"{found['finding']}; nobody knows the price of {', '.join(unpriced)}"
        cure = "Write it under `prices`, so that the budget in USD counts it."
        return _finding("llm", "warned", told, cure)
    return found


def _github(settings: Settings) -> dict[str, str]:
    if settings.to != "github":
        return _finding("code host", "passed", f"pull requests go to {settings.to!r}")

    def load() -> str:
        from triggers.doors import repositories

        found = [words for pulls in repositories(settings).values() for words in pulls.check()]
        return "; ".join(found)

    return _tried("code host", load)


def _doors(settings: Settings) -> list[dict[str, str]]:
    """A finding per door of the settings: it is called, and what lacks is said."""
    from triggers.doors import NAMES, open_door

    def check(name: str) -> str:
        return "; ".join(open_door(name, settings).check())

    named = [name for name in NAMES if getattr(settings, name) is not None]
    return [_tried(name, partial(check, name)) for name in named]


def _traces(settings: Settings) -> list[dict[str, str]]:
    if not settings.traces.endpoint:
        return []
    from crew.records.spans import check

    return [_tried("traces", partial(check, settings.traces))]


def _state(settings: Settings) -> dict[str, str]:
    folder = settings.state.expanduser().resolve()
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            return _finding("state", "passed", f"{folder} can be written")
    except OSError as error:
        return _finding(
            "state",
            "failed",
            f"{folder} cannot be written: {error}",
            "Choose another folder with --state.",
        )


def _project(settings: Settings) -> list[dict[str, str]]:
    findings: list[dict[str, str]] = []
    try:
        with open_workplace(settings) as place:
            info, checkout = place.info, place.checkout
            where = f"{checkout.repository}" if checkout.repository else "no git repository"
            findings.append(
                _finding(
                    "project",
                    "passed",
                    f"{place.project.name}: {len(place.project.model_names)} models, {where}",
                )
            )
            findings.append(
                _finding(
                    "warehouse",
                    "passed",
                    f"{info.adapter}, target {info.target!r}, {len(info.relations)} relations",
                )
            )
            terms = len(place.recall.terms())
            status = "passed" if terms else "warned"
            findings.append(
                _finding(
                    "glossary",
                    status,
                    f"{terms} agreed terms",
                    "" if terms else "Write glossary.yml; see docs/glossary.md.",
                )
            )
            missing = "; ".join(getattr(place.recall, "faults", {}).values())
            missing = missing or getattr(place.recall, "reason", "")
            findings.append(
                _finding(
                    "memory",
                    "warned" if missing else "passed",
                    f"goes on {missing}" if missing else "words, vectors and what was learned",
                    "See docs/memory.md, “When something is wrong with it”." if missing else "",
                )
            )
            if checkout.changed:
                findings.append(
                    _finding(
                        "work tree",
                        "warned",
                        f"{len(checkout.changed)} uncommitted changes are not seen",
                    )
                )
    except FirstmileError as error:
        findings.append(_finding("project", "failed", error.message, error.cure))
    return findings

"""The files of a change: SQL as drafted, and YAML added to the files the project already has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import yaml

from crew.artifacts import (
    Conventions,
    DocSet,
    DraftModel,
    Evidence,
    FileChange,
    ModelDraft,
    RelationCard,
    TestSuite,
)
from crew.delivery.schema_entries import add_freshness, add_unit_test, extend_entry, new_entry
from crew.delivery.yaml_edit import Place, YamlEdit
from crew.errors import InvalidProject, PolicyViolation

_LISTS = {"model": "models", "seed": "seeds", "snapshot": "snapshots"}


def project_files(
    folder: Path, draft: ModelDraft, tests: TestSuite, docs: DocSet, evidence: Evidence
) -> tuple[FileChange, ...]:
    """All files of the change, SQL first; `folder` is the private copy and is only read.

    Raises InvalidProject for a schema file that cannot be read, PolicyViolation for a draft that
    would overwrite something or cannot be added without changing other lines.
    """
    files = _Files(folder, evidence)
    whole = {f.path: f for f in draft.files}
    files.take(draft.files)
    for model in draft.models:
        if model.path in whole:
            continue
        files.write_sql(model.path, model.sql, update=model.action == "update")
    for singular in tests.singular:
        files.write_sql(singular.path, singular.sql, update=False)
    for model in draft.models:
        if model.path not in whole:
            files.describe(model, tests, docs)
    drafted = {m.name for m in draft.models if m.path not in whole}
    for name in dict.fromkeys([t.model for t in tests.generic] + [d.model for d in docs.models]):
        if name not in drafted:
            files.extend(name, tests, docs)
    for unit in tests.unit:
        add_unit_test(files.schema_of(unit.model), unit)
    for freshness in tests.freshness:
        add_freshness(files.schema_of(f"{freshness.source}.{freshness.table}"), freshness)
    return files.changes()


class _Files:
    """The change while it grows."""

    def __init__(self, folder: Path, evidence: Evidence) -> None:
        self._folder = folder
        self._evidence = evidence
        self._sql: dict[str, str] = {}
        self._whole: dict[str, str | None] = {}
        self._edits: dict[str, YamlEdit] = {}
        self._schema_paths: dict[str, str] = {}

    def take(self, files: Iterable[FileChange]) -> None:
        """Whole files: what is added later is added to these texts."""
        for file in files:
            self._whole[file.path] = None if file.action == "delete" else file.text

    def write_sql(self, path: str, text: str, update: bool) -> None:
        before = self._read(path)
        if (before is not None) != update:
            raise PolicyViolation(
                f"{path!r} {'is not there to be changed' if update else 'exists already'}.",
                "Draft a change of the existing file, or choose another name.",
            )
        text = text.replace("\r\n", "\n").rstrip() + "\n"
        self._sql[path] = text.replace("\n", "\r\n") if before and "\r\n" in before else text

    def describe(self, model: DraftModel, tests: TestSuite, docs: DocSet) -> None:
        """The entry of a drafted model, where its neighbours have theirs."""
        card = self._evidence.relation(model.name)
        path = card.schema_path if card else ""
        path = path or _schema_path(self._folder, model, self._evidence.conventions)
        self._schema_paths[model.name] = path
        edit = self._edit(path)
        if edit.get(("models", ("name", model.name))) is not None:
            extend_entry(edit, ("models", ("name", model.name)), model.name, tests, docs)
            return
        materialized = _materialized(model, self._evidence.conventions)
        key = edit.style.tests_key
        entry = new_entry(model.name, model.columns, materialized, tests, docs, key)
        edit.append((), "models", entry)

    def extend(self, key: str, tests: TestSuite, docs: DocSet) -> None:
        """What an existing relation, of which no file was drafted, still lacks."""
        card = self._evidence.relation(key)
        if card is None:
            raise PolicyViolation(
                f"Tests or docs are about {key!r}, which is not among the known relations.",
                "Write tests and docs for drafted models or relations of the evidence only.",
            )
        edit, place = self.schema_of(key), _place(card)
        if edit.get(place) is not None:
            extend_entry(edit, place, key, tests, docs)
        elif card.kind == "source":
            raise InvalidProject(f"The source {key!r} is not found in {edit.path!r}.")
        else:
            entry = new_entry(key, (), "", tests, docs, edit.style.tests_key)
            edit.append((), _LISTS[card.kind], entry)

    def schema_of(self, key: str) -> YamlEdit:
        """The schema file with the entry of a relation."""
        card = self._evidence.relation(key)
        path = self._schema_paths.get(key, card.schema_path if card else "")
        if not path and card and card.kind == "source":
            path = card.path
        if not path and card:
            model = DraftModel(name=key, path=card.path, sql="")
            path = _schema_path(self._folder, model, self._evidence.conventions)
        if not path:
            raise InvalidProject(
                f"No schema file is known for {key!r}.",
                "Name a model of the change, or a relation of the project.",
            )
        self._schema_paths[key] = path
        return self._edit(path)

    def changes(self) -> tuple[FileChange, ...]:
        """What differs from the project."""
        edited = {path: edit.text for path, edit in self._edits.items()}
        texts: dict[str, str | None] = {**self._whole, **self._sql, **edited}
        found = []
        for path, text in texts.items():
            before = self._read(path)
            if text != before:
                action = "delete" if text is None else "create" if before is None else "update"
                values = dict(path=path, text=text or "", action=action)
                found.append(FileChange.model_validate(values))
        return tuple(found)

    def _edit(self, path: str) -> YamlEdit:
        if path not in self._edits:
            text = (self._whole[path] if path in self._whole else self._read(path)) or ""
            edit = YamlEdit(path, text, self._evidence.conventions.tests_key)
            if not text.strip():
                edit.set((), "version", 2)
            self._edits[path] = edit
        return self._edits[path]

    def _read(self, path: str) -> str | None:
        file = self._folder / path
        if not file.resolve().is_relative_to(self._folder.resolve()):
            raise PolicyViolation(f"{path!r} leads out of the project.", "Use a path inside it.")
        try:
            # Bytes, because reading as text would turn \r\n into \n.
            return file.read_bytes().decode("utf-8") if file.is_file() else None
        except UnicodeDecodeError as error:
            raise InvalidProject(
                f"{path!r} is not UTF-8.", "Save the file as UTF-8, then start the request again."
            ) from error


def _place(card: RelationCard) -> Place:
    if card.kind == "source":
        source, _, table = card.key.partition(".")
        return ("sources", ("name", source), "tables", ("name", table))
    return (_LISTS[card.kind], ("name", card.key))


def _materialized(model: DraftModel, conventions: Conventions) -> str:
    """The materialization to write down: none where the folder or the SQL says it."""
    usual = {
        "staging": conventions.staging_materialization,
        "mart": conventions.mart_materialization,
    }.get(model.layer, "view")
    in_sql = re.search(r"\bconfig\s*\([^)]*\bmaterialized\b", model.sql)
    if in_sql or model.action == "update" or model.materialization == usual:
        return ""
    return model.materialization


def _schema_path(folder: Path, model: DraftModel, conventions: Conventions) -> str:
    """Where the entry of a model belongs by the habits of its folder."""
    parent = PurePosixPath(model.path).parent
    names = {f: _model_names(f) for f in _yaml_files(folder / parent)}
    for file, listed in names.items():
        if model.name in listed:
            return str(parent / file.name)
    full = {f: listed for f, listed in names.items() if listed}
    own = {f for f, listed in full.items() if listed == [f.stem.strip("_")] != [parent.name]}
    if own and own == set(full):
        file = min(own)
        return str(parent / file.name.replace(full[file][0], model.name))
    if full:
        return str(parent / max(full, key=lambda f: len(full[f])).name)
    return str(parent / conventions.schema_file_pattern.replace("{folder}", parent.name))


def _yaml_files(folder: Path) -> list[Path]:
    files: Iterable[Path] = folder.iterdir() if folder.is_dir() else ()
    return sorted(f for f in files if f.suffix in (".yml", ".yaml") and f.is_file())


def _model_names(file: Path) -> list[str]:
    try:
        content = yaml.safe_load(file.read_bytes())
    except (yaml.YAMLError, UnicodeDecodeError):
        return []
    models = content.get("models") if isinstance(content, dict) else None
    return [str(m.get("name")) for m in models or () if isinstance(m, dict)]

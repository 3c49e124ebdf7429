"""Where verification builds: beside the warehouse, never in it (worker process only).

DuckDB: a file of our own, with the real database attached read-only under its own name.
Other adapters: a schema of our own, dropped at the end.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlparse

import yaml

from crew.errors import InvalidProject, WarehouseBusy
from crew.verification.profile_choice import ProfileChoice

SCRATCH_DATABASE = "firstmile_scratch"
_MEMORY_LIMIT = "4GB"


class Scratch(Protocol):
    """Home is where a relation lives in the warehouse; place is where we would build it."""

    profiles: Path
    database: str
    warehouse: str
    exists: bool
    sealable: bool

    def home(self, database: str, schema: str) -> tuple[str, str]: ...

    def place(self, database: str, schema: str) -> tuple[str, str]: ...

    def to_drop(self) -> tuple[str, str] | None: ...


def make_scratch(
    choice: ProfileChoice, folder: Path, origin: Path, project: Path, here: Path, home: Path
) -> Scratch:
    """The scratch of a profile. Raises WarehouseBusy, InvalidProject."""
    path = str(choice.values.get("path") or ":memory:")
    if choice.adapter != "duckdb" or choice.values.get("remote") or _is_url(path):
        return SchemaScratch(choice)
    folder.mkdir(parents=True, exist_ok=True)
    return DuckDBScratch(choice, path, folder, (origin, choice.file.parent, here), project, home)


class SchemaScratch:
    """A schema `<schema>_firstmile_<8 hex>` in the target's own database."""

    exists = True
    sealable = False

    def __init__(self, choice: ProfileChoice) -> None:
        self.profiles = choice.file.parent
        schema = str(choice.values.get("schema") or choice.values.get("dataset") or "")
        names = ("database", "dbname", "project", "catalog")
        self.database = next((str(choice.values[n]) for n in names if choice.values.get(n)), "")
        self.schema = f"{schema}_firstmile_{secrets.token_hex(4)}"
        self.warehouse = f"{choice.adapter}: {self.database}, schema {schema}"

    def home(self, database: str, schema: str) -> tuple[str, str]:
        return database, schema

    def place(self, database: str, schema: str) -> tuple[str, str]:
        return self.database or database, self.schema

    def to_drop(self) -> tuple[str, str] | None:
        return self.database, self.schema


class DuckDBScratch:
    """A DuckDB file; `sealable` says that no file outside is needed once all is attached."""

    def __init__(
        self,
        choice: ProfileChoice,
        path: str,
        folder: Path,
        places: Sequence[Path],
        project: Path,
        home: Path,
    ) -> None:
        from dbt.adapters.duckdb.credentials import DuckDBCredentials

        self._places = places
        real = None if path == ":memory:" else _resolve(path, places)
        name = DuckDBCredentials.path_derived_database_name(path)
        self.database = SCRATCH_DATABASE
        self.real_database = str(choice.values.get("database") or name)
        self.exists = real is not None and real.exists()
        self.warehouse = f"DuckDB file {real}" if real else "DuckDB in memory"
        self.profiles = folder / "profiles"
        self.readable = (project, places[0], folder)
        trusted = ("extensions", "filesystems", "plugins", "secrets", "use_credential_provider")
        attached = [dict(item) for item in choice.values.get("attach") or []]
        self.sealable = not any(choice.values.get(key) for key in trusted) and not any(
            _is_url(str(item.get("path"))) or item.get("type") for item in attached
        )
        _unlink(folder, SCRATCH_DATABASE)
        if self.exists:
            assert real is not None
            check_readable(real)
        output = self._output(choice, folder, home)
        output["attach"] = self._attachments(choice, real if self.exists else None, name)
        write_profile(self.profiles, choice.name, choice.target, output)

    def home(self, database: str, schema: str) -> tuple[str, str]:
        return (self.real_database if database == SCRATCH_DATABASE else database), schema

    def place(self, database: str, schema: str) -> tuple[str, str]:
        return SCRATCH_DATABASE, schema

    def to_drop(self) -> tuple[str, str] | None:
        return None

    def _output(self, choice: ProfileChoice, folder: Path, home: Path) -> dict[str, Any]:
        """The raw output turned to the scratch file; relative files are still found."""
        output = {k: v for k, v in choice.raw.items() if k not in ("database", "keep_open")}
        # Relative to the worker's own folder, so that dbt's parse cache does not see a change.
        output["path"] = f"{SCRATCH_DATABASE}.duckdb"
        output["external_root"] = str(folder / "external")
        options = dict(output.get("config_options") or {})
        options.pop("access_mode", None)
        options.setdefault("memory_limit", _MEMORY_LIMIT)
        extensions = home / ".duckdb" / "extensions"
        if choice.values.get("extensions") and extensions.is_dir():
            options.setdefault("extension_directory", str(extensions))
        output["config_options"] = options
        settings = dict(output.get("settings") or {})
        settings.setdefault("file_search_path", str(self._places[0]))
        output["settings"] = settings
        if choice.values.get("module_paths"):
            output["module_paths"] = [
                str(_resolve(str(p), self._places)) for p in choice.values["module_paths"]
            ]
        return output

    def _attachments(
        self, choice: ProfileChoice, real: Path | None, name: str
    ) -> list[dict[str, Any]]:
        quoted = f'"{name}"'
        found: list[dict[str, Any]] = []
        if real is not None:
            found.append({"path": str(real), "alias": quoted, "read_only": True})
        raw = choice.raw.get("attach") or []
        for written, values in zip(raw, choice.values.get("attach") or [], strict=True):
            found.append(self._read_only(dict(written), dict(values)))
        return found

    def _read_only(self, written: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        """The attachment made read-only; one that is not there yet becomes an empty one."""
        options = {
            k: v for k, v in (written.get("options") or {}).items() if k.lower() != "read_only"
        }
        item = written | {"read_only": True, "options": options or None}
        path = str(values["path"])
        if not _is_url(path) and not values.get("type") and path != ":memory:":
            file = _resolve(path, self._places)
            alias = values.get("alias") or file.name.lstrip(".").split(".")[0]
            if not file.exists():
                return {"path": ":memory:", "alias": alias}
            item |= {"path": str(file), "alias": alias}
        return {k: v for k, v in item.items() if v is not None}


def check_readable(file: Path) -> None:
    """Raises WarehouseBusy if another process writes to it, InvalidProject if it is no DuckDB."""
    import duckdb

    try:
        duckdb.connect(str(file), read_only=True).close()
    except duckdb.Error as error:
        words = " ".join(str(error).split("\n\n")[0].split())
        if "lock" in words.lower():
            raise WarehouseBusy(
                f"The warehouse {file} is held by another process: {words}",
                "Close the program that writes to it, or try again when it is done.",
            ) from error
        raise InvalidProject(
            f"The warehouse {file} cannot be opened: {words}",
            "See whether `path` in profiles.yml names the right file, of this DuckDB version.",
        ) from error


def write_profile(folder: Path, name: str, target: str, output: Mapping[str, Any]) -> None:
    """profiles.yml with this one output, readable by us alone."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {name: {"target": target, "outputs": {target: dict(output)}}}
    file = folder / "profiles.yml"
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        yaml.safe_dump(content, stream, sort_keys=False)


def _is_url(path: str) -> bool:
    return len(urlparse(path).scheme) > 1


def _resolve(path: str, places: Sequence[Path]) -> Path:
    """The first of `places` that has it; where none has, the first."""
    expanded = Path(path).expanduser()
    found = [place / expanded for place in places]
    return next((p for p in found if p.exists()), found[0]).resolve()


def _unlink(folder: Path, name: str) -> None:
    for file in folder.glob(f"{name}.duckdb*"):
        file.unlink()


@dataclass(frozen=True)
class Seal:
    """What a DuckDB connection may still read once it is sealed: these folders, no network."""

    folders: tuple[Path, ...]

    def statements(self) -> list[str]:
        listed = ", ".join("'" + str(f).replace("'", "''") + "/'" for f in self.folders)
        return [f"set allowed_directories = [{listed}]", "set enable_external_access = false"]

"""One dbt command in this process, with what it said (worker process only)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbt.adapters.factory import get_adapter_by_type
from dbt.cli.main import dbtRunner
from dbt.jsonschemas import jsonschemas

# dbt-core checks YAML against its JSON schemas for these adapters alone; the name is private and
# pinned by tests/with_dbt/test_dbt_worker.py.
SCHEMA_CHECKED_ADAPTERS = "_JSONSCHEMA_SUPPORTED_ADAPTERS"


@dataclass
class Spoken:
    """Errors as dbt words them; deprecations as (file, words)."""

    errors: list[str] = field(default_factory=list)
    deprecations: list[tuple[str, str]] = field(default_factory=list)

    def hear(self, event: Any) -> None:
        """dbt's event callback."""
        name = event.info.name
        if name.endswith("Deprecation"):
            file = getattr(event.data, "file", "") or getattr(event.data, "file_path", "")
            self.deprecations.append((str(file), " ".join(event.info.msg.split())))


@dataclass(frozen=True)
class Answer:
    """`value` is the command's own result; `error` what ended it, None if it ran through."""

    value: Any
    error: str | None
    spoken: Spoken


class DbtCalls:
    """dbt commands on one project with one profile."""

    def __init__(
        self, project: Path, profiles: Path, target: str, adapter: str, folder: Path
    ) -> None:
        self._adapter = adapter
        self.target_path = folder / "target"
        self._options = ["--project-dir", str(project), "--profiles-dir", str(profiles)]
        self._options += ["--target", target, "--target-path", str(self.target_path)]
        self._options += ["--log-path", str(folder / "logs"), "--no-write-json"]
        self._options += ["--show-all-deprecations", "--no-use-colors", "--no-version-check"]
        getattr(jsonschemas, SCHEMA_CHECKED_ADAPTERS).add(adapter)

    def call(self, command: str, arguments: Sequence[str] = (), manifest: Any = None) -> Answer:
        """Run it. Without a manifest the project is parsed first."""
        spoken = Spoken()
        runner = dbtRunner(manifest=manifest, callbacks=[spoken.hear])
        options = [*self._options] if manifest is None else [*self._options, "--no-populate-cache"]
        result = runner.invoke([command, *options, *arguments])
        error = None if result.exception is None else str(result.exception).strip()
        if error is None and not result.success and result.result is None:
            error = f"dbt {command} failed without a word; see its log"
        return Answer(result.result, error, spoken)

    @property
    def adapter(self) -> Any:
        """dbt's adapter of the last command."""
        return get_adapter_by_type(self._adapter)  # type: ignore[no-untyped-call]

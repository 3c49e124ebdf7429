"""The one output of profiles.yml that a project uses, raw and rendered (worker process only)."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from crew.errors import InvalidProject


@dataclass(frozen=True)
class ProfileChoice:
    """`raw` is the output as written (env_var() left in), `values` the same rendered."""

    file: Path
    name: str
    target: str
    raw: Mapping[str, Any]
    values: Mapping[str, Any]

    @property
    def adapter(self) -> str:
        return str(self.values["type"])


def read_profile(project: Path, folder: Path, target: str | None) -> ProfileChoice:
    """The output that dbt would take. Raises InvalidProject with the cure."""
    file = folder / "profiles.yml"
    settings = read_yaml(project / "dbt_project.yml")
    if not settings.get("profile"):
        raise InvalidProject(
            "dbt_project.yml names no profile.", "Add `profile: <name in profiles.yml>` to it."
        )
    name = str(_render(settings["profile"], file))
    profiles = read_yaml(file)
    known = [key for key in profiles if key != "config"]
    if name not in known:
        raise InvalidProject(
            f"Profile {name!r} is not in {file}; it has: {', '.join(known) or 'none'}.",
            "Correct `profile:` in dbt_project.yml, or give another --profiles-dir.",
        )
    profile = profiles[name] if isinstance(profiles[name], dict) else {}
    outputs = profile.get("outputs") or {}
    chosen = str(target or _render(profile.get("target") or "default", file))
    if not isinstance(outputs.get(chosen), dict):
        raise InvalidProject(
            f"Profile {name!r} in {file} has no target {chosen!r}; "
            f"it has: {', '.join(outputs) or 'none'}.",
            "Choose one of them with --target.",
        )
    values = _render(outputs[chosen], file)
    _require_adapter(str(values.get("type", "")), name, file)
    return ProfileChoice(file, name, chosen, outputs[chosen], values)


def read_yaml(file: Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises InvalidProject with the line of a mistake."""
    try:
        content = yaml.safe_load(file.read_text())
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise InvalidProject(
            f"{file} cannot be read: {' '.join(str(error).split())}",
            "Correct it; `dbt debug` shows whether dbt can read it.",
        ) from error
    if not isinstance(content, dict):
        raise InvalidProject(f"{file} holds no settings.", "See docs.getdbt.com for its form.")
    return content


def _render(value: Any, file: Path) -> Any:
    from dbt.config.renderer import ProfileRenderer
    from dbt_common.context import set_invocation_context
    from dbt_common.exceptions import DbtBaseException

    set_invocation_context(dict(os.environ))
    try:
        return ProfileRenderer({}).render_data(value)
    except DbtBaseException as error:
        words = " ".join(str(error).split())
        cure = "Correct the profile; `dbt debug` shows whether dbt can use it."
        if "nv var required" in words:
            cure = "Set that variable in the environment of Firstmile."
        raise InvalidProject(f"{file} cannot be used: {words}", cure) from error


def _require_adapter(adapter: str, name: str, file: Path) -> None:
    if not adapter.isidentifier():
        raise InvalidProject(
            f"Profile {name!r} in {file} has no `type`.", "Add the adapter's name."
        )
    if importlib.util.find_spec(f"dbt.adapters.{adapter}") is None:
        raise InvalidProject(
            f"Profile {name!r} needs the dbt adapter for {adapter}, which is not installed.",
            f"Install it beside Firstmile: pip install dbt-{adapter}",
        )

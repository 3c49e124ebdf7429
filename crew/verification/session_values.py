"""What a session takes from dbt's own objects, and how it refuses a project (worker only)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from crew.errors import InvalidProject
from crew.verification.profile_choice import ProfileChoice, read_yaml
from crew.verification.relocation import Relocation, Where, is_external
from crew.verification.scratch import Scratch


def project_info(
    adapter: Any, scratch: Scratch, choice: ProfileChoice, existing: Iterable[Where]
) -> dict[str, Any]:
    """The fields of `ProjectInfo`, but the dialect."""
    config = adapter.config
    database, schema = scratch.home(config.credentials.database, config.credentials.schema)
    known = sorted((s, name) for db, s, name in existing if db == database.lower())
    return {
        "name": config.project_name,
        "adapter": choice.adapter,
        "schema": schema,
        "database": database,
        "warehouse": scratch.warehouse,
        "profile": choice.name,
        "target": choice.target,
        "relations": known,
        "model_paths": list(config.model_paths),
        "test_paths": list(config.test_paths),
        "seed_paths": list(config.seed_paths),
        "macro_paths": list(config.macro_paths),
        "docs_paths": list(config.docs_paths or ()),
        "scratch_database": scratch.database,
        "vars": sorted(_variables(config.vars.vars)),
    }


def _variables(settings: Any) -> Iterable[str]:
    for name, value in dict(settings or {}).items():
        yield str(name)
        if isinstance(value, dict):
            yield from (str(key) for key in value)


def node_result(result: Any) -> dict[str, Any]:
    """The fields of `NodeResult`."""
    node = result.node
    return {
        "unique_id": node.unique_id,
        "resource_type": str(node.resource_type),
        "status": str(result.status),
        "message": str(result.message or ""),
        "failures": result.failures,
        "seconds": float(result.execution_time),
        "compiled_sql": getattr(node, "compiled_code", None) or "",
        "relation_name": getattr(node, "relation_name", None) or "",
    }


def invalid_base(error: str) -> InvalidProject:
    """dbt's refusal of the untouched project, with the cure."""
    if "dbt deps" in error:
        return InvalidProject(
            "The project's packages are not installed.", "Run `dbt deps` in the project first."
        )
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    if "nv var required" in error:
        return InvalidProject(
            " ".join(lines[:6]), "Set that variable in the environment of Firstmile."
        )
    return InvalidProject(
        "dbt cannot parse the project as it is: " + " ".join(lines[:6]),
        "Mend the project first; `dbt parse` shows the same error.",
    )


def link_packages(project: Path, origin: Path) -> None:
    """Packages are not under git: take those installed beside the original project."""
    settings = read_yaml(project / "dbt_project.yml")
    folder = str(settings.get("packages-install-path") or "dbt_packages")
    if "{{" in folder or Path(folder).is_absolute():
        return
    ours, theirs = project / folder, origin / folder
    if not ours.exists() and theirs.is_dir():
        ours.symlink_to(theirs.resolve(), target_is_directory=True)


def require_warehouse(scratch: Scratch, relocation: Relocation, manifest: Any) -> None:
    """Raises InvalidProject where sources have no data and no seed makes them."""
    if scratch.exists:
        return
    lost = [
        f"{source.source_name}.{source.name}"
        for source in manifest.sources.values()
        if source.package_name == manifest.metadata.project_name
        and not is_external(source)
        and not relocation.exists(source.unique_id)
        and relocation.seed_behind(source.unique_id) is None
    ]
    if lost:
        raise InvalidProject(
            f"There is no data for the sources {', '.join(lost[:5])}: "
            f"the {scratch.warehouse} does not exist.",
            "Correct `path` in profiles.yml (taken relative to the project), or load the "
            "warehouse first.",
        )

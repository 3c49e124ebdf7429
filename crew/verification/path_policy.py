"""Where files of a change may lie: below the project's model, test and doc paths, nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

SUFFIXES = (".sql", ".yml", ".md")
_NEVER = {
    "dbt_project.yml", "profiles.yml", "packages.yml", "dependencies.yml", "selectors.yml",
    "package-lock.yml", "catalogs.yml",
}  # fmt: skip
_KNOWN = (*SUFFIXES, ".yaml")


def check_paths(
    paths: Sequence[str],
    project: Path,
    allowed: Sequence[str],
    denied: Sequence[str] = (),
) -> list[str]:
    """Findings in words for the paths of a change, relative to the folder `project`.

    `allowed` are the project's model, test and doc paths, `denied` its macro and package paths.
    """
    findings: list[str] = []
    seen: set[str] = set()
    for path in paths:
        problem = _problem(path, project, allowed, denied)
        if path.lower() in seen:
            problem = "is named twice"
        seen.add(path.lower())
        if problem:
            findings.append(f"{path!r} {problem}.")
    return findings


def _problem(path: str, project: Path, allowed: Sequence[str], denied: Sequence[str]) -> str:
    pure = PurePosixPath(path)
    if not path or pure.is_absolute() or "\\" in path or "\0" in path or ":" in path:
        return "is not a path inside the project"
    if ".." in pure.parts or str(pure) != path:
        return "is not a plain path"
    if any(part.startswith(".") for part in pure.parts):
        return "lies in a hidden folder or is hidden"
    if pure.suffix not in _KNOWN:
        return f"is not one of {', '.join(SUFFIXES)}"
    if pure.with_suffix(".yml").name.lower() in _NEVER or pure.name.lower() in _NEVER:
        return "is a setting of the project, which a change must not touch"
    if _below(pure, denied):
        return "lies among macros or packages, which a change must not touch"
    if not _below(pure, allowed):
        return f"lies outside {', '.join(allowed)}"
    if not (project / path).resolve().is_relative_to(project.resolve()):
        return "leads out of the project by a link"
    if (project / path).is_symlink():
        return "is a link"
    return ""


def _below(path: PurePosixPath, folders: Sequence[str]) -> bool:
    return any(path.is_relative_to(PurePosixPath(f)) for f in folders if f not in ("", "."))

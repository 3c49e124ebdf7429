"""A company of the benchmark: its dbt project, warehouse and git repository, made ready once.

Under `<home>/<name>-<hash of the folder>/`: `raw.duckdb` (what the loaders left), `built.duckdb`
(the same after `dbt build`) and the manifest of that build. On Postgres both are there besides, as
databases.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.requests.places import DuckDbFile, Place, PostgresDatabase, Table

FOLDER = Path(__file__).parent
_PEOPLE = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in {
        "NAME": "Data Team",
        "EMAIL": "data@bench.example",
        "DATE": "2026-07-01T09:00:00+00:00",
    }.items()
}


@dataclass(frozen=True)
class Company:
    """One example project: what the loaders left (`raw`), the same with its models (`built`), and
    `truth`, which is `built` in DuckDB, for the expected SQL. `home` holds what was made of it."""

    name: str
    held_out: bool
    requests: tuple[dict[str, Any], ...]
    home: Path
    raw: Place
    built: Place
    truth: Place

    @property
    def dbt(self) -> Path:
        return FOLDER / self.name / "dbt"


def names() -> list[str]:
    """All companies; those held out last."""
    found = [p.parent.name for p in FOLDER.glob("*/project.yaml")]
    return sorted(found, key=lambda n: (_settings(n)["held_out"], n))


def _settings(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / name / "project.yaml").read_text("utf-8"))
    return loaded


def make_company(name: str, home: Path, postgres: bool = False) -> Company:
    """The company with its warehouse, made anew where its folder has changed. Raises RuntimeError
    where the project does not build."""
    folder = FOLDER / name
    requests = yaml.safe_load((folder / "requests.yaml").read_text("utf-8"))
    place = home / f"{name}-{_digest(folder)}"
    if not place.exists():
        for old in home.glob(f"{name}-*"):
            shutil.rmtree(old)
        place.mkdir(parents=True)
    truth = DuckDbFile(place / "built.duckdb")
    raw: Place = DuckDbFile(place / "raw.duckdb")
    built: Place = truth
    _ensure_built(name, raw, built, place / "target")
    if postgres:
        label = place.name.replace("-", "_")
        raw, built = PostgresDatabase(f"{label}_raw"), PostgresDatabase(f"{label}_built")
        _ensure_built(name, raw, built, place / "target_postgres")
    held_out = bool(_settings(name)["held_out"])
    return Company(name, held_out, tuple(requests), place, raw, built, truth)


def _ensure_built(name: str, raw: Place, built: Place, target: Path) -> None:
    if (target / "ready").exists() and built.exists():
        return
    for place in (raw, built):
        if place.exists():
            place.drop()
    raw.load(tables(name))
    copied = raw.copy(target.parent / "built")
    done = dbt(FOLDER / name / "dbt", copied, target, "build")
    if done.returncode:
        raise RuntimeError(f"{name} does not build:\n{done.stdout}{done.stderr}")
    (target / "ready").touch()


def _digest(folder: Path) -> str:
    """Of what warehouse and project are made of; requests may change."""
    files = [folder / "warehouse.py", *(p for p in (folder / "dbt").rglob("*") if p.is_file())]
    content = [str(p.relative_to(folder)).encode() + p.read_bytes() for p in sorted(files)]
    return hashlib.sha256(b"\0".join(content)).hexdigest()[:12]


def tables(name: str) -> dict[str, Table]:
    made: dict[str, Table] = importlib.import_module(f"bench.requests.{name}.warehouse").tables()
    return made


def dbt(
    project: Path, place: Place, target: Path, *command: str
) -> subprocess.CompletedProcess[str]:
    """Run dbt of a project on a place; whatever it writes besides goes below `target`."""
    environment = {
        **os.environ,
        **place.environment,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    where = (
        "--project-dir",
        str(project),
        "--profiles-dir",
        str(project),
        "--target",
        place.target,
    )
    folders = ("--target-path", str(target), "--log-path", str(target / "logs"))
    return subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", *command, "--quiet", *where, *folders],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip


def make_repository(project: Path, bare: Path) -> Path:
    """A bare repository whose main branch is the project, always the same commit."""
    environment = {**os.environ, **_PEOPLE, "GIT_INDEX_FILE": str(bare) + ".index"}
    git = ["git", f"--git-dir={bare}", f"--work-tree={project}"]

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    run("git", "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    run(*git, "add", "--all", ".")
    commit = run(*git, "commit-tree", run(*git, "write-tree"), "-m", "The project as it is")
    run(*git, "update-ref", "refs/heads/main", commit)
    return bare


def check_out(bare: Path, branch: str, folder: Path) -> Path:
    """The files of a branch, below `folder`."""
    folder.mkdir(parents=True)
    packed = subprocess.run(
        ["git", f"--git-dir={bare}", "archive", branch], capture_output=True, check=True
    )
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    return folder

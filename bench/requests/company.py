"""A company of the benchmark: its dbt project, warehouse and git repository, made ready once.

Under `<home>/<name>-<hash of the folder>/`: `raw.duckdb` (what the loaders left), `built.duckdb`
(the same after `dbt build`) and `project/`, from which each working process makes its bare
repository.
"""

from __future__ import annotations

import datetime
import hashlib
import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml

FOLDER = Path(__file__).parent
WAREHOUSE = "BENCH_WAREHOUSE"
_BATCH = 400
_PEOPLE = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in {
        "NAME": "Data Team",
        "EMAIL": "data@bench.example",
        "DATE": "2026-07-01T09:00:00+00:00",
    }.items()
}
Table = tuple[list[tuple[str, str]], list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Company:
    """One example project. `home` holds what was made of it."""

    name: str
    held_out: bool
    requests: tuple[dict[str, Any], ...]
    home: Path

    @property
    def raw(self) -> Path:
        return self.home / "raw.duckdb"

    @property
    def built(self) -> Path:
        return self.home / "built.duckdb"

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


def make_company(name: str, home: Path) -> Company:
    """The company with its warehouse, made anew where its folder has changed. Raises RuntimeError
    where the project does not build."""
    folder = FOLDER / name
    requests = yaml.safe_load((folder / "requests.yaml").read_text("utf-8"))
    place = home / f"{name}-{_digest(folder)}"
    company = Company(name, bool(_settings(name)["held_out"]), tuple(requests), place)
    if not company.built.exists():
        for old in home.glob(f"{name}-*"):
            shutil.rmtree(old)
        place.mkdir(parents=True)
        load(tables(name), company.raw)
        made = place / "making.duckdb"
        shutil.copy(company.raw, made)
        done = dbt(company.dbt, made, place / "target", "build")
        if done.returncode:
            raise RuntimeError(f"{name} does not build:\n{done.stdout}{done.stderr}")
        made.rename(company.built)
    return company


def _digest(folder: Path) -> str:
    """Of what warehouse and project are made of; requests may change."""
    files = [folder / "warehouse.py", *(p for p in (folder / "dbt").rglob("*") if p.is_file())]
    content = [str(p.relative_to(folder)).encode() + p.read_bytes() for p in sorted(files)]
    return hashlib.sha256(b"\0".join(content)).hexdigest()[:12]


def tables(name: str) -> dict[str, Table]:
    made: dict[str, Table] = importlib.import_module(f"bench.requests.{name}.warehouse").tables()
    return made


def statements(made: dict[str, Table]) -> Iterable[str]:
    """SQL that creates and fills the tables, as DuckDB and Postgres both read it."""
    for schema in sorted({key.partition(".")[0] for key in made}):
        yield f"create schema if not exists {schema}"
    for key, (columns, rows) in made.items():
        table = ".".join(f'"{part}"' for part in key.split("."))
        typed = ", ".join(f'"{name}" {type_}' for name, type_ in columns)
        yield f"create table {table} ({typed})"
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            values = ", ".join(f"({', '.join(map(literal, row))})" for row in batch)
            yield f"insert into {table} values {values}"


def load(made: dict[str, Table], path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.begin()
        for statement in statements(made):
            connection.execute(statement)
        connection.commit()


def literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | datetime.date):
        return "'" + str(value).replace("'", "''") + "'"
    return str(value)


def dbt(
    project: Path, warehouse: Path, target: Path, *command: str
) -> subprocess.CompletedProcess[str]:
    """Run dbt of a project on a warehouse; whatever it writes besides goes below `target`."""
    environment = {
        **os.environ,
        WAREHOUSE: str(warehouse),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    where = ("--project-dir", str(project), "--profiles-dir", str(project))
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

"""Makes the example ready: warehouse, dbt build, and a bare git repository as "the company's".

Run by `make demo`. What is there already and still right is kept; nothing is written outside the
given folder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

EXAMPLES = Path(__file__).parent
PROJECT = EXAMPLES / "shop"
_AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in {
        "NAME": "Shop Data Team",
        "EMAIL": "data@shop.example",
        "DATE": "2026-07-01T09:00:00+00:00",
    }.items()
}


def run(*command: str, cwd: Path | None = None, **environment: str) -> str:
    """Run a command; what it printed is shown only if it fails."""
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def make_warehouse(folder: Path) -> Path:
    """The raw tables, then the project's own models on top of them."""
    warehouse = folder / "shop.duckdb"
    if (folder / "built").exists():
        return warehouse
    warehouse.unlink(missing_ok=True)
    generator = str(EXAMPLES / "generate_warehouse.py")
    run(
        sys.executable,
        generator,
        "--warehouse",
        str(warehouse),
        "--truth",
        str(folder / "facts.duckdb"),
    )
    folders = ("--target-path", str(folder / "target"), "--log-path", str(folder / "logs"))
    dbt = str(Path(sys.executable).parent / "dbt")
    run(
        dbt, "build", "--quiet", "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), *folders,
        SHOP_WAREHOUSE=str(warehouse), DBT_SEND_ANONYMOUS_USAGE_STATS="false",
    )  # fmt: skip
    (folder / "built").touch()
    return warehouse


def make_repository(folder: Path) -> Path:
    """A bare repository whose main branch is the example project, always the same commit."""
    bare = folder / "shop.git"
    if not bare.exists():
        run("git", "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    with tempfile.TemporaryDirectory(dir=folder) as index:
        git = ("git", f"--git-dir={bare}", f"--work-tree={PROJECT}")
        environment = {**_AUTHOR, "GIT_INDEX_FILE": str(Path(index) / "index")}
        run(*git, "add", "--all", ".", cwd=PROJECT, **environment)
        tree = run(*git, "write-tree", **environment)
        commit = run(*git, "commit-tree", tree, "-m", "Shop: staging and marts", **environment)
        run(*git, "update-ref", "refs/heads/main", commit)
    return bare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder", type=Path, help="where the demo lives, for instance .firstmile/demo"
    )
    folder = parser.parse_args().folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    print(f"warehouse   {make_warehouse(folder)}")
    print(f"repository  {make_repository(folder)}")


if __name__ == "__main__":
    main()

"""`kill -9` at every point where a worker can die: exactly one of everything is there afterwards.

On SQLite here, on Postgres in the file beside."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def lab(database: str, folder: Path, stride: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.orchestrator.crash_lab", database, str(folder / "lab"),
               str(stride), "0"]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def check(found: dict[str, Any], stride: int) -> None:
    assert found["wrong"] == {}
    assert found["points"] > 150
    assert found["deaths"] >= 0.9 * len(range(1, found["points"] + 1, stride)) - 1


@pytest.mark.parametrize("stride", [41, pytest.param(17, marks=pytest.mark.slow)])
def test_a_sample_of_deaths_on_sqlite(tmp_path: Path, stride: int) -> None:
    check(lab("sqlite", tmp_path, stride), stride)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_death_on_sqlite(tmp_path: Path) -> None:
    check(lab("sqlite", tmp_path, 1), 1)

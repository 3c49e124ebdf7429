"""The bench of memory runs in its bounded form, and writes figures that can be true."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_bounded_bench_measures_every_part_and_writes_plausible_figures(tmp_path: Path) -> None:
    command = [sys.executable, "bench/memory.py", "--quick", "--folder", str(tmp_path)]
    # More threads than free cores make the embedding many times slower.
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    lines = (tmp_path / "memory.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    parts = {p: [r for r in rows if r["part"] == p][1:] for p in ("index", "changes", "queries")}

    small, large = parts["index"]
    assert (small["models"], large["models"]) == (100, 1_000)
    assert large["entries"] > small["entries"] > small["models"]
    assert 0 < small["words_seconds"] <= small["vectors_seconds"]
    assert 0 < small["chroma_mb"] < large["chroma_mb"]

    assert {r["changed"] for r in parts["changes"]} == {0, 1}
    assert all(0 < r["words_seconds"] <= r["seconds"] < 60 for r in parts["changes"])

    whats = {r["what"]: r["ms"] for r in parts["queries"]}
    assert set(whats) == {"embedding a query", "recall models", "recall columns", "recollect"}
    assert all(len(ms) == 30 and min(ms) > 0 for ms in whats.values())

    overall = {
        r["search"]: r
        for r in rows
        if r.get("project") == "all" and r["kind"] == "all" and r["search"] != "thresholds"
    }
    assert overall["product: recall"]["hit5"] > overall["words alone"]["hit5"] > 0
    assert overall["product: recall"]["false_alarms"] < overall["vectors alone"]["false_alarms"]

    report = (tmp_path / "memory.md").read_text("utf-8")
    for heading in ("## Index", "## After one change", "## Queries", "## Retrieval", "Wanted:"):
        assert heading in report

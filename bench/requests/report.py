"""The figures as Markdown, as JSON lines and as a picture; companies held out by counts alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.requests.score import SCORES

RESULTS = Path(__file__).parents[1] / "results"
RELEASED = RESULTS / "requests-released.json"
_COLOURS = dict(
    zip(
        SCORES,
        ("#2e7d32", "#66bb6a", "#a5d6a7", "#fff59d", "#ffe082", "#ffcc80", "#ef9a9a", "#c62828", "#424242"),
        strict=True,
    )
)  # fmt: skip
Record = dict[str, Any]


def counts(records: Sequence[Record], key: str) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for record in records:
        found.setdefault(record[key], Counter())[record["score"]] += 1
    return found


def table(rows: dict[str, Counter[str]], head: str) -> str:
    """A row for each key and one for all; each cell a count, shares of the scores in the last."""
    lines = [f"| {head} | n | {' | '.join(SCORES)} |", "|---" * (len(SCORES) + 2) + "|"]
    whole: Counter[str] = sum(rows.values(), Counter())
    for name, row in [*rows.items(), ("**all**", whole)]:
        cells = (str(row[s]) if row[s] else "" for s in SCORES)
        lines.append(f"| {name} | {row.total()} | {' | '.join(cells)} |")
    shares = (f"{whole[s] / max(whole.total(), 1):.0%}" for s in SCORES)
    return "\n".join([*lines, f"| share | | {' | '.join(shares)} |"])


def in_words(records: Sequence[Record], held_out: set[str], note: str) -> str:
    """The report: by kind (without those held out), by company, against the last release."""
    known = [r for r in records if r["project"] not in held_out]
    by_company = counts(records, "project")
    named = {n + " (held out)" * (n in held_out): c for n, c in by_company.items()}
    kinds = dict(sorted(counts(known, "kind").items()))
    parts = [table(kinds, "kind"), table(named, "company")]
    answered = Counter(r["answered"] for r in records if "answered" in r)
    if answered:
        parts.append("After an answer: " + ", ".join(f"{n} {s}" for s, n in answered.items()))
    seconds = sorted(r["seconds"] for r in records if "seconds" in r)
    if seconds:
        drafting = sorted(r["drafting_seconds"] for r in records if "seconds" in r)
        half, most = len(seconds) // 2, int(len(seconds) * 0.95)
        parts.append(
            f"Seconds of a request: median {seconds[half]}, 95 % {seconds[most]}; "
            f"of them drafting: median {drafting[half]}, 95 % {drafting[most]}."
        )
    parts += _calibration(records, held_out)
    return "\n\n".join([*([note] if note else []), *parts, *_against_release(by_company)])


def _calibration(records: Sequence[Record], held_out: set[str]) -> list[str]:
    """How often new models are right, by the lowest confidence that their specification states."""
    lines = []
    for name, wanted in (("open", False), ("held out", True)):
        found: dict[float, Counter[bool]] = {}
        for record in records:
            if "confidence" in record and (record["project"] in held_out) == wanted:
                right = record["score"] == "right"
                found.setdefault(record["confidence"], Counter())[right] += 1
        lines += [
            f"| {name} | {sure:g} | {row.total()} | {row[True]} |"
            for sure, row in sorted(found.items())
        ]
    head = "| companies | lowest confidence | new models delivered | right |\n|---|---|---|---|"
    return ["\n".join([head, *lines])] if lines else []


def _against_release(by_company: dict[str, Counter[str]]) -> list[str]:
    """Changes since the release, of companies measured then and now with as many requests."""
    if not RELEASED.exists():
        return []
    before = json.loads(RELEASED.read_text("utf-8"))
    both = [n for n, c in by_company.items() if sum(before.get(n, {}).values()) == c.total()]
    was: Counter[str] = sum((Counter(before[n]) for n in both), Counter())
    now: Counter[str] = sum((by_company[n] for n in both), Counter())
    moved = [f"{s} {was[s]} → {now[s]}" for s in SCORES if was[s] != now[s]]
    told = "; ".join(moved) or "no score has changed"
    return [f"Since the last release ({', '.join(both)}): {told}."] if both else []


def picture(by_company: dict[str, Counter[str]]) -> str:
    """An SVG: a bar for each company, its scores side by side."""
    width, step = 640, 34
    parts = []
    for n, (name, row) in enumerate(by_company.items()):
        x, y = 90.0, 40 + n * step
        parts.append(f'<text x="0" y="{y + 16}">{name}</text>')
        for score in SCORES:
            wide = row[score] / max(row.total(), 1) * width
            parts.append(
                f'<rect x="{x:.1f}" y="{y}" width="{wide:.1f}" height="22" fill="{_COLOURS[score]}">'
                f"<title>{score}: {row[score]}</title></rect>"
            )
            x += wide
    for n, score in enumerate(SCORES):
        x, y = 90 + n % 5 * 128, 0 if n < 5 else 16
        parts.append(f'<rect x="{x}" y="{y}" width="10" height="10" fill="{_COLOURS[score]}"/>')
        parts.append(f'<text x="{x + 14}" y="{y + 10}">{score}</text>')
    size = f'width="{width + 100}" height="{50 + len(by_company) * step}"'
    style = "<style>text{font:12px sans-serif}</style>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{style}{"".join(parts)}</svg>\n'


def write(records: Sequence[Record], held_out: set[str], note: str) -> None:
    """`requests.md`, `.jsonl` and `.svg`; nothing but counts of companies held out."""
    told = (
        "# Requests\n\n`make bench-requests`; what the scores mean: `bench/requests/score.py`.\n\n"
    )
    text = f"{told}![Scores by company](requests.svg)\n\n{in_words(records, held_out, note)}\n"
    (RESULTS / "requests.md").write_text(text, "utf-8")
    (RESULTS / "requests.svg").write_text(picture(counts(records, "project")), "utf-8")
    write_lines(RESULTS / "requests.jsonl", records, held_out)


def write_lines(path: Path, records: Sequence[Record], held_out: set[str]) -> None:
    """A JSON line for each record, but for companies held out."""
    shown = [r for r in records if r["project"] not in held_out]
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in shown), "utf-8")


def release(records: Sequence[Record]) -> None:
    """Keep the counts as those of the release."""
    found = {name: dict(row) for name, row in counts(records, "project").items()}
    RELEASED.write_text(json.dumps(found, indent=1) + "\n", "utf-8")

"""The scratchpad: typed, once, bounded, and kept."""

from __future__ import annotations

from collections.abc import Sequence

from crew.artifacts import Jotting
from memory.scratchpad import MAX_JOTTINGS, MAX_TEXT, Scratchpad


def test_what_is_written_down_is_kept_in_order_and_once() -> None:
    kept: list[tuple[list[str], list[str]]] = []

    def keep(jottings: Sequence[Jotting], news: Sequence[Jotting]) -> None:
        kept.append(([j.text for j in jottings], [j.text for j in news]))

    pad = Scratchpad(keep)
    pad.jot("fact", "recall", "ten  relations\n")
    pad.save()
    pad.jot("fact", "recall", "ten relations")
    pad.jot("decision", "reuse", "a new model", "no model has the grain")
    pad.save()
    assert kept == [
        (["ten relations"], ["ten relations"]),
        (["ten relations", "a new model"], ["a new model"]),
    ]
    assert pad.jottings[1].reason == "no model has the grain"


def test_findings_are_open_until_they_are_settled() -> None:
    pad = Scratchpad()
    pad.jot("finding", "validate", "grain: 3 rows too many")
    pad.jot("attempt", "validate", "go back to the model")
    pad.settle("mended")
    assert [(j.kind, j.settled) for j in pad.jottings] == [("finding", "mended"), ("attempt", "")]


def test_a_long_one_is_summed_up_facts_first_open_findings_never_before_them() -> None:
    pad = Scratchpad()
    pad.jot("finding", "validate", "open")
    pad.jot("decision", "reuse", "a new model")
    for n in range(3 * MAX_JOTTINGS):
        pad.jot("fact", "recall", f"{n} " + "long " * 200)
    jottings = pad.jottings
    assert len(jottings) <= MAX_JOTTINGS + 1
    assert jottings[0].text == f"{2 * MAX_JOTTINGS + 2} older facts of this step, summed up"
    assert {"open", "a new model"} <= {j.text for j in jottings}
    assert max(len(j.text) for j in jottings) <= MAX_TEXT

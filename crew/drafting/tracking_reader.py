"""Reads tickets that ask to keep the history of something from now on: a dbt snapshot.

A snapshot is filled by runs that are not ours, so none is delivered; the answer is the file to add,
with the strategy that the data allow.
"""

from __future__ import annotations

import re

from crew.artifacts import ColumnCard, Evidence, RelationCard, Request, RequirementSpec
from crew.catalog.dbt_project import entity_of
from crew.catalog.warehouse_profile import is_temporal
from crew.drafting.history_words import FIGURE
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.schema_linker import KEY_STEMS, SchemaLinker, entity_stems
from crew.drafting.spoken_names import column_stems
from crew.drafting.vocabulary import alike, name_stems, singular, snake, stem, stems

_TRACKS = re.compile(
    r"\b(?:start|begin)\w*\s+(?:to\s+)?(?:track|keep|record|collect)\w*\s+(?:the\s+|all\s+|a\s+)?(?:changes|history|versions)\b"
    r"|\b(?:start|begin)\w*\s+(?:to\s+)?(?:snapshot|histori[sz])\w*"
    r"|\btrack(?:ing)?\s+(?:the\s+|all\s+)?(?:changes|history)\b|\bkeep\s+(?:a\s+|the\s+)?(?:full\s+)?history\b"
    r"|\b(?:a|dbt)\s+snapshot\s+(?:of|for|on)\b|\bsnapshot\s+the\b|\bfrom\s+now\s+on\b.{0,60}\bhistor\w+"
    r"|\bhistorie\s+(?:aufbauen|führen|mitschreiben)|\bänderungen\b.{0,40}\b(?:verfolgen|mitschreiben|historisieren)"
    r"|\b(?:garder|conserver)\s+l['’]historique|\bguardar\s+(?:el\s+)?historial",
    re.I,
)
_NOT = re.compile(r"\b(?:do not|don['’]t|no need to|stop|never|nicht)\s+(?:\w+\s+){0,2}$", re.I)
_UPDATED = {stem(w) for w in ("updated", "modified", "changed")}
_ABOUT = {s for w in ("changes", "änderungen", "history", "snapshot", "record") for s in stems(w)}
_LAYERS = ("staging", "source", "intermediate", "mart")


def tracking_request(request: Request, evidence: Evidence) -> RequirementSpec | None:
    """A refusal that says what to add; None for a request that asks for something else."""
    text = f"{request.title}.\n{request.body}"
    match = _TRACKS.search(text)
    if match is None or _NOT.search(text[: match.start()]) or FIGURE.search(text):
        return None
    said = {x for s in stems(text) if s not in _ABOUT for x in alike(s)}
    linker = SchemaLinker(evidence, JoinPlanner(evidence))
    found = [
        (c, key) for c in sorted(evidence.relations, key=lambda c: _LAYERS.index(c.layer))
        if (set(entity_stems(c)) <= said or re.search(rf"(?<!\w){re.escape(c.key)}(?!\w)", text))
        and entity_stems(c) and (key := linker.key_column(c))
    ]  # fmt: skip
    reason = (
        "Nothing that is there now tells earlier values: they can only be kept from now on, by a dbt snapshot"
        " that a job runs (`dbt snapshot`). I make no snapshots, as their rows come of runs that are not mine."
    )
    if not found:
        reason += " Which relation, and which of its columns, is to be kept?"
    else:
        card, key = max(
            found, key=lambda f: (len(_watched(f[0], f[1], said)), len(entity_stems(f[0])))
        )
        reason += f" To keep it, add `snapshots/{_name(card)}.yml`:\n\n{_yaml(card, key, said)}"
    return RequirementSpec(kind="refuse", question=request.title, reason=reason)


def _yaml(card: RelationCard, key: str, said: set[str]) -> str:
    """The snapshot of a relation as YAML: by its moment of change, where that moves, else by columns."""
    watched = _watched(card, key, said)
    updated = next((c for c in card.columns if _moves(c)), None)
    source, _, table = card.key.rpartition(".")
    relation = f"source('{source}', '{table}')" if source else f"ref('{table}')"
    how = ["strategy: timestamp", f"updated_at: {updated.name}"] if updated else ["strategy: check"]
    how += (
        [] if updated else [f"check_cols: [{', '.join(watched)}]" if watched else "check_cols: all"]
    )
    lines = ["snapshots:", f"  - name: {_name(card)}", f"    relation: {relation}", "    config:"]
    lines += [f"      {line}" for line in (f"unique_key: {key}", *how, "hard_deletes: invalidate")]
    return "```yaml\n" + "\n".join(lines) + "\n```"


def _watched(card: RelationCard, key: str, said: set[str]) -> list[str]:
    entity = {x for s in entity_stems(card) for x in alike(s)}
    return [c.name for c in card.columns if c.name != key and _is_said(c, said, entity)]


def _name(card: RelationCard) -> str:
    return f"{snake(singular(entity_of(card.key)))}_snapshot"


def _moves(column: ColumnCard) -> bool:
    own = set(name_stems(column.name))
    moves = (column.distinct or 0) > 1 and not column.nulls
    return is_temporal(column) and bool(own & _UPDATED) and moves


def _is_said(column: ColumnCard, said: set[str], entity: set[str]) -> bool:
    own = set(column_stems(column)) - KEY_STEMS - entity
    return bool(own) and own <= said

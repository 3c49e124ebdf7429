"""Reads tickets that ask to be warned when a source stops arriving.

`freshness for shop.orders`, `warn us when payments stop arriving`, `error after 2 days`: what is
not said follows from the gaps between arrivals so far.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from crew.artifacts import (
    Assumption,
    Evidence,
    Freshness,
    Grounding,
    RelationCard,
    Request,
    RequirementSpec,
)
from crew.catalog.evidence import contains, mentions
from crew.catalog.warehouse_profile import is_temporal
from crew.drafting.arrivals import arrival_column, arrivals
from crew.drafting.freshness_words import wants_freshness
from crew.drafting.questions import Asking
from crew.drafting.schema_linker import entity_stems
from crew.drafting.ticket_reader import read_ticket
from crew.drafting.vocabulary import stems
from crew.ports import Warehouse

_AFTER = re.compile(
    r"\b(?P<n>\d+|an?|one|eine[mnr]?|une?)\s*"
    r"(?P<unit>hours?|h|days?|d|stunden?|tage?n?|heures?|jours?|horas?|días?)\b", re.I
)  # fmt: skip
_ERROR = re.compile(r"\b(?:error|fail\w*|fehler|erreur)\b[^,;.\n]*$", re.I)


def freshness_request(
    request: Request, evidence: Evidence, warehouse: Warehouse | None
) -> RequirementSpec | None:
    """The specification of an expectation of arrival; None for a request of another kind."""
    text = f"{request.title}\n{request.body}"
    if warehouse is None or not evidence.relations or not wants_freshness(text):
        return None
    sources = sources_named(text, evidence)
    wish = read_ticket(request)
    asking = Asking(wish.answers, wish.directed, request.choices)
    found: list[Freshness] = []
    assumptions: list[Assumption] = []
    notes: list[str] = []
    if not sources:
        known = [c.key for c in evidence.relations if c.kind == "source"]
        asking.ask(
            "freshness:source", "Which source is to be watched?", [(k, "") for k in known[:5]]
        )
    warn, error = _said(text)
    for source in sources:
        if source.has_freshness:
            notes.append(f"`{source.key}` has an expectation of freshness already.")
            continue
        column = arrival_column(source)
        if column is None:
            times = [c for c in source.columns if is_temporal(c)]
            chosen = asking.ask(
                f"freshness:{source.key}",
                f"No column of `{source.key}` tells when a row was loaded. Which one is to be taken?",
                [(f"`{c.name}`", "the time of an event, not of the load") for c in times],
            )
            if chosen is None:
                continue
            column = times[chosen]
        seen = arrivals(source, column, warehouse, evidence.dialect)
        if seen is None:
            asking.ask(
                f"freshness:{source.key}:hours",
                f"Rows of `{source.key}` arrived on too few days to tell what is usual. After how many"
                " hours without a row should it warn?",
                [],
            )
            continue
        proposed = seen.freshness(source, warn, error)
        found.append(proposed)
        assumptions.append(_assumption(source, proposed, seen.told(), said=bool(warn)))
        if old := late(source, proposed, seen.age_hours()):
            notes.append(old)
    if not found and not asking.open:
        return RequirementSpec(
            kind="nothing", question=request.title, target=sources[0].key, reason=" ".join(notes)
        )
    return RequirementSpec(
        kind="tests",
        question=request.title,
        target=(sources or evidence.relations)[0].key,
        freshness=tuple(found),
        questions=tuple(asking.open),
        assumptions=tuple(assumptions),
        notes=tuple(notes),
    )


def staged_freshness(
    source: RelationCard, evidence: Evidence, warehouse: Warehouse | None
) -> tuple[tuple[Freshness, ...], tuple[Assumption, ...], tuple[str, ...]]:
    """What a staged source is expected to do, with its evidence; where its newest row is older than
    that already it is not expected, but said."""
    column = arrival_column(source)
    if warehouse is None or column is None or source.kind != "source" or source.has_freshness:
        return (), (), ()
    seen = arrivals(source, column, warehouse, evidence.dialect)
    if seen is None:
        return (), (), ()
    proposed = seen.freshness(source)
    if old := late(source, proposed, seen.age_hours()):
        return (), (), (f"{old} No freshness is expected of it for now.",)
    return (proposed,), (_assumption(source, proposed, seen.told()),), ()


def late(source: RelationCard, freshness: Freshness, age_hours: float) -> str:
    """A finding, where the newest row is older than what warns."""
    if age_hours <= freshness.warn_after_hours:
        return ""
    grade = "an error" if age_hours > freshness.error_after_hours else "a warning"
    return (
        f"The newest row of `{source.key}` arrived {age_hours / 24:.1f} days ago by"
        f" `{freshness.loaded_at_field}`: `dbt source freshness` gives {grade} today."
    )


def _assumption(
    source: RelationCard, freshness: Freshness, told: str, said: bool = False
) -> Assumption:
    why = "as the ticket says" if said else "above the longest usual gap, an error above twice that"
    text = (
        f"`{source.key}`, by `{freshness.loaded_at_field}`: {told}. It warns after"
        f" {freshness.warn_after_hours} hours and fails after {freshness.error_after_hours}, {why}."
    )
    return Assumption(text=text, grounding=Grounding(source="column", text=text, confidence=0.8))


def sources_named(text: str, evidence: Evidence) -> list[RelationCard]:
    """Sources that a text names, by themselves or by the models that stage them; else what it
    speaks of."""
    sources = [c for c in evidence.relations if c.kind == "source"]
    lowered = text.lower()
    ids = {
        parent
        for c in evidence.relations
        if c.layer == "staging" and mentions(lowered, c.key.lower())
        for parent in c.parents
    }
    named = [
        c for c in sources
        if c.unique_id in ids or mentions(lowered, c.key.lower())
        or ("_" in c.key and mentions(lowered, c.key.split(".")[-1].lower()))
    ]  # fmt: skip
    return named or _spoken_of(text, sources)


def _spoken_of(text: str, sources: Sequence[RelationCard]) -> list[RelationCard]:
    said = stems(text)
    fitting = [c for c in sources if contains(said, entity_stems(c))]
    longest = max((len(entity_stems(c)) for c in fitting), default=0)
    return [c for c in fitting if len(entity_stems(c)) == longest]


def _said(text: str) -> tuple[int, int]:
    """Hours after which it warns and fails, 0 where the text does not say."""
    warn = error = 0
    for match in _AFTER.finditer(text):
        days = match["unit"].lower()[0] in "dtj"
        count = int(match["n"]) if match["n"].isdigit() else 1
        hours = count * (24 if days else 1)
        if _ERROR.search(text[: match.start()]):
            error = hours
        else:
            warn = warn or hours
    return warn or (error // 2), error

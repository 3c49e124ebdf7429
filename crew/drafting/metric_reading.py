"""What a metric phrase turned out to mean, and how its first words say what is done with it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from crew.artifacts import Aggregation, GlossaryTerm, Grounding, Measure, Metric, RelationCard
from crew.drafting.schema_linker import ColumnLink, ConditionLink
from crew.drafting.vocabulary import vocabulary
from crew.drafting.wish import Phrase


@dataclass
class Reading:
    """What a phrase turned out to mean.

    `metric` is set if there is a reading; `unexplained` are words it does not account for;
    `columns` are number columns that fit about equally; `problem` says why an agreed term fails.
    """

    phrase: Phrase
    metric: Metric | None = None
    unexplained: list[str] = field(default_factory=list)
    columns: list[ColumnLink] = field(default_factory=list)
    conditions: list[ConditionLink] = field(default_factory=list)
    entity: RelationCard | None = None
    term: GlossaryTerm | None = None
    problem: str = ""
    assumptions: list[str] = field(default_factory=list)
    limits: dict[str, str] = field(default_factory=dict)
    """Where a phrase says a state before its amount (`open amount`): the condition that this is, for
    each relation of `columns`; empty where it is none there."""
    told: str = ""
    """The phrase with words for its marks."""

    @property
    def shown(self) -> str:
        """The phrase in words of the ticket."""
        return self.told or self.phrase.text

    @property
    def is_full(self) -> bool:
        return self.metric is not None and not self.unexplained and not self.conditions

    @property
    def says_something(self) -> bool:
        return bool(self.metric or self.entity or self.columns or self.term)


_PERCENTILE = re.compile(
    r"\s*(?:the\s+)?(?:p(?P<p>\d{1,2})|(?P<n>\d{1,2})(?:st|nd|rd|th)?[\s-]+percentile)\b(?:\s+(?:of|for)\b)?(?:\s+the\b)?\s*",
    re.I,
)


def fraction_of(text: str) -> float | None:
    """The fraction that a phrase such as `p90 of delivery time` opens with."""
    matched = _PERCENTILE.match(text)
    return int(matched["p"] or matched["n"]) / 100 if matched else None


def split_aggregation(text: str) -> tuple[Aggregation | None, str]:
    """The aggregation a phrase opens with, and the rest: `number of orders` -> count, `orders`."""
    if matched := _PERCENTILE.match(text):
        return "percentile", text[matched.end() :].strip()
    pairs = [(str(p), a) for a, phrases in vocabulary()["aggregations"].items() for p in phrases]
    for phrase, aggregation in sorted(pairs, key=lambda p: -len(p[0])):
        matched = re.match(rf"\s*(?:the\s+)?{re.escape(phrase)}(?!\w)\s*", text, re.I)
        if matched and text[matched.end() :].strip():
            rest = re.sub(r"^(?:of|the)\s+", "", text[matched.end() :].strip(), flags=re.I)
            return aggregation, rest
    if matched := re.match(r"^(.*\w)\s+(?:count|volume|numbers?)$", text, re.I):
        return "count", matched.group(1)
    return None, text


def simple_metric(measure: Measure, phrase: Phrase, what: str) -> Metric:
    return Metric(
        name=measure.name,
        label=phrase.text,
        definition=what,
        formula=measure.name,
        measures=(measure,),
        grounding=Grounding(source="column", text=what, confidence=0.9),
    )

"""What the readers of one interpretation share: evidence, links, open questions, assumptions."""

from __future__ import annotations

from dataclasses import dataclass, field

from crew.artifacts import Assumption, Calendar, Evidence, Grounding
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.likeness import Similar, nothing_similar
from crew.drafting.measure_probe import MeasureProbe
from crew.drafting.period_sql import EVERYONES
from crew.drafting.questions import Asking
from crew.drafting.related_reader import RelatedReader
from crew.drafting.schema_linker import SchemaLinker
from crew.drafting.versions import Versions, versions_in
from crew.drafting.zone_words import ZoneWish
from crew.ports import Warehouse


@dataclass
class Interpretation:
    """State of one interpretation of one request."""

    evidence: Evidence
    planner: JoinPlanner
    linker: SchemaLinker
    probe: MeasureProbe
    asking: Asking
    related: RelatedReader
    assumptions: list[Assumption] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    calendar: Calendar = EVERYONES
    zones: ZoneWish = field(default_factory=ZoneWish)
    versions: dict[str, Versions] = field(default_factory=dict)
    """Relations with a row for each period in which something held, by key."""
    similar: Similar = nothing_similar
    told: set[str] = field(default_factory=set)
    """Sentences of comments that settled an open point without a question of its own."""

    @classmethod
    def over(
        cls, evidence: Evidence, warehouse: Warehouse | None, similar: Similar = nothing_similar
    ) -> Interpretation:
        planner = JoinPlanner(evidence)
        probe = MeasureProbe(evidence, planner, warehouse)
        linker = SchemaLinker(evidence, planner)
        related = RelatedReader(linker, planner)
        linker.having, linker.cohort = related.conditions, related.dated
        versions = {v.relation: v for v in versions_in(evidence, warehouse)}
        return cls(
            evidence,
            planner,
            linker,
            probe,
            Asking(()),
            related,
            versions=versions,
            similar=similar,
        )

    def assume(self, text: str, check_sql: str = "") -> None:
        """State what is taken for granted, once, with the query that would check it."""
        if all(a.text != text for a in self.assumptions):
            grounding = Grounding(source="assumption", text=text, confidence=0.7)
            self.assumptions.append(Assumption(text=text, check_sql=check_sql, grounding=grounding))

    def answered(self) -> Grounding:
        """Where the answer taken last comes from."""
        return self.asking.grounding()

"""Turns `only …` and `without …` into conditions, or asks which rows are meant."""

from __future__ import annotations

from collections.abc import Sequence

from crew.artifacts import Filter, Grounding, Metric
from crew.drafting.interpretation import Interpretation
from crew.drafting.row_sets import parse_sql
from crew.drafting.schema_linker import ConditionLink, content_stems
from crew.drafting.vocabulary import snake, stems
from crew.drafting.wish import Phrase, Wish


class FilterReader:
    """Filters of one interpretation."""

    def __init__(self, context: Interpretation) -> None:
        self.context = context

    def read(self, wish: Wish, bases: Sequence[str], metrics: Sequence[Metric]) -> list[Filter]:
        found: dict[str, Filter] = {}
        have = {self._normal(f) for metric in metrics for m in metric.measures for f in m.filters}
        for phrase, wanted in [
            *((p, False) for p in wish.exclusions),
            *((p, True) for p in wish.inclusions),
        ]:
            link = self._condition(phrase, bases, metrics, wanted)
            if link is None:
                continue
            condition = self._normal(link.condition if wanted else link.negated)
            if condition not in have:
                grounding = Grounding(
                    source="answer" if phrase.place == "answer" else "ticket", text=phrase.quote
                )
                label = phrase.text if wanted else f"without {phrase.text}"
                found.setdefault(
                    condition, Filter(condition=condition, label=label, grounding=grounding)
                )
        return list(found.values())

    def _normal(self, condition: str) -> str:
        return parse_sql(condition, self.context.evidence.dialect).sql(
            dialect=self.context.evidence.dialect
        )

    def _condition(
        self, phrase: Phrase, bases: Sequence[str], metrics: Sequence[Metric], wanted: bool
    ) -> ConditionLink | None:
        said = content_stems(phrase.text)
        if not said:
            return None
        if wanted and any(set(said) <= set(content_stems(m.label)) for m in metrics):
            return None
        links = self.context.linker.conditions(said, bases)
        if links:
            best = [k for k in links if k.score >= max(x.score for x in links) - 0.04]
            same = [k for k in links if k.column == best[0].column and k.origin == best[0].origin]
            if len({k.column for k in best}) == 1:
                return same[0]
            if len({k.column for k in best}) == 1 or best[0].origin.startswith("glossary"):
                return best[0]
            index = self.context.asking.ask(
                f"filter:{snake(phrase.text)}",
                f"“{phrase.text}”: which column decides?",
                [(k.condition, "") for k in best],
            )
            return None if index is None else best[index]
        if self._is_defined_away(said, metrics):
            return None
        if phrase.place == "aside" or (phrase.place == "answer" and wanted):
            self.context.notes.append(f"Not read as a condition: “{phrase.quote}”.")
            return None
        what = "only" if wanted else "without"
        self.context.asking.ask(
            f"filter:{snake(phrase.text)}",
            f"“{what} {phrase.text}”: which rows are these? No column, value or glossary entry says so.",
            self._flag_options(bases),
        )
        return None

    def _is_defined_away(self, said: Sequence[str], metrics: Sequence[Metric]) -> bool:
        """The metric's own agreed definition already speaks of it."""
        definitions = {
            s for m in metrics if m.grounding.source == "glossary" for s in stems(m.definition)
        }
        return set(said) <= definitions

    def _flag_options(self, bases: Sequence[str]) -> list[tuple[str, str]]:
        found = []
        for base in bases:
            card = self.context.evidence.relation(base)
            for column in card.columns if card else ():
                if column.data_type.startswith("bool") or 1 < len(column.values) <= 12:
                    found.append((f"by `{base}.{column.name}`", ", ".join(column.values[:6])))
        return found[:4]

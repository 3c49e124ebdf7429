"""Settles the words of a wish that nothing else has read: a condition, or a question.

Passing over `for Germany` would deliver a wrong number silently. What is left over either links to
a condition, is plainly the purpose of the request, or is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from crew.artifacts import Filter, Grounding, Metric
from crew.drafting.figures import Named, is_mark
from crew.drafting.interpretation import Interpretation
from crew.drafting.prose_reader import accounted_for
from crew.drafting.schema_linker import ConditionLink, content_stems, entity_stems
from crew.drafting.spoken_names import column_stems
from crew.drafting.vocabulary import (
    alike,
    grain_words,
    stem,
    stem_set,
    vocabulary,
    word_set,
    words,
)
from crew.drafting.wish import Phrase, Wish

_NEGATIONS = {
    "not",
    "except",
    "exception",
    "without",
    "excluding",
    "outside",
    "no",
    "nor",
    "neither",
}
# `bar Dublin`, `besides Dublin`: left out, or there as well.
_UNCLEAR_SIGNS = {
    "but", "bar", "besides", "save", "apart", "aside", "minus", "less", "instead", "rather", "unlike",
    "other", "than", "beyond",
}  # fmt: skip
_RESTRICTIVE = {
    "for", "in", "of", "from", "with", "where", "under", "over", "above", "below", "not", "among",
    "whose", "who", "which", "that", "having", "at", "between", "within", "more", "less", "vs",
    "versus", "except", "on",
}  # fmt: skip


class LeftoverReader:
    """Leftovers of one interpretation."""

    def __init__(self, context: Interpretation) -> None:
        self.context = context
        self._titled = False
        self._split_by: set[str] = set()

    def read(
        self, wish: Wish, unread: Sequence[Phrase], metrics: Sequence[Metric], bases: Sequence[str]
    ) -> list[Filter]:
        """Filters that the leftovers turn out to be; the others are asked or noted."""
        for quote in dict.fromkeys(wish.unclear_dates):
            self.context.asking.ask(
                f"dates:{quote}",
                f"“{quote}”: which dates exactly? Give a first and a last day.",
                [("all dates: leave it out", "")],
            )
        self._split_by = {s for d in wish.dimensions for s in content_stems(d.text)}
        found: list[Filter] = []
        # A title that names no metric is a headline; its words are noted, not asked about.
        titles = [p for p in wish.metrics if p.place == "title"]
        told = any(p.place != "title" and p not in unread for p in wish.metrics)
        self._titled = any(p not in unread for p in titles) and not told
        known = accounted_for(wish, metrics)
        cards = (self.context.evidence.relation(b) for b in bases)
        known |= {x for card in cards if card for s in entity_stems(card) for x in alike(s)}
        own = known | stem_set("labels")
        known = own | {
            s for s in self.always_there(bases) if s in own or not self._is_value(s, bases)
        }
        for phrase in [*wish.leftovers, *unread]:
            condition = self._read(phrase, known, bases, wish)
            if condition and all(condition.condition != f.condition for f in found):
                found.append(condition)
        return found

    def _is_value(self, said: str, bases: Sequence[str]) -> bool:
        """Whether a word is a value of the counted rows: `accounts in health`, an industry."""
        links = self.context.linker.conditions([said], bases)
        return any(f"'{said}'" in k.condition.lower() for k in links)

    def always_there(self, bases: Sequence[str]) -> set[str]:
        """Words for what each counted row points at: `for our subscriptions` narrows no invoices
        where none is without one."""
        found = set()
        for edge in self.context.planner.edges:
            card = self.context.evidence.relation(edge.left) if edge.left in bases else None
            column = card.column(edge.left_column) if card else None
            right = self.context.evidence.relation(edge.right)
            if column and column.nulls == 0 and right:
                found |= {x for s in entity_stems(right) for x in alike(s)}
        return found

    def _says_more(self, core: Sequence[str], fresh: Sequence[str], bases: Sequence[str]) -> bool:
        """Whether a number comes with words of what it is compared to: `more than 30 minutes after
        the planned end`."""
        cards = [c for b in bases if (c := self.context.evidence.relation(b))]
        own = {x for c in cards for s in entity_stems(c) for x in alike(s)}
        plain = (
            stem_set("measuring") | stem_set("units") | stem_set("articles") | stem_set("joints")
        )
        return any(not alike(s) & own and s not in plain for s in core if s not in fresh)

    def _may_be_shown(self, phrase: Phrase, link: ConditionLink, wish: Wish) -> bool:
        """`per play, with genre`: rows that have one, or a column that is shown beside the play."""
        at = phrase.quote.find(phrase.text)
        split = any(0 <= phrase.quote.find(d.text) < at for d in wish.dimensions)
        return (
            split
            and phrase.text.startswith("with ")
            and link.condition.upper().endswith("IS NOT NULL")
        )

    def _read(
        self, phrase: Phrase, known: set[str], bases: Sequence[str], wish: Wish
    ) -> Filter | None:
        said = words(phrase.text)
        opening = said[0] if said else ""
        if opening in {"from", "in", "of", "on", "out"} and self._names_the_rows(said[1:], bases):
            return None
        noise = stem_set("stops") | stem_set("belonging")  # `members living in Dublin`
        core = [s for s in content_stems(phrase.text) if s not in noise]
        fresh = [s for s in core if not (alike(s) & known)]
        splits = {"each", "every"} & set(said) and not set(said) & grain_words().keys()
        splits = splits and not {x for s in core for x in alike(s)} & self._split_by
        if not fresh and not splits:
            return None
        links = self.context.linker.conditions(core, bases)
        if not links and not (any(map(is_mark, fresh)) and self._says_more(core, fresh, bases)):
            links = self.context.linker.conditions(fresh, bases)
        links = links or self._either(phrase.text, bases)
        best = [k for k in links if k.score >= links[0].score - 0.04] if links else []
        if self._is_purpose(said):
            if best:
                self._ask(phrase, [k.condition for k in best])
            return None
        if best and len({k.column for k in best}) == 1:
            if self._may_be_shown(phrase, best[0], wish):
                self._ask(phrase, [best[0].condition])
                return None
            if _UNCLEAR_SIGNS & set(said):
                self._ask(phrase, [x for k in best[:1] for x in (k.condition, k.negated)])
                return None
            negative = bool(_NEGATIONS & set(said))
            condition = best[0].negated if negative else best[0].condition
            grounding = Grounding(source="ticket", text=phrase.quote)
            return Filter(condition=condition, label=phrase.text, grounding=grounding)
        if opening == "in" and set(said[1:]) <= word_set("units"):
            if self._fits_unit(said[1:], bases):
                self.context.assume(f"“{phrase.text}”: numbers stay in the unit of their column.")
            else:
                self._ask(phrase, [])
            return None
        if set(said) & word_set("currencies"):
            self.context.assume(f"“{phrase.text}”: amounts stay in the unit of their column.")
            return None
        is_restrictive = opening in _RESTRICTIVE or phrase.item or bool(splits)
        if phrase.place == "title":
            names = any(w[0].isupper() or w[0].isdigit() for w in phrase.text.split()[1:])
            is_purpose = opening == "for" and not self._titled
            is_restrictive = self._titled or (is_restrictive and names and not is_purpose)
        if is_mark(said[-1]) or is_restrictive:
            told = self._told(phrase, bases)
            if told is None:
                self._ask(phrase, [k.condition for k in best])
            return told
        if phrase.place == "wish" and (rows := self._names_rows(fresh, bases)):
            self._ask(phrase, rows)  # `kilometres our members drove in electric cars`
        else:
            self.context.notes.append(f"Not read: “{phrase.text}”.")
        return None

    def _either(self, text: str, bases: Sequence[str]) -> list[ConditionLink]:
        """`in Dublin and Belfast`: rows with either, as none has both values of one column."""
        parts = [p for p in re.split(r"\s*,\s*|\s+and\s+|\s+or\s+", text, flags=re.I) if p]
        if not 2 <= len(parts) <= 6:
            return []
        stop = stem_set("stops")
        said = [[s for s in content_stems(p) if s not in stop] for p in parts]
        found = [self.context.linker.conditions(words_, bases)[:1] for words_ in said]
        flat = [k for links in found for k in links]
        if len(flat) != len(parts) or len({(k.relation, k.column) for k in flat}) != 1:
            return []
        both = " or ".join(k.condition for k in flat)
        none = " and ".join(k.negated for k in flat)
        return [replace(flat[0], condition=f"({both})", negated=f"({none})")]

    def _names_rows(self, said: Sequence[str], bases: Sequence[str]) -> list[str]:
        """The conditions that single words of a phrase would be."""
        found = (self.context.linker.conditions([s], bases)[:1] for s in said)
        return list(dict.fromkeys(k.condition for links in found for k in links))

    def _names_the_rows(self, said: Sequence[str], bases: Sequence[str]) -> bool:
        """`from stg_payments`: the relation whose rows are counted anyway, by its very name."""
        marks = self.context.linker.figures.marks
        named = [m.name for w in said if isinstance(m := marks.get(w), Named)]
        cards = [self.context.evidence.relation(name) for name in named]
        return bool(named) and all(c is not None and c.key in bases for c in cards)

    def _is_purpose(self, said: Sequence[str]) -> bool:
        """`for the board deck` says what it is for, not which rows."""
        return said[0] in {"for", "to", "as"} and said[-1] in word_set("purposes")

    def _fits_unit(self, said: Sequence[str], bases: Sequence[str]) -> bool:
        """Whether no number of the counted rows is in another unit of the same kind."""
        mine = {x for w in said for x in alike(stem(w))}
        kinds = [{x for w in kind for x in alike(stem(w))} for kind in vocabulary()["unit_kinds"]]
        cards = [c for b in bases if (c := self.context.evidence.relation(b))]
        names = {s for c in cards for column in c.columns for s in column_stems(column)}
        others = set().union(*(k for k in kinds if k & mine)) - mine
        return bool(names & mine) or not names & others

    def _told(self, phrase: Phrase, bases: Sequence[str]) -> Filter | None:
        """A condition that an answer states in the data's own words: `those with country DE`."""
        asking = self.context.asking
        if asking.open or asking.answered:
            return None  # it may be the answer to something else
        for answer in (a for a in asking.answers if a in asking.directed):
            said = [s for s in content_stems(answer) if s not in stem_set("stops")]
            for start in range(len(said)):
                links = self.context.linker.conditions(said[start:], bases)
                if links and len({k.column for k in links if k.score == links[0].score}) == 1:
                    grounding = Grounding(source="answer", text=answer)
                    condition = links[0].condition
                    self.context.told.add(answer)
                    return Filter(condition=condition, label=phrase.text, grounding=grounding)
        return None

    def _ask(self, phrase: Phrase, conditions: Sequence[str]) -> None:
        text = self.context.linker.figures.readable(phrase.text)
        options = [(f"only rows with {c}", "") for c in conditions[:3]]
        options.append(("it is only wording: it changes nothing that is counted", ""))
        self.context.asking.ask(
            f"leftover:{'-'.join(words(phrase.text))[:40]}",
            f"“{text}”: which rows are these? I found no column or value that says so.",
            options,
            default=len(options) - 1,
        )

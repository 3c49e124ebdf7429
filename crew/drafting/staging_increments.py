"""Reads whether a staging model is loaded incrementally: by which column, and how far it looks back.

Wanted by the ticket, or by a table of many rows. What is new is told by the column that says when a
row arrived; how far the next run looks back by how late rows came so far. What the data leave open
is asked about, always with the model that is built whole as one of the options.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from crew.artifacts import (
    Assumption,
    ColumnCard,
    Evidence,
    Grounding,
    Increment,
    RelationCard,
    Staging,
)
from crew.catalog.warehouse_profile import is_temporal, quoted
from crew.drafting.arrivals import arrival_columns
from crew.drafting.dialects import said_in
from crew.drafting.questions import Asking
from crew.drafting.staging_words import unwrapped
from crew.errors import InvalidInput
from crew.ports import Warehouse

WHOLE = "not incremental: it is built whole each time"
LONGEST_DAYS = 31
"""Days of looking back that nobody is asked about."""
_ROWS = r"(?:rows?|records?|ones|data|lines?|entries|zeilen|sätze|datensätze|daten|lignes|filas)"
WORDS = re.compile(
    r"\bincremental(?:ly|mente)?\b|\binkrementell\w*|\bincrément(?:al|iel)\w*"
    r"|\bdelta[- ]?(?:loads?|loading|lad\w+)\b"
    rf"|\b(?:load|read|process|append|add)\w*\s+only\s+(?:the\s+)?new\s+{_ROWS}"
    rf"|\bonly\s+(?:load|read|process|append|add)\s+(?:the\s+)?new\s+{_ROWS}"
    rf"|\bnur\s+(?:die\s+)?neuen?\s+{_ROWS}\s+(?:ge)?lad\w+",
    re.I,
)
_NOT_BEFORE = re.compile(
    r"\b(?:not|no|non|never|without|don't|doesn't|needn't|isn't|instead of|rather than|kein\w*|nicht|nie|"
    r"ohne|statt|pas|sans|jamais|sin|nunca)\b", re.I
)  # fmt: skip
_NOT_AFTER = re.compile(
    r"\b(?:isn't|(?:is|are)\s+not|not\s+(?:needed|necessary|required|yet|now|wanted)|unnecessary|"
    r"(?:ist|wird)\s+nicht|nicht\s+(?:nötig|notwendig|erforderlich)|n'est\s+pas|no\s+es)\b", re.I
)  # fmt: skip
_LATER = re.compile(
    r"\b(?:later|someday|eventually|next|in (?:the )?future|später|irgendwann|plus tard|más tarde|luego)\b",
    re.I,
)
_BEFORE = re.compile(r"\b(?:used to|was|were|old|previous\w*|once|bisher\w*|früher)\b", re.I)
_IF = re.compile(
    r"\b(?:if|maybe|perhaps|whether|unless|optional\w*|when|falls|wenn|ob|vielleicht|si|peut-être|quizás)\b",
    re.I,
)
_SENTENCE = re.compile(r"[.!?;](?:\s|$)|\n")
_CLAUSE = re.compile(r"[,;:]\s|[.!?](?:\s|$)|\n|\s-\s|\b(?:but|aber|mais|pero)\b")
_BY = r"(?:by|on|via|using|with|über|nach|anhand(?: von)?|mit|par|por|selon|según)\s+(?:the\s+)?[`\"']?"
_NEW_BY = (
    rf"(?:{WORDS.pattern})(?:\s+\w+){{0,3}}?\s+{_BY}|\bnew\s+{_ROWS}\s+{_BY}|(?:^|[.,;:\n])\s*{_BY}"
)
_LATE = re.compile(
    r"\blook(?:ing|s)?[- ]?backs?\b|\blate\b|\bdelay\w*|\boverlap\w*|\bverspät\w*|\bspät\b|\bretard\b"
    r"|\btarde\b|\bchange until\b|\bnachträglich\b", re.I
)  # fmt: skip
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "seven": 7, "ten": 10,
            "fourteen": 14, "thirty": 30, "zwei": 2, "drei": 3}  # fmt: skip
_SPAN = re.compile(
    rf"\b(?P<n>\d+|{'|'.join(_NUMBERS)})[- ]?"
    r"(?P<unit>days?|hours?|weeks?|tage?n?|stunden?|wochen?|jours?|heures?|semaines?|días?|horas?|semanas?)\b",
    re.I,
)
_HOURS = {"h": 1, "s": 1, "d": 24, "t": 24, "j": 24, "w": 168}
_Wish = Literal["yes", "no", "later", "unclear", ""]


@dataclass(frozen=True)
class IncrementWish:
    """What the ticket says of it, the clause that does, and the days it looks back (0: not said)."""

    wish: _Wish = ""
    clause: str = ""
    days: int = 0
    days_clause: str = ""


def increment_wish(text: str) -> IncrementWish:
    text = unwrapped(text)
    found: dict[_Wish, str] = {}
    for sentence in _SENTENCE.split(text):
        for clause in _CLAUSE.split(sentence):
            if match := WORDS.search(clause):
                before, after = clause[: match.start()], clause[match.end() :]
                said: _Wish = "yes"
                if _NOT_BEFORE.search(before) or _NOT_AFTER.search(after):
                    said = "no"
                elif _LATER.search(WORDS.sub(" ", clause)):
                    said = "later"
                elif _IF.search(sentence) or _BEFORE.search(clause):
                    said = "unclear"
                found.setdefault(said, clause.strip())
    days, days_clause = _days(text)
    if not found:
        return IncrementWish()
    wish: _Wish = next(iter(found)) if len(found) == 1 else "unclear"
    return IncrementWish(wish, next(iter(found.values())), days, days_clause)


def without_wish(text: str) -> str:
    """The text without the words for it: `only new rows` would narrow the rows else."""
    return WORDS.sub(" ", text)


def _days(text: str) -> tuple[int, str]:
    for clause in re.split(r"[,;]\s|[.!?](?:\s|$)", text):
        match = _SPAN.search(clause)
        if match and (_LATE.search(clause)):
            n = int(match["n"]) if match["n"].isdigit() else _NUMBERS[match["n"].lower()]
            unit = match["unit"].lower()
            weeks = unit.startswith("sema")
            return math.ceil(n * (168 if weeks else _HOURS[unit[0]]) / 24), clause.strip()
    return 0, ""


@dataclass
class IncrementReader:
    """Reads it for one source; `assumptions` and `notes` say what was taken, `taken` which clauses."""

    source: RelationCard
    evidence: Evidence
    text: str
    asking: Asking
    warehouse: Warehouse | None
    assumptions: list[Assumption] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)

    def column(self) -> ColumnCard | None:
        """The column that says what is new, if the model is to be incremental; else None, with what
        is open asked."""
        said = increment_wish(self.text)
        self.said = said
        self.taken += [c for c in (said.days_clause,) if c]
        rows, limit = self.source.row_count or 0, self.evidence.conventions.staging_incremental_rows
        if said.wish == "later":
            self.notes.append(f"“{said.clause}” is not done: the model is built whole each time.")
        if said.wish in {"no", "later"} or (not said.wish and rows <= limit):
            return None
        if said.wish == "unclear":
            options = ["incremental: only what has arrived since is read", WHOLE]
            if self._ask("", f"“{said.clause}”: is `{self.source.key}` ({rows:,} rows) to be loaded"
                         " incrementally?", options) != 0:  # fmt: skip
                return None
        elif not said.wish:
            why = f"`{self.source.key}` has {rows:,} rows, more than {limit:,}: it is loaded incrementally."
            self._assume(why)
        return self._arrival()

    def keeps_removed(self, removed: ColumnCard) -> bool:
        """Whether removed rows stay in the model; else it is whole, or that is open."""
        return self._ask(
            ":removed",
            f"`{removed.name}` marks rows of `{self.source.key}` as removed. An incremental model that leaves"
            " them out would keep a row that is removed later. What is to be done?",
            [f"removed rows stay in the model, and `{removed.name}` tells which they are", WHOLE],
        ) == 0  # fmt: skip

    def filtered(self, keep: str) -> bool:
        """Whether it stays incremental with a condition of its rows."""
        return self._ask(
            ":filter",
            f"Only rows with {keep} are staged. A row that no longer meets it would stay in an incremental"
            " model. Can that happen?",
            ["no: rows never change in it", WHOLE],
        ) == 0  # fmt: skip

    def increment(self, at: ColumnCard, staging: Staging, key: Sequence[str]) -> Increment | None:
        """How the model with this key is loaded; None where it is whole, or something is open."""
        names = {c.source: c.name for c in staging.columns if not c.path}
        cards = [self.source.column(c.source) for c in staging.columns if c.name in key]
        if not key or any(c is not None and c.nulls for c in cards):
            self._ask(":key", f"No column of `{self.source.key}` tells all rows apart, so that a row delivered"
                      " again could take the place of its earlier one.", [WHOLE])  # fmt: skip
            return None
        found = self._look_back(at)
        if found is None:
            return None
        days, event = found
        whole_keys = len(key) == 1 and bool(
            (staging.latest_by and staging.latest_by != at.name) or staging.takes_first or at.nulls
        )
        self._assume(
            f"Loaded incrementally: each run reads the rows whose `{at.name}` is at most {days}"
            f" {'day' if days == 1 else 'days'} older than the newest{self._why(days, event, at)}; a row"
            f" delivered again takes the place of the earlier one with the same `{', '.join(key)}`."
            " A full refresh rebuilds all."
        )
        if not arrival_columns(self.source):  # in which order rows came nothing tells
            event = ""
        return Increment(
            at=names[at.name], days=days, key=tuple(key), event=event, whole_keys=whole_keys
        )

    def _arrival(self) -> ColumnCard | None:
        times = [c for c in self.source.columns if is_temporal(c)]
        arrivals = arrival_columns(self.source)
        named = []
        for column in times:
            pattern = rf"(?:{_NEW_BY}){re.escape(column.name)}(?!\w)"
            if match := re.search(pattern, self.text, re.I):
                named.append(column)
                self.taken.append(without_wish(match.group()))
        if len(named or arrivals) == 1:
            return (named or arrivals)[0]
        known = "Several columns tell" if arrivals else "No column tells"
        offered = (arrivals or times)[:4]
        chosen = self._ask(
            ":arrival",
            f"{known} when a row of `{self.source.key}` arrived. By which one is it to be loaded incrementally?",
            [*(f"by `{c.name}`" for c in offered), WHOLE],
        )  # fmt: skip
        return offered[chosen] if chosen is not None and chosen < len(offered) else None

    def _look_back(self, at: ColumnCard) -> tuple[int, str] | None:
        """Days, and the column by which rows were seen to be late; None where that is open."""
        seen, said = self._lateness(at), self.said.days
        days, event = seen if seen else (1, "")
        if not arrival_columns(self.source):
            self.notes.append(
                f"`{at.name}` tells when something happened, not when a row arrived or changed: a row of"
                f" `{self.source.key}` that comes or changes after the look-back is not seen before a full refresh."
            )
        if seen and days > max(said, LONGEST_DAYS if not said else 0):
            fewer = said or 1
            late = f"came up to {days} days late (`{at.name}` beside `{event}`)."
            if not arrival_columns(self.source):
                late = (
                    f"have `{event}` up to {days} days after `{at.name}`, and may change as late."
                )
            chosen = self._ask(
                ":days",
                f"Rows of `{self.source.key}` {late}"
                f"{f' The ticket says {said}.' if said else ''} How far is each run to look back?",
                [f"{days} days, as far as seen",
                 f"{fewer} {'day' if fewer == 1 else 'days'}: rows come in the order of `{at.name}` and stay"
                 " as they are", WHOLE],
            )  # fmt: skip
            return {0: (days, event), 1: (fewer, "")}.get(2 if chosen is None else chosen)
        return max(days, said), event

    def _why(self, days: int, event: str, at: ColumnCard) -> str:
        if days == self.said.days:
            return ", as the ticket says"
        if event:
            return f", as rows came up to so many days late (`{at.name}` beside `{event}`)"
        return ", as nothing in the data tells how late rows come"

    def _lateness(self, at: ColumnCard) -> tuple[int, str] | None:
        """Whole days that cover how late rows came, and the other column that shows it; what
        arrived on the first day is a history loaded at once, and tells nothing.

        Beside a column of arrival the other one that is nearest counts. Where `at` tells when
        something happened, and nothing when a row arrived, the column that is set the latest does.
        """
        loads = {c.name for c in arrival_columns(self.source)}
        found = []
        for other in self.source.columns:
            if not is_temporal(other) or other.name == at.name:
                continue
            if at.name in loads:
                days = self._days_between(at, other)
            elif other.name in loads or not loads:
                days = self._days_between(other, at)
            else:
                days = 0
            if days:
                found.append((days, other.name))
        return min(found, default=None) if loads else max(found, default=None)

    def _days_between(self, arrival: ColumnCard, event: ColumnCard) -> int:
        if self.warehouse is None:
            return 0
        dialect = self.evidence.dialect
        a, e = (f"cast({quoted(c.name, dialect)} as timestamp)" for c in (arrival, event))
        sql = (
            f"with rows_ as (select {a} as a, {e} as e from {self.source.relation_name}) select count(*),"
            " count(e), max(date_diff('second', e, a)), max(date_diff('second', a, e)) from rows_"
            " where a >= (select min(a) + interval '1' day from rows_)"
        )
        try:
            found = self.warehouse.query(said_in(dialect, sql), limit=1).rows
            rows, known, late, early = found[0]
        except InvalidInput:
            return 0
        if not rows or known < 0.95 * rows or float(early) > 86_400:
            return 0
        return max(1, math.ceil((float(late) + max(0.0, float(early))) / 86_400))

    def _ask(self, about: str, text: str, options: Collection[str]) -> int | None:
        return self.asking.ask(f"staging:increment{about}", text, [(o, "") for o in options])

    def _assume(self, text: str) -> None:
        grounding = Grounding(source="assumption", text=text, confidence=0.8)
        self.assumptions.append(Assumption(text=text, grounding=grounding))

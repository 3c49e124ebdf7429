"""Reads requests about what exists: columns to add, tests and docs to write, tables to stage."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from crew.artifacts import (
    Assumption,
    Dimension,
    Evidence,
    Grounding,
    Metric,
    RelationCard,
    Request,
    RequirementSpec,
    WantedDoc,
    WantedTest,
)
from crew.catalog.evidence import mentions
from crew.drafting.date_words import find_date_span
from crew.drafting.described_columns import told_of_columns, written_of_columns
from crew.drafting.edits.finer_grain import group_keys
from crew.drafting.edits.finishes import finished
from crew.drafting.edits.phrases import says
from crew.drafting.edits.sql_edits import SqlSource
from crew.drafting.edits.unread_clauses import limits, says_empty, unread_clauses
from crew.drafting.edits.unread_sentences import NOT_READ, unread_of
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.key_roles import meant_keys
from crew.drafting.metric_reader import MetricReader
from crew.drafting.metric_reading import split_aggregation
from crew.drafting.model_text import CannotEdit
from crew.drafting.new_names import new_names
from crew.drafting.questions import Asking
from crew.drafting.schema_linker import ColumnLink, SchemaLinker, content_stems, entity_stems
from crew.drafting.shape_wishes import shape_wishes
from crew.drafting.staging_reader import read_staging, source_named, wants_staging
from crew.drafting.vocabulary import name_stems, snake, stem_set, stems
from crew.drafting.wish import Phrase, Wish

_ADD = re.compile(
    r"\b(?:add|adds|adding|include|append|bring|put|expose|attach)\s+(?P<what>.+?)"
    r"(?=\s+(?:to|in|into|on|onto|as(?! well))\b|\s*$|[.;,])",
    re.I,
)
_WITH = re.compile(
    r"\b(?:extend|extended|enrich|enriched|complete)\b.*?\b(?:with|by)\s+(?P<what>.+)", re.I
)
_LACKS = re.compile(
    r"\b(?:needs?|lacks?|is missing|misses|should (?:have|contain|include|carry|show))\s+(?P<what>.+)",
    re.I,
)
_CALLED = re.compile(
    r"\b(?:called|named|as(?: (?:a )?(?:new )?(?:column|field))?)\s+"
    r"[`\"']?(?P<name>[a-z][a-z0-9]*(?:_[a-z0-9]+)+)[`\"']?",
    re.I,
)
_COLUMN_WORDS = re.compile(
    r"\b(?:(?:a|an|the|new|another|additional|extra)\s+)*(?:columns?|fields?|attributes?)\b"
    r"(?:\s+(?:for|with|of|that holds|holding))?",
    re.I,
)
_BY = re.compile(
    r"\b(?:by|via|over|through|using|from|with|on|key|keys|of|per)\s+(?:(?:the|its|column|key)\s+)*[`\"']?$",
    re.I,
)
_ANY_DATE = {"date", "time", "timestamp", "day", "moment", "datum", "proper", "right", "correct"}
_QUOTED_OR = re.compile(r"['\"“‘][^'\"”’]+['\"”’]\s+(?:if|where|when|for|otherwise|else)\b", re.I)
_TEST = re.compile(r"\b(?:tests?|tested|unique|not[ _]null|never (?:null|empty)|not empty)\b", re.I)
_DOCUMENT = re.compile(
    r"\b(?:describe|described|description|descriptions|document|documented|documentation|docs)\b",
    re.I,
)
_THESE = re.compile(r"\b(?:these|following) (?:columns?|fields?)\b", re.I)
_CHANGES = "change|adjust|fix|correct|rework|update|alter|modify|pull|turn|take|move|ändern|anpassen|modifier|cambiar"
_COMMANDS = (
    "add|append|round|rename|cast|convert|truncate|trim|format|replace|remove|drop|delete|clean|cap|fill|mask"
    "|hash|upper-?case|lower-?case|capitali[sz]e|normali[sz]e|test|document|change|fix|correct|update|alter"
    "|leave|keep|take|throw|exclude|filter|limit|restrict|hide|modify|adjust|dedup\\w*|partition|materiali[sz]e|runde\\w*|ergänze|entferne|ändere|benenne|arrondir"
)
_NEW = re.compile(r"\b(?:new|separate|another) (?:mart|table|report|dashboard)\b", re.I)
_VERBS = re.compile(
    r"\b(?:rename|remove|drop(?![- ]?offs?\b)|delete|retype|deprecate)\b.{0,60}", re.I
)
_UNSUPPORTED = re.compile(
    r"\b(rename|drop(?![- ]?offs?\b)|remove|delete|retype|change the type|split|merge|replace|deprecate"
    r"|make .{0,30} incremental)\b.{0,40}\b(column|model|table|mart|macro|`)",
    re.I,
)


def _is_added_to(text: str, model: str) -> bool:
    """`Add the first name to orders` names a model even where its name is a plain word."""
    if model.lower() not in text.lower():
        return False
    pattern = (
        r"\b(?:add|include|append|bring|put|expose|attach)\b.+\b(?:to|in|into|on|onto)\s+(?:the\s+|our\s+)?"
        rf"(?:model\s+|table\s+|mart\s+)?[`\"']?{re.escape(model)}[`\"']?(?:\s+(?:model|table|mart))?\s*(?:[.?!,;]|$)"
    )
    return bool(re.search(pattern, text, re.I))


def is_commanded(text: str, model: str, columns: Sequence[str]) -> bool:
    """Whether a sentence commands a change in the model, rather than something made of its rows."""
    if model.lower() not in text.lower():
        return False
    name = rf"[`\"']?(?<![\w.]){re.escape(model)}(?!\w)[`\"']?"
    polite = r"(?:please\s+|pls\s+|(?:can|could) (?:you|we)\s+(?:please\s+)?)?"
    headed = rf"^\W*(?:(?:model|in)\s*:?\s+)?{name}\s*(?::|,|\s[-–])?\s*{polite}(?:{_COMMANDS}|set|make)\b"
    if re.search(headed, text, re.I):
        return True
    started = re.search(rf"^\W*{polite}(?P<verb>{_COMMANDS}|make|turn|set|store)\s", text, re.I)
    place = (
        r"in" if started and re.match("add|append", started["verb"], re.I) else r"(?:in|of|from)"
    )
    within = re.search(rf"\b{place}\s+(?:the\s+|our\s+)?(?:model\s+|table\s+)?{name}", text, re.I)
    named = any(re.search(rf"(?<!\w){re.escape(c)}(?!\w)", text, re.I) for c in columns)
    return bool(started and within and (named or not text[within.end() :].strip(" .!?")))


def made_of(target: RelationCard, evidence: Evidence) -> str:
    """What its SQL says of the rows of a model."""
    keys: list[str] = []
    with suppress(CannotEdit, KeyError):
        keys = group_keys(SqlSource(evidence.sql[target.key], evidence.dialect))
    parents = [c.key for c in evidence.relations if c.unique_id in target.parents]
    made = f"made of {' and '.join(f'`{p}`' for p in parents)}" if parents else ""
    rows = f"One row per {' and '.join(f'`{k}`' for k in keys)}" if keys else "Rows"
    return f"{rows}, {made}." if made else f"{rows}."


def _is_meant(what: str, link: ColumnLink) -> bool:
    """Whether a column that is asked for by a name is the one that was found: its words are those of
    the column and of what it is in."""
    if not re.fullmatch(r"[A-Za-z]\w*_\w+", what.strip(" `'\"")):
        return True
    known = {*name_stems(link.column.name), *name_stems(link.relation), *stem_set("articles")}
    return set(name_stems(what)) <= known | set(content_stems(link.column.told))


def _told_first(docs: list[WantedDoc]) -> tuple[WantedDoc, ...]:
    """One for each column: the last that gives a text, else one without."""
    found: dict[str, WantedDoc] = {}
    for doc in docs:
        if doc.text or doc.column not in found:
            found[doc.column] = doc
    return tuple(found.values())


@dataclass
class _Items:
    """What a change request consists of."""

    columns: list[Dimension] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    tests: list[WantedTest] = field(default_factory=list)
    docs: list[WantedDoc] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    assumptions: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.columns or self.metrics or self.tests or self.docs)


class ChangeReader:
    """Recognizes a change; gives None for a request that is a new question to the data."""

    def __init__(
        self,
        evidence: Evidence,
        linker: SchemaLinker,
        planner: JoinPlanner,
        reader: MetricReader,
        asking: Asking,
    ) -> None:
        self.evidence, self.linker, self.planner = evidence, linker, planner
        self.reader, self.asking = reader, asking

    def read(self, request: Request, wish: Wish) -> RequirementSpec | None:
        text = " ".join(c.text for c in wish.clauses)
        if wants_staging(text, self.evidence) and self._target(wish) is None:
            source = source_named(f"{request.title}\n{request.body}", self.evidence)
            if source is not None:
                return read_staging(request, wish, source, self.evidence)
        target = self._target(wish) or self._commanded(wish)
        if target is None:
            return None
        if matched := _UNSUPPORTED.search(text) or _VERBS.search(text):
            return RequirementSpec(
                kind="refuse",
                question=request.title,
                target=target.key,
                reason=f"“{matched.group().strip()}”: this kind of change to `{target.key}` is not supported yet.",
            )
        items = self._items(wish, target)
        if items.docs:
            names = [c.name for c in target.columns]
            told = told_of_columns(request.body, names)
            written = written_of_columns(request.body, names)
            if told and _THESE.search(request.body):
                items.docs = [d for d in items.docs if d.column in told]
            self._tell(told, written, target, items)
        self._ask_names(wish, items)
        if items.is_empty and not items.present and not self.asking.open:
            if not self._is_to_change(wish, target) and self._commanded(wish) is None:
                return None
            self._ask_how(target)
        return self._spec(request, wish, target, items)

    def _ask_names(self, wish: Wish, items: _Items) -> None:
        """Asks about a column that the ticket gives a name and that none of the items has."""
        if not (items.columns or items.metrics) or self.asking.open:
            return
        known = {n.lower() for n in self.evidence.model_names}
        known |= {r.key.split(".")[-1].lower() for r in self.evidence.relations}
        known |= {c.name.lower() for r in self.evidence.relations for c in r.columns}
        known |= {v.lower() for r in self.evidence.relations for c in r.columns for v in c.values}
        known |= {
            n.lower() for n in (*(d.name for d in items.columns), *(m.name for m in items.metrics))
        }
        for name in new_names(" ".join(c.quote for c in wish.clauses), known):
            self.asking.ask(
                f"column:name:{name}",
                f"“{name}”: I did not read what it is to be. Of which columns of which model is it made?",
                [],
            )

    def _ask_how(self, target: RelationCard) -> None:
        self.asking.ask(
            "edit:how",
            f"What is to change in `{target.key}`? I cannot carry it out as it is written: name the"
            " columns, rows or figures that it is about, and what they are to be.",
            [],
        )

    def _spec(
        self, request: Request, wish: Wish, target: RelationCard, items: _Items
    ) -> RequirementSpec:
        key = self.linker.key_column(target)
        common: dict[str, Any] = {
            "model": target.key,
            "target": target.key,
            "question": request.title,
            "row_grain": (key,) if key else (),
            "acceptance": tuple(wish.acceptance),
            "wanted_tests": tuple(items.tests),
            "wanted_docs": _told_first(items.docs),
        }
        if items.is_empty and not self.asking.open:
            reason = f"`{target.key}` has all of it already: " + "; ".join(items.present) + "."
            return RequirementSpec(kind="nothing", reason=reason, **common)
        unread: list[str] = []
        if not (items.columns or items.metrics or self.asking.open):
            unread = self._unread(request, target, items)
        elif not self.asking.open:
            unread = self._ask_limits(wish, items)
        kind = (
            "change_model"
            if items.columns or items.metrics or self.asking.open
            else "tests"
            if items.tests
            else "documentation"
        )
        notes = (*(f"Nothing to do: {text}." for text in items.present), *unread)
        return RequirementSpec.model_validate(
            {
                "kind": kind,
                "dimensions": items.columns,
                "metrics": items.metrics,
                "notes": notes,
                "assumptions": [
                    Assumption(text=t, grounding=Grounding(source="column", text="its name"))
                    for t in items.assumptions
                ],
                **common,
            }
        )

    def _unread(self, request: Request, target: RelationCard, items: _Items) -> list[str]:
        """Asks about what the ticket wants beside tests and descriptions; notes what it only tells."""
        said = [i.model_dump_json() for i in (*items.tests, *items.docs)]
        made = " ".join([target.key, request.title, *said, *items.present])
        columns = [c.name for c in target.columns]
        body = _DOCUMENT.sub(" ", request.body) if items.docs else request.body
        asked, noted = unread_of(body, made, self.evidence.model_names, columns)
        for text in asked[:3]:
            self.asking.ask(
                f"edit:how:{snake(text)[:40]}",
                f"“{text}”: I did not read this part. What is to change by it, in which model and column?",
                [("it changes nothing: leave it out", "")],
            )
        return [f"{NOT_READ} “{text}”." for text in noted]

    def _ask_limits(self, wish: Wish, items: _Items) -> list[str]:
        """Asks about what limits the rows that added figures count and is in no condition of theirs:
        `(only before it started)`; notes where values are said to be empty."""
        measures = [x.model_copy(update={"name": "m"}) for m in items.metrics for x in m.measures]
        of_rows = [m.model_dump_json() for m in measures] + items.assumptions
        made = [
            *(i.model_dump_json() for i in (*items.columns, *items.metrics)),
            *items.assumptions,
        ]
        unread = []
        for sentence in dict.fromkeys(c.quote for c in wish.clauses if c.place != "acceptance"):
            for clause in unread_clauses(
                sentence, " ".join(made), self.evidence.model_names, (), " ".join(of_rows)
            ):
                if says_empty(clause):
                    unread.append(f"{NOT_READ} “{clause}”.")
                elif limits(clause):
                    self.asking.ask(
                        f"edit:clause:{snake(clause)[:40]}",
                        f"“{clause}”: I did not read this part. Which rows are meant?",
                        [("it changes nothing: leave it out", "")],
                    )
        return unread

    # --- targets ---------------------------------------------------------------------------

    def _target(self, wish: Wish) -> RelationCard | None:
        """The existing model that the request names."""
        for clause in sorted(wish.clauses, key=lambda c: c.place != "title"):
            named = [
                n
                for n in self.evidence.model_names
                if mentions(clause.text.lower(), n) or _is_added_to(clause.text, n)
            ]
            if named:
                return self.evidence.relation(max(named, key=len))
        return None

    def _commanded(self, wish: Wish) -> RelationCard | None:
        """The existing model that a sentence commands to be otherwise: `contracts: round the fee`,
        `round the fee in contracts`; plain names too."""
        text = " ".join(c.quote for c in wish.clauses)
        if _NEW.search(text):
            return None
        for clause in wish.clauses:
            for name in self.evidence.model_names:
                card = self.evidence.relation(name)
                columns = [c.name for c in card.columns] if card else []
                if any(is_commanded(t, name, columns) for t in (clause.quote, clause.text)):
                    return card
        return None

    def _is_to_change(self, wish: Wish, target: RelationCard) -> bool:
        """Whether the words want the model itself to be otherwise, not something made of it."""
        text = " ".join(c.quote for c in wish.clauses)
        name = rf"[`\"']?{re.escape(target.key)}[`\"']?"
        subject = rf"(?<![\w.]){name}\s+(?:must|should|needs? to|has to|ought to|may)\b"
        wanted = rf"\b(?:{_CHANGES})\b[^.;]*(?<![\w.]){name}(?!\w)"
        return bool(re.search(rf"{subject}|{wanted}", text, re.I)) and not _NEW.search(text)

    # --- items -----------------------------------------------------------------------------

    def _items(self, wish: Wish, target: RelationCard) -> _Items:
        items = _Items()
        told = any(
            self._columns_in(c.text, target) for c in wish.clauses if _DOCUMENT.search(c.text)
        )
        for clause in wish.clauses:
            if clause.place == "acceptance":
                continue
            text = self._without_target(clause.text, target)
            if clause.place == "title" and _DOCUMENT.fullmatch(text.strip(" .:")) and told:
                continue  # the body says which columns
            if _TEST.search(text):
                self._add_tests(text, target, items)
            elif _DOCUMENT.search(text):
                self._add_docs(text, target, items)
            else:
                self._add_columns(text, clause, target, items)
        return items

    def _without_target(self, text: str, target: RelationCard) -> str:
        return re.sub(
            rf"[`\"']?(?<!\w){re.escape(target.key)}(?!\w)[`\"']?\s*:?", " ", text, flags=re.I
        )

    def _columns_in(self, text: str, target: RelationCard) -> list[str]:
        lowered = text.lower()
        return [
            c.name
            for c in target.columns
            if re.search(rf"(?<!\w){re.escape(c.name.lower())}(?!\w)", lowered)
        ]

    def _add_tests(self, text: str, target: RelationCard, items: _Items) -> None:
        wanted = []
        if re.search(r"\bunique\b", text, re.I):
            wanted.append("unique")
        if says("not_null", text):
            wanted.append("not_null")
        if re.search(r"\baccepted[ _]values\b", text, re.I):
            wanted.append("accepted_values")
        for column in self._columns_in(text, target):
            card = target.column(column)
            for test in wanted:
                if card and test in card.tests:
                    items.present.append(f"`{column}` is tested to be {test.replace('_', ' ')}")
                else:
                    items.tests.append(WantedTest.model_validate({"column": column, "test": test}))

    def _add_docs(self, text: str, target: RelationCard, items: _Items) -> None:
        columns = self._columns_in(text, target)
        given = re.search(
            r"(?::|\bas\b|\bsay(?:s|ing)?\b)\s*[\"“']?(?P<text>[^\"”]{8,})$", text.strip()
        )
        if given and len(columns) <= 1:
            told = given.group("text").strip(" .\"'") + "."
            items.docs.append(WantedDoc(column=columns[0] if columns else "", text=told))
            return
        if not target.description and re.search(r"\bthe (?:model|table|mart)\b", text, re.I):
            items.docs.append(WantedDoc(column="", text=made_of(target, self.evidence)))
        if not columns:
            columns = [c.name for c in target.columns if not c.description]
        for column in columns:
            card = target.column(column)
            if card and card.description:
                items.present.append(f"`{column}` is described (“{card.description[:80]}”)")
            else:
                items.docs.append(WantedDoc(column=column))

    def _tell(
        self, told: dict[str, str], written: dict[str, str], target: RelationCard, items: _Items
    ) -> None:
        """What the ticket says of columns becomes their description; what it writes for them also
        where they have one."""
        for column, text in told.items():
            card = target.column(column)
            if card is not None and (column in written or not card.description):
                items.docs.append(WantedDoc(column=column, text=text))
                items.present = [
                    p for p in items.present if not p.startswith(f"`{column}` is descr")
                ]

    def _add_columns(self, text: str, clause: Phrase, target: RelationCard, items: _Items) -> None:
        shown = rf"\b(?:get|have|see|show)\s+(?P<what>.+?)\s+(?:in|on|to)\s+(?:the\s+)?[`\"']?{re.escape(target.key)}\b"
        named = target.key.lower() in clause.text.lower()
        matched = (
            _WITH.search(text)
            or _ADD.search(text)
            or re.search(shown, clause.text, re.I)
            or (_LACKS.search(text) if named else None)
        )
        if not matched:
            return
        self._ask_rest(text[matched.end("what") :], target)
        called = _CALLED.search(text)
        name = called.group("name").lower() if called else ""
        what = _CALLED.sub(" ", _COLUMN_WORDS.sub(" ", matched.group("what")))
        parts = [what] if name else re.split(r",|\band\b|&", what)
        so_far = len(items.columns) + len(items.metrics)
        for part in parts:
            if content_stems(part):
                self._add_column(part.strip(" .`"), name, clause, target, items)
        if len(items.columns) + len(items.metrics) > so_far:
            self._ask_looks(text[matched.end("what") :], items)

    def _ask_looks(self, rest: str, items: _Items) -> None:
        """Asks about what stands behind the wished columns and says how they are made or look: `in
        upper case`, `"none" where missing`, `: a and b in brackets`."""
        rest = _CALLED.sub(" ", rest).strip()
        added = {c.column.lower() for c in items.columns} | {c.name.lower() for c in items.columns}
        columns = {c.name.lower() for r in self.evidence.relations for c in r.columns} - added
        named = [
            w.group()
            for w in re.finditer(r"[A-Za-z]\w*_\w+", rest)
            if w.group().lower() in columns and not _BY.search(rest[: w.start()])
        ]
        looks = shape_wishes(rest) or finished(f"x, {rest}")[1] or _QUOTED_OR.search(rest)
        if looks or named:
            self.asking.ask(
                f"column:looks:{snake(rest)[:40]}",
                f"“{rest.strip(' .,:')}”: I did not read this part. What is it to change of the added columns?",
                [("it changes nothing: leave it out", "")],
            )

    def _ask_rest(self, rest: str, target: RelationCard) -> None:
        """Asks about what stands behind the wished columns, beside the model's name: `in 2025`."""
        rest = _CALLED.sub(" ", _COLUMN_WORDS.sub(" ", re.split(r"[.;,(]", rest)[0]))
        known = {
            *entity_stems(target),
            *stem_set("stops"),
            *stem_set("fillers"),
            *stem_set("labels"),
        }
        if (said := [s for s in content_stems(rest) if s not in known]) and (
            find_date_span(rest)[0] or re.search(r"\d", rest) or limits(rest.strip())
        ):
            self.asking.ask(
                f"column:rest:{'-'.join(said)[:40]}",
                f"“{rest.strip()}”: I did not read this part. Which rows are meant by it, by which date?",
                [("it changes nothing: leave it out", "")],
            )

    def _add_column(
        self, what: str, name: str, clause: Phrase, target: RelationCard, items: _Items
    ) -> None:
        own = target.column(name or snake(what))
        if own is not None:
            self._present(f"`{own.name}` is a column of it", items)
            return
        told = set(stems(what)) - stem_set("articles")
        twin = next(
            (c for c in target.columns if set(stems(c.name)) - stem_set("articles") == told), None
        )
        if twin is not None and not name:
            self._present(f"“{what}” is its column `{twin.name}`", items)
            return
        if split_aggregation(what)[0] is not None:
            self._add_metric(what, name, clause, target, items)
            return
        said = content_stems(what)
        if said and set(said) <= _ANY_DATE | stem_set("articles"):
            if (meant := self._asked_date(what, target)) is not None:
                relation, column_name = meant
                grounding = Grounding(source="ticket", text=clause.quote)
                items.columns.append(
                    Dimension(
                        name=name or column_name, relation=relation, column=column_name, key="",
                        grounding=grounding,
                    )
                )  # fmt: skip
            return
        links = self.linker.lookups(said, target.key)
        if links and links[0].hops == 0 and links[0].exact and not name:
            self._present(f"“{what}” is its column `{links[0].column.name}`", items)
            return
        links = [k for k in links if k.hops > 0 and _is_meant(what, k)]
        meanings = self.linker.distinct_meanings(links) if links else []
        grounding = Grounding(source="ticket", text=clause.quote)
        if meanings:
            link = meanings[0]
            if len(meanings) > 1:
                options = [(f"`{m.name}`", ", ".join(m.column.values[:4])) for m in meanings]
                index = self.asking.ask(
                    f"column:{snake(what)}",
                    f"“{what}” could be more than one column. Which one?",
                    options,
                )
                if index is None:
                    return
                link = meanings[index]
            key = self._key(f"{what} {name}", link, clause, target)
            if key is None:
                return
            column = Dimension(
                name=name or link.column.name,
                relation=link.relation,
                column=link.column.name,
                key=key,
                grounding=grounding,
            )
            if all(c.name != column.name for c in items.columns):
                items.columns.append(column)
                if self._is_elsewhere(link, target):
                    items.assumptions.append(f"“{what}” is `{link.name}`.")
            return
        self._add_metric(what, name, clause, target, items)

    def _asked_date(self, what: str, target: RelationCard) -> tuple[str, str] | None:
        """`The other date` is any that the model's rows lead to: (relation, column) of the one that is
        meant, near ones first; None while it is asked."""
        near = [r.key for r in self.evidence.relations if r.unique_id in target.parents]
        near += [e.right for e in self.planner.edges if e.left == target.key]
        have = {c.name.lower() for c in target.columns}
        found: list[tuple[str, str]] = []
        for card in [c for r in dict.fromkeys(near) if (c := self.evidence.relation(r))]:
            for column in card.columns:
                is_date = column.data_type.lower().startswith(("date", "timestamp"))
                if is_date and column.name.lower() not in have:
                    found.append((card.key, column.name))
        index = self.asking.ask(
            f"column:{snake(what)}",
            f"“{what}”: which date is meant? `{target.key}` reaches more than one, or none by that name.",
            [(f"`{relation}.{column}`", "") for relation, column in found[:6]],
        )
        return found[index] if index is not None and index < len(found) else None

    def _key(self, what: str, link: ColumnLink, clause: Phrase, target: RelationCard) -> str | None:
        """The column of the target that leads to what is wished for, where there are several; empty
        where there is one, none where it has to be asked."""
        edges = [e for e in self.planner.edges if (e.left, e.right) == (target.key, link.relation)]
        if len(edges) < 2 or link.hops != 1:
            return ""
        card = self.evidence.relation(link.relation)
        known = set(name_stems(link.column.name)) | set(entity_stems(card) if card else ())
        known |= {s for e in edges for s in name_stems(e.left_column)}
        meant = meant_keys(edges, set(stems(f"{what} {clause.quote}")))
        if set(content_stems(what)) - known and any(
            e.left_column.lower() == e.right_column.lower() for e in meant
        ):
            meant = edges  # `drop-off station`: no key is called so
        if len(meant) > 1:
            index = self.asking.ask(
                f"column:key:{snake(what)}",
                f"“{what.strip()}”: `{target.key}` points at `{link.relation}` by more than one key. Which"
                " one is meant?",
                [(f"by `{e.left_column}`", "") for e in meant],
            )
            return meant[index].left_column if index is not None else None
        return meant[0].left_column

    def _is_elsewhere(self, link: ColumnLink, target: RelationCard) -> bool:
        """Whether another model has a column of that name too."""
        return any(
            card.column(link.column.name) is not None
            for card in self.evidence.relations
            if card.kind == "model" and card.key not in {link.relation, target.key}
        )

    def _present(self, text: str, items: _Items) -> None:
        if text not in items.present:
            items.present.append(text)

    def _add_metric(
        self, what: str, name: str, clause: Phrase, target: RelationCard, items: _Items
    ) -> None:
        """A number per row of the target, from relations that point at it."""
        reading = self.reader.read(Phrase(what, clause.place, clause.quote), [], timed=False)
        metric = reading.metric
        if (
            split_aggregation(what)[0] is None
            and metric
            and metric.measures[0].aggregation == "sum"
        ):
            metric = None  # a column was named, no total: its rows would be added up unasked
        reaches = metric is not None and all(
            target.key in self.planner.hops(m.relation) for m in metric.measures
        )
        if metric is None or not reading.is_full or not reaches:
            if clause.place == "title" and (items.columns or items.metrics):
                return
            self.asking.ask(
                f"column:{snake(what)}",
                f"“{what}”: I found no column that `{target.key}` reaches and no number per row of"
                " it that says so. Where does it come from?",
                [],
            )
            return
        if name:
            metric = metric.model_copy(update={"name": name})
        if target.column(metric.name):
            self._present(f"`{metric.name}` is a column of it", items)
        elif all(m.name != metric.name for m in items.metrics):
            items.metrics.append(metric)

"""Reads columns that a ticket wants added to a model, and what each is made of.

In this order: a formula of the model's own columns; the other end of a column that is there (the
last where that is the first); an aggregate of rows that belong to one of the model's; what held at
a moment; what the model's inputs give under that name; what one of its keys leads to. A column that
none of these explains word for word is left to others, who ask.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rapidfuzz import fuzz

from crew.artifacts import AddColumn, FollowSource
from crew.catalog.dbt_project import entity_of
from crew.drafting.edits.aggregate_reader import AggregateReader
from crew.drafting.edits.case_reader import CaseReader
from crew.drafting.edits.conditions import negated
from crew.drafting.edits.definitions import defined
from crew.drafting.edits.empties import Empties
from crew.drafting.edits.finishes import finished
from crew.drafting.edits.formulas import Formulas
from crew.drafting.edits.lookup_reader import LookupReader
from crew.drafting.edits.names import Link, without
from crew.drafting.edits.phrases import says
from crew.drafting.edits.wished_columns import WishedColumns
from crew.drafting.languages import in_english, language_of
from crew.drafting.schema_linker import content_stems
from crew.drafting.vocabulary import name_stems, singular, stems

if TYPE_CHECKING:
    from crew.drafting.edits.reader import EditReader

_NAME = r"[`\"'“]?[A-Za-z]\w*[`\"'”]?"
_NOUN = r"(?:(?:a|an|the|another|new|further|additional|extra|boolean)\s+)*"
_LIST = rf"{_NAME}(?:\s*(?:,|\+|&|\band\b|,\s*and\b)\s*{_NOUN}{_NAME})*"
_COLUMN = re.compile(
    rf"\b(?:columns?|fields?|attributes?|flags?)\s+(?:(?:called|named)\s+)?(?P<names>{_LIST})", re.I
)
_ADD = re.compile(
    rf"\b(?:add|adding|bring|include|expose|append|show|have|needs?)\s+(?:us\s+)?{_NOUN}(?P<names>{_LIST})",
    re.I,
)
_ADD_AS = re.compile(
    r"\b(?:add|adding|bring|include|expose|append|show|have)\s+(?P<told>[^;:]+?)\s+(?:as|called|named)\s+"
    r"(?:(?:the|an?)\s+)?(?:(?:new|further|additional)\s+)*(?:(?:column|field)\s+)?"
    r"[`\"'“]?(?P<name>[A-Za-z]\w*_\w+)[`\"'”]?",
    re.I,
)
_BRACKETED = re.compile(
    r"\b(?P<told>(?:how (?:many|much)|(?:the )?(?:total )?numbers? of|(?:the )?(?:sum|total|average) of)\b[^()]*)"
    r"\(\s*(?:(?:in|as)\s+)?(?:(?:the|an?)\s+)?(?:(?:new\s+)?(?:column|field)\s+)?(?:(?:called|named)\s+)?"
    r"[`\"']?(?P<name>[A-Za-z]\w*_\w+)[`\"']?(?P<more>\s*[,;:][^()]*)?\)",
    re.I,
)
_FROM = re.compile(r"\b(?:from|aus|out of|of|in)\s+[`\"']?$", re.I)
_IN = re.compile(r"\bin\s+[`\"']?$", re.I)
_SAME = re.compile(r"\bsame (?:rules?|way|logic|definition)|\bas well\b|\blikewise\b", re.I)
_ENDS = ({"first", "last"}, {"first", "latest"}, {"earliest", "latest"}, {"min", "max"},
         {"oldest", "newest"})  # fmt: skip
_OTHERWISE = ("drop", "rename", "exclude", "macro", "not_null", "incremental", "split", "merge")
_DECIDES = re.compile(
    r"\b(?:only|where|without|excluding|except|unless|sum|total|numbers? of|how (?:many|often|much)|average|mean"
    r"|latest|newest|earliest|oldest|highest|lowest|maximum|minimum|divided|minus|plus|times|percent\w*"
    r"|between|more than|less than|at least|at most|within)\b|[*/<>]",
    re.I,
)
_SHOULD_HAVE = re.compile(
    r"(?:\b(?:should|must|has to|needs? to)\s+(?:also\s+)?(?:have|show|contain|carry|get)\b"
    r"|\b(?:can|could) (?:we|you|i) (?:please )?(?:get|have|see)\b"
    r"|\b(?:needs?|lacks?|is missing|misses)\s+(?:the|an?|another)\b|\b(?:extend|enrich)\w*\b)",
    re.I,
)
_ONLY = re.compile(
    r"^\W*(?:please\s+|but\s+|and\s+)*(?:(?:do not|don['’]t|never) (?:count|include|consider|take)"
    r"|without|excluding|exclude|ignor(?:e|ing)|leave out|skip|not counting)\s+(?P<out>.+)$"
    r"|^\W*(?:please\s+|but\s+|and\s+)*(?:only|just)\s+(?:count|include|consider|take|use|for)?\s*"
    r"(?:(?:those|the ones|the)\s+)?(?:(?:that|which|who)\s+(?:are|were|is|was|have)?\s*)?(?P<rows>.+)$"
    r"|^\W*(?:please\s+)?(?:count|include|consider|take|use) only\s+(?:(?:those|the ones|the)\s+)?"
    r"(?:(?:that|which|who)\s+(?:are|were|is|was|have)?\s*)?(?P<counted>.+)$",
    re.I,
)
_DO_NOT = re.compile(
    r"^\W*(?:but\s+|and\s+|please\s+)*(?P<rows>[\w' -]+?)\s+(?:do not|don['’]t|does not|doesn['’]t|must not|mustn['’]t"
    r"|should not|shouldn['’]t|are not|aren['’]t|is not|isn['’]t|never|shall not)\s+(?P<what>[\w' -]+)$",
    re.I,
)
_COUNTED = re.compile(
    r"^(?:to\s+)?(?:be\s+)?(?:count(?:ed|s|ing)?|includ\w+|consider\w*|matter\w*|taken into account|relevant|in it)\b",
    re.I,
)
_PURPOSE = re.compile(r"\b(?:so that|in order to|so (?:we|I|they) can)\b([^.;]+)", re.I)
_ZERO = re.compile(
    r"^\W*(?:please\s+)?(?:(?:use|show|put|give)\s+)?(?:0|zero)\s+(?:where|if|when|for)\s+(?:it (?:is|has)\s+"
    r"|they (?:are|have)\s+|there (?:is|are|was|were)\s+)?"
    r"(?:none|nothing|no\b|nobody|without|not any|those without|all others?)",
    re.I,
)
_EACH = {"des", "les", "los", "las"}
_VALID = re.compile(r"\bvalid\b|\bin force\b|\bheld\b|\beffective\b", re.I)


class ColumnReader:
    """The added columns of one `EditReader`."""

    def __init__(self, reader: EditReader) -> None:
        self.reader, self.view, self.names = reader, reader.view, reader.names
        self.formulas = Formulas(reader)
        self.decides = _DECIDES
        self.aggregates = AggregateReader(reader)
        self.cases = CaseReader(reader)
        self.lookups, self.empties = LookupReader(reader), Empties(reader)
        self.wished = WishedColumns(self)

    def read(self, sentence: str) -> bool:
        """Whether all columns that a sentence wants could be told; adds them."""
        said = self.plainly(sentence)
        models = self._targets(said)
        if not models or says("test", said):
            return False
        if not says("bring", said) and not says("new_column", said):
            subject = rf"[`\"']?(?<![\w.]){re.escape(models[0])}(?!\w)[`\"']?\s+(?:\w+\s+)?"
            wanted = re.search(subject + _SHOULD_HAVE.pattern, said, re.I)
            within = (
                rf"\b(?:can|could) (?:we|you|i)\b.+\bin\s+(?:the\s+)?{re.escape(models[0])}(?!\w)"
            )
            wanted = wanted or re.search(within, said, re.I)
            if not wanted and not re.search(r"\b(?:extend|enrich)", said, re.I):
                return False  # `we need the …`: of what, is for others to say
        told = self._added_as(said, models)
        if told or (len(models) == 1 and self.wished.read(said, models[0])):
            return True
        if len(models) == 1 and (by_ranges := self._by_ranges(said, models[0])) is not None:
            return by_ranges
        if len(models) == 1 and (edit := self._bracketed(said, models[0])):
            return self.reader.add(edit)
        if told is not None:
            return told
        found = False
        for name, definition in self._wanted(said, models[0]):
            found |= self._add(name, definition or self._behind(sentence), models)
        return found

    def _by_ranges(self, sentence: str, model: str) -> bool | None:
        """A column that a table of ranges tells; None where the sentence names none of the kind."""
        asking = self.reader.asking
        so_far, edit = len(asking.open), self.cases.table(model)
        if edit is None:
            return True if len(asking.open) > so_far else None
        if not re.search(rf"(?<!\w){re.escape(edit.column)}(?!\w)", sentence, re.I):
            return None
        have = edit.column.lower() in map(str.lower, self.view.columns(model))
        return None if have else self.reader.add(edit)

    def _bracketed(self, sentence: str, model: str) -> AddColumn | None:
        """`How many orders each customer has placed (column order_count, 0 if none)`."""
        match = _BRACKETED.search(sentence)
        if match is None or not self.is_new(match["name"], False):
            return None
        if match["name"].lower() in map(str.lower, self.view.columns(model)):
            return None
        told = f"{match['told'].strip()}{match['more'] or ''}"
        return self.aggregates.read(match["name"], told, model) or self._by_own_name(match, model)

    def _by_own_name(self, match: re.Match[str], model: str) -> AddColumn | None:
        """`le nombre de réservations annulées (cancelled_booking_count)`: of words of another language
        that are not known, no more than it has, the English name says what is counted."""
        request, name = self.reader.request, match["name"]
        counted = re.fullmatch(
            r"(?P<what>\w+?)_(?:count|n)|(?:n|num|nr|number_of)_(?P<of>\w+)", name
        )
        counts = re.match(r"(?:the )?(?:total )?numbers? of\b", match["told"], re.I)
        if not counted or not counts or not language_of(f"{request.title}\n{request.body}"):
            return None
        what = (counted["what"] or counted["of"]).replace("_", " ")
        entity = entity_of(model).replace("_", " ")
        told = re.sub(
            r"\b(?:chaque|cada|jede[rsm]?)\s+\w+\s*$", " ", match["told"].strip(), flags=re.I
        )
        foreign = [
            w for w in re.findall(r"[^\W\d_]{3,}", told[counts.end() :])
            if w.lower() not in _EACH and fuzz.ratio(singular(w.lower()), singular(entity)) < 75
        ]  # fmt: skip
        if not foreign or len(foreign) > len(what.split()):
            return None
        edit = self.aggregates.read(name, f"number of {what}s{match['more'] or ''}", model)
        if edit is not None:
            self.reader.assume(f"“{' '.join(foreign)}” is read as its name says: {what}.")
        return edit

    def _added_as(self, sentence: str, models: list[str]) -> bool | None:
        """`Add its name as station_name`; None for a sentence of another form, or with more in it."""
        match = _ADD_AS.search(sentence)
        if match is None or not self.is_new(match["name"], False) or len(models) != 1:
            return None
        name, told = match["name"], without(match["told"], models)
        if name.lower() in map(str.lower, self.view.columns(models[0])):
            return None
        edit = self._edit(name, told, models[0])
        if edit is not None or self.reader.asking.open:
            return edit is None or self.reader.add(edit)
        return None if set(content_stems(told)) <= set(name_stems(name)) else False

    def limit(self, sentence: str) -> bool:
        """`Only count those that are paid`: which rows of the figure added last count; asks where
        that is not clear."""
        reader = self.reader
        last = reader.reading.edits[-1]
        said = self.plainly(sentence)
        if not isinstance(last, AddColumn):
            return False
        if not self.names.models(sentence) and (emptied := self.empties.read(said, last)):
            reader.reading.edits[-1] = emptied
            return True
        if _ZERO.match(said) and last.relation and re.match(r"count|sum", last.expression):
            reader.reading.edits[-1] = last.model_copy(update={"empty": "0"})
            return True
        rows, out = self._limiting(said, last)
        if not rows or "(" not in last.expression:
            return False
        if not last.relation or self.names.models(sentence):
            return False
        found = self._rows_of(rows, last)
        if len(found) != 1:
            reader.ask(
                f"edit:limit:{last.column}",
                f"“{sentence}”: which rows of `{last.relation}` are these? Its columns are "
                + ", ".join(f"`{c}`" for c in self.view.columns(last.relation)[:12])
                + ".",
                [],
            )
            return True
        sql = negated(found[0], self.view.dialect) if out else found[0]
        if last.where:
            if not out:
                return False
            at = reader.data.at(last.relation)
            both = f"select count(*) from {at} where ({last.where}) and ({found[0]})"
            if reader.data.one(both) == 0:
                reader.assume(f"“{sentence}”: those rows are not among the ones that count.")
                return True
            sql = f"({last.where}) and {sql}"
        reader.reading.edits[-1] = last.model_copy(update={"where": sql})
        reader.assume(f"“{sentence}”: `{last.column}` is of rows of `{last.relation}` where {sql}.")
        return True

    def _limiting(self, said: str, last: AddColumn) -> tuple[str, bool]:
        """(which rows, whether they are out) of a sentence that limits the figure added last."""
        if match := _ONLY.match(said):
            return match["out"] or match["rows"] or match["counted"], bool(match["out"])
        match = _DO_NOT.match(said)
        if match is None:
            return "", False
        purpose = _PURPOSE.findall(self.reader.text)
        told = set(content_stems(match["what"])) - set(content_stems("one any some get a"))
        if _COUNTED.match(match["what"]) or told & set(content_stems(" ".join(purpose))):
            return match["rows"], True
        return "", False

    def _rows_of(self, rows: str, last: AddColumn) -> list[str]:
        """The conditions on the counted rows that a phrase may mean, also without the words that say
        no more than what is counted."""
        known = {s for _, theirs in last.keys for s in name_stems(theirs)} | set(
            name_stems(last.column)
        )
        bare = " ".join(w for w in rows.split() if not set(stems(w)) <= known)
        card = self.reader.evidence.relation(last.relation)
        known |= set(content_stems(card.description if card else ""))
        barest = " ".join(w for w in rows.split() if not set(stems(w)) <= known)
        for text in dict.fromkeys((rows, bare, barest)):
            found = self.reader.conditions.read(text, [last.relation]) if text else []
            if found and not any("{{" in c.sql for c in found):
                return list(dict.fromkeys(c.sql for c in found))
        return []

    def plainly(self, sentence: str) -> str:
        """The sentence in English, as far as the words are known, in plain forms."""
        request = self.reader.request
        language = language_of(f"{request.title}\n{request.body}")
        return in_english(defined(sentence, language), language)

    def _targets(self, sentence: str) -> list[str]:
        """The models that get the columns: those named, but not as where they come from."""
        for text in (sentence, self.reader.title, self.reader.text):
            leads = {k.name: _before(text, k) for k in self.names.models(text)}
            named = [m for m, lead in leads.items() if not _FROM.search(lead)]
            named = named or [m for m, lead in leads.items() if _IN.search(lead)]
            if named:
                return sorted(named, key=lambda m: self.view.order[m])
        return []

    def _wanted(self, sentence: str, model: str) -> list[tuple[str, str]]:
        """(new name, what the sentence says of it) of each column."""
        for found in (_COLUMN, _ADD):
            matches = list(found.finditer(sentence))
            ends = [*(m.start() for m in matches[1:]), len(sentence)][: len(matches)]
            wanted: list[tuple[str, str]] = []
            for match, end in zip(matches, ends, strict=True):
                spoken = list(re.finditer(r"[A-Za-z]\w*", match["names"]))
                plain = bool(_COLUMN is found or re.match(r"\s*=", sentence[match.end() :]))
                good = [m for m in spoken if self.is_new(m.group(), plain)]
                good = [m for m in good if "_" in m.group()] or good[:1]
                behind = sentence[match.start("names") + good[-1].end() : end] if good else ""
                wanted += [(m.group(), behind if len(good) == 1 else "") for m in good]
            if wanted:
                return wanted
        return []

    def is_new(self, name: str, plain: bool) -> bool:
        words = {
            "and",
            "the",
            "a",
            "an",
            "new",
            "to",
            "in",
            "for",
            "with",
            "called",
            "named",
            "column",
        }
        is_name = "_" in name or (plain and name.lower() not in words)
        return is_name and name not in self.view.nodes and name not in self.view.macros

    def _behind(self, sentence: str) -> str:
        """What the ticket says after a sentence."""
        text = self.reader.text
        at = text.find(sentence)
        return text[at + len(sentence) :] if at >= 0 else ""

    # --- one column --------------------------------------------------------------------------

    def _add(self, name: str, definition: str, models: list[str]) -> bool:
        reader = self.reader
        reached: list[str] = []
        for model in models:
            if name.lower() in map(str.lower, self.view.columns(model)):
                reader.reading.present.append(f"`{name}` is a column of `{model}`")
                continue
            way = reader.sources.way(model, set(reached)) if reached else []
            if way:
                reader.sources.hand_on(way, name, model)
            elif edit := self._edit(name, definition, model):
                reader.add(edit)
            elif self._says_more(name, definition, model):
                return True
            elif not self.by_name(name, model):
                return bool(reached)
            reached.append(model)
        return bool(reached)

    def _edit(self, name: str, definition: str, model: str) -> AddColumn | None:
        """The column by its definition, also without how its values are to look."""
        if found := self._made(name, definition, model):
            return found
        plain, finish = finished(definition.split(". ")[0])
        edit = self._made(name, plain, model) if finish else None
        return finish.of(edit) if finish and edit else None

    def _made(self, name: str, definition: str, model: str) -> AddColumn | None:
        told = definition.strip(" .,:;-–")
        return (
            self.cases.read(name, told, model)
            or self.formulas.read(name, definition, model)
            or self._other_end(name, model)
            or self._held(name, told, model)
            or self.aggregates.read(name, told, model)
            or self.lookups.read(name, told, model)
        )

    def _says_more(self, name: str, definition: str, model: str) -> bool:
        """Whether words that decide about rows or figures stay unread: then it is asked."""
        unread = _DECIDES.search(definition.split(". ")[0])
        if unread is None:
            return False
        told = definition.split(". ")[0].strip(" .,:;-–")
        self.reader.ask(
            f"edit:column:{name}",
            f"“{told}”: I cannot tell how `{name}` of `{model}` is computed by that. Of which columns"
            " of which model is it made?",
            [],
        )
        return True

    def _other_end(self, name: str, model: str) -> AddColumn | None:
        """`last_order` where there is a `first_order`, if the ticket says that it is the same."""
        if not _SAME.search(self.reader.text):
            return None
        parts = name.lower().split("_")
        for column in self.view.columns(model):
            theirs = column.lower().split("_")
            differ = [{a, b} for a, b in zip(parts, theirs, strict=False) if a != b]
            if len(parts) == len(theirs) and len(differ) == 1 and differ[0] in _ENDS:
                self.reader.assume(f"`{name}` is computed as `{column}`, from the other end.")
                return AddColumn(model=model, column=name, like=column)
        return None

    def _held(self, name: str, told: str, model: str) -> AddColumn | None:
        """The value of a relation whose rows hold for a while, at a moment of the model."""
        if not _VALID.search(told):
            return None
        typed = self.view.typed_columns(model)
        moments = [c for c, t in typed.items() if t.startswith(("date", "timestamp"))]
        heads = {w[:5].lower() for w in re.findall(r"[A-Za-z]{5,}", told)}
        moments = [m for m in moments if m[:5].lower() in heads or m.lower() in told.lower()]
        if len(moments) != 1:
            return None
        for relation in self._others(model):
            columns = {c.lower(): c for c in self.view.columns(relation)}
            spans = [c for c in columns.values() if c.lower() in told.lower() and c != name]
            if name.lower() not in columns or len(spans) != 2:
                continue
            keys = [
                c
                for c in typed
                if c.lower() in columns and re.search(r"_(?:id|key|code|no)$", c, re.I)
            ]
            inclusive = re.search(rf"{re.escape(spans[1])}\W+inclusive", told, re.I)
            if len(keys) != 1 or inclusive:
                continue
            start, end = sorted(spans, key=lambda c: told.lower().find(c.lower()))
            self.reader.assume(f"`{relation}.{name}` by `{keys[0]}` that held at `{moments[0]}`.")
            return AddColumn(
                model=model, column=name, expression=columns[name.lower()], relation=relation,
                keys=((keys[0], columns[keys[0].lower()]),), valid=(moments[0], start, end),
            )  # fmt: skip
        return None

    # --- by name -----------------------------------------------------------------------------

    def _others(self, model: str) -> list[str]:
        """Models that may be read without going round in a circle, near the sources first."""
        below = {model, *self.view.below(model)}
        found = [m for m in self.view.models if m not in below]
        return sorted(found, key=lambda m: self.view.order[m])

    def _having(self, name: str, relations: list[str]) -> list[str]:
        return [r for r in relations if name.lower() in map(str.lower, self.view.columns(r))]

    def by_name(self, name: str, model: str) -> bool:
        """A column that is called so where the model reads it, or where a key leads to."""
        if self._handed_on(name, model):
            return True
        edit = self._looked_up(name, model)
        return edit is not None and self.reader.add(edit)

    def _above(self, model: str) -> list[str]:
        """Models that it is made of, near ones first."""
        found: dict[str, None] = {}
        todo = [model]
        while todo:
            parents = [p for p in self.view.nodes[todo.pop(0)].parents if p in self.view.models]
            todo += [p for p in parents if p not in found]
            found |= dict.fromkeys(parents)
        return list(found)

    def _handed_on(self, name: str, model: str) -> bool:
        """A column of that name of what the model is made of."""
        having = set(self._having(name, self._above(model)))
        way = self.reader.sources.way(model, having) if having else []
        if not way:
            return False
        given = next(c for c in self.view.columns(way[0]) if c.lower() == name.lower())
        first = FollowSource(model=way[1], source=way[0], columns=((name, given),))
        if not self.reader.sources.can_hand_on(first):
            return False
        self.reader.add(first)
        self.reader.sources.hand_on(way[1:], name, model)
        return True

    def _looked_up(self, name: str, model: str) -> AddColumn | None:
        """A column of that name, or of its last words, of what a key of the model leads to: of a
        `destination_city`, the `city` of what `destination_depot` is the key of."""
        own = self.view.columns(model)
        head, _, rest = name.partition("_")
        for wanted, role in ((name, ""), (rest, head)):
            for relation in self._having(wanted, self._others(model)) if wanted else ():
                key = self.reader.keys.unique_key(relation)
                if len(key) != 1 or key[0].lower() == wanted.lower():
                    continue
                ours = f"{role}_{key[0]}" if role else key[0]
                match = next((c for c in own if c.lower() == ours.lower()), "")
                if not match:
                    continue
                given = next(c for c in self.view.columns(relation) if c.lower() == wanted.lower())
                self.reader.assume(f"`{name}` is `{relation}.{given}` by `{match}`.")
                return AddColumn(
                    model=model, column=name, expression=given, relation=relation,
                    keys=((match, key[0]),),
                )  # fmt: skip
        return None


def _before(text: str, link: Link) -> str:
    """The text up to the name that a link found."""
    at = text.find(link.said)
    return text[: at + link.said.lower().find(link.name.lower())]


def asks_for_columns(text: str) -> bool:
    """Whether a text names a column that is to come."""
    if says("bring", text):
        return True
    if _SHOULD_HAVE.search(text) and not any(
        says(n, text) for n in (*_OTHERWISE, "keep", "unique")
    ):
        return True
    return says("new_column", text) and not any(says(n, text) for n in _OTHERWISE)

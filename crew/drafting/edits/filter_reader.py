"""Reads which rows a model is to keep or to lose."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crew.artifacts import AddFilter, JoinEdge
from crew.drafting.edits.conditions import Condition, negated
from crew.drafting.edits.names import without
from crew.drafting.edits.phrases import pattern
from crew.drafting.schema_linker import content_stems, entity_stems
from crew.drafting.vocabulary import snake

if TYPE_CHECKING:
    from crew.drafting.edits.reader import EditReader

_TAIL = re.compile(
    r"(?:^|\s)(?:please|yet|anymore|any more|any longer|either|too|as well|already|just like\b.*"
    r"|like the\b.*|because\b.*|since\b (?:we|they|it)\b.*"
    r"|so that\b.*|as (?:they|these|it|we)\b.*)\s*(?=$|[,;.])",
    re.I,
)


_OF = re.compile(r"(?P<rows>\w+(?: \w+)?)\s+(?:of|from|with|by|for)\s+(?P<of>.+)$", re.I)
_WHO_ARE = re.compile(
    r"(?P<of>\w+)\s+(?:who|that|which|whom)\s+(?:(?:have|has|had) been|were|was|are|is|got)\s+(?P<done>\w+)",
    re.I,
)
_LEFT_OUT = re.compile(
    r"(?:leav(?:e|ing)|keep(?:ing)?|take|throw)\s+(?P<rows>.+?)\s+out(?:\s+of)?", re.I
)
_THEM = re.compile(r"(?:them|these|those|it)\b(?:\s+(?:all|too|ones))*$", re.I)


class RowFilterReader:
    """The filters of one `EditReader`."""

    def __init__(self, reader: EditReader) -> None:
        self.reader, self.view, self.names = reader, reader.view, reader.names
        self.data = reader.data
        self._title_filter = AddFilter(model="", condition="")

    def read(self, sentence: str) -> bool:
        reader = self.reader
        models = [k.name for k in self.names.models(sentence)]
        model = models[0] if models else None
        if model is None:
            found = self.names.models(reader.title) or self.names.models(reader.text)
            model = found[0].name if found else None
        if model is None:
            return False
        phrase, keep = self._rows_meant(without(sentence, models))
        if not phrase:
            return False
        if re.fullmatch(
            r"(?:so )?(?:them|they|these|those|it|this|that)(?: ones?| rows?)?", phrase, re.I
        ):
            title = re.sub(
                r"\b(?:out|no|without|not|only|in|from|of|exclude)\b", " ", reader.title, flags=re.I
            )
            begun = pattern("exclude").split(sentence)[
                0
            ]  # `trips without an end …, leave them out`
            spoken = [*_rows_told(begun), self._sentence_before(sentence), without(title, [model])]
            if any(isinstance(e, AddFilter) for e in reader.reading.edits):
                return False
            said = [s for s in spoken if s.strip() and self._found(s, model)]
            phrase = (said or [s for s in spoken if s.strip()] or [phrase])[0]
        condition = self._condition(phrase, model)
        if condition is None:
            return bool(reader.asking.open)
        sql = condition.sql
        if not keep:
            sql = f"not coalesce({sql}, false)" if "{{" in sql else negated(sql, self.view.dialect)
        if condition.reason:
            reader.assume(f"“{phrase}” are the rows with `{condition.sql}`.")
        relation = "" if condition.relation == model else condition.relation
        if sentence != reader.title and self._title_filter in reader.reading.edits:
            reader.reading.edits.remove(self._title_filter)  # the body says it in full
            reader.reading.assumptions = [
                a for a in reader.reading.assumptions if self._title_filter.condition not in a
            ]
            reader.reading.notes.clear()
        self._say_what_goes(model, relation, sql)
        edit = AddFilter(model=model, condition=sql, relation=relation)
        if sentence == reader.title:
            self._title_filter = edit
        return reader.add(edit)

    def _rows_meant(self, text: str) -> tuple[str, bool]:
        """(which rows, whether they are the ones to keep)."""
        text = re.sub(
            r"^\W*(?:please|can you|could you|we (?:want|need|should|must)(?: to)?)\s+",
            "",
            text,
            flags=re.I,
        )
        for name, keep in (("keep", True), ("filter", False), ("exclude", False), ("drop", False)):
            match = pattern(name).search(text)
            if match is None:
                continue
            before, after = text[: match.start()], text[match.end() :]
            within = _LEFT_OUT.fullmatch(match.group())
            if within and not _clean(after):
                after = "them" if _THEM.match(within["rows"]) else within["rows"]
            if re.search(r"\b(?:do not|don['’]t|never)\s*$", before, re.I):
                return "", False
            if name == "filter":
                keep = not re.search(r"\b(?:exclud|without|remov|leav|out|drop)\w*", after, re.I)
                after = re.sub(
                    r"^\W*(?:to|for|on|that|which|so|excluding|excludes|removing|leaving out|keeps?|only|it|the|:)+\s+",
                    "",
                    after,
                    flags=re.I,
                )
            tail = re.search(
                r"\b(?:must|should|may|are|is)\s+not\b.*$|\bshould no longer\b.*$", before + "…"
            )
            if not _clean(after) and re.search(r"\b(?:them|these|those|it)\b", match.group(), re.I):
                return "them", keep
            if re.match(r"be |must not be|should not be", match.group(), re.I) or (
                not _clean(after) and _clean(before)
            ):
                del tail
                after = before
            return _tidy(after), keep
        return "", False

    def _sentence_before(self, sentence: str) -> str:
        """What the sentence before this one, in the order of the ticket, says."""
        said = self.reader.sentences
        at = said.index(sentence) if sentence in said else 0
        return said[at - 1] if at > 1 else ""

    def _condition(self, phrase: str, model: str) -> Condition | None:
        """Which rows a phrase means: by the model's own columns, else by those of what it reads, else
        by those of what it points at."""
        reader = self.reader
        found = self._found(phrase, model)
        if not found:
            reader.ask(
                f"edit:filter:{snake(phrase)[:40]}",
                f"“{phrase}”: which rows of `{model}` are these? Its columns are "
                + ", ".join(f"`{c}`" for c in self.view.columns(model)[:12])
                + ".",
                [],
            )
            return None
        if len({c.sql for c in found}) > 1:
            index = reader.ask(
                f"edit:filter:{snake(phrase)[:40]}",
                f"“{phrase}”: which rows are meant?",
                [(f"rows with {c.sql}", self._count(c)) for c in found[:4]],
            )
            return found[index] if index is not None else None
        return found[0]

    def _found(self, phrase: str, model: str) -> list[Condition]:
        """What a phrase may mean; nothing where no column or value says so."""
        reader = self.reader
        parents = [p for p in self._above(model)]
        inside = re.findall(r"\(([^()]+)\)", phrase)
        bare = _clean(phrase)
        bare = re.sub(
            r"^.*?\b(?:say|says|said|think|thinks|told us|ask|asks|asked)\b(?: that)?\s+", "", bare
        )
        quoted = re.findall(r"(\w+)\s+['\"“‘]([^'\"”’]+)['\"”’]", bare)
        phrases = [*inside, bare, *(f"{column} {value}" for column, value in quoted)]
        phrases += [p for p in self._of_what(bare, model) if p not in phrases]
        found: list[Condition] = []
        for relation in (model, *parents):
            for text in phrases:
                found = found or reader.conditions.read(text, [relation])
        for edge in reader.evidence.joins if not found else ():
            if edge.left == model and edge.right in self.view.models and not found:
                for text in phrases:
                    looked_up = reader.conditions.read(text, [edge.right])
                    if looked_up and not found:
                        found = [_by_key(c, edge) for c in looked_up]
        return found

    def _of_what(self, phrase: str, model: str) -> list[str]:
        """What a phrase says of the model's rows: `invoices of patients who were deleted` are those
        of `deleted patients`, `visits of type VIDEO` those of `type VIDEO`."""
        found = []
        if match := _OF.match(phrase):
            rows = [model, *self._above(model)]
            cards = [c for r in rows if (c := self.reader.evidence.relation(r))]
            entity = {s for c in cards for s in entity_stems(c)}
            if set(content_stems(match["rows"])) <= entity:
                found.append(match["of"])
        found += [
            f"{m['done']} {m['of']}" for p in (phrase, *found) if (m := _WHO_ARE.fullmatch(p))
        ]
        return found[::-1]

    def _above(self, model: str) -> list[str]:
        """What a model reads, near ones first; two levels."""
        near = list(self.view.nodes[model].parents)
        return list(dict.fromkeys(near))

    def _count(self, condition: Condition) -> str:
        sql = re.sub(
            r"\{\{\s*ref\('(\w+)'\)\s*\}\}", lambda m: self.data.at(str(m[1])), condition.sql
        )
        n = self.data.one(f"select count(*) from {self.data.at(condition.relation)} where {sql}")
        return f"{n:,} rows" if n is not None else ""

    def _say_what_goes(self, model: str, relation: str, keep: str) -> None:
        about = relation or model
        keep = re.sub(r"\{\{\s*ref\('(\w+)'\)\s*\}\}", lambda m: self.data.at(str(m[1])), keep)
        total = self.data.one(f"select count(*) from {self.data.at(about)}")
        left = self.data.one(f"select count(*) from {self.data.at(about)} where {keep}")
        if total is None or left is None:
            return
        where = f"`{about}`" + (f", which `{model}` reads," if relation else "")
        self.reader.note(f"{total - left:,} of today's {total:,} rows of {where} go by the filter.")
        if below := self.view.below(model):
            listed = ", ".join(f"`{b}`" for b in below[:8])
            self.reader.note(f"Figures further on follow: {listed}.")


def _rows_told(begun: str) -> list[str]:
    """What a sentence says of its rows before it commands: in brackets, else up to the comma."""
    inside = re.findall(r"\(([^()]+)\)", begun)
    plain = re.split(
        r",|\b(?:confus\w+|disturb\w*|bother\w*|are (?:no use|useless|wrong))\b", begun
    )[0]
    return [t for t in (*inside, re.sub(r"\([^()]*\)", " ", plain)) if t.strip()]


def _tidy(text: str) -> str:
    """As `_clean`, with what stands in brackets."""
    inside = " ".join(f"({i})" for i in re.findall(r"\(([^()]+)\)", text))
    return f"{_clean(text)} {inside}".strip()


def _clean(text: str) -> str:
    text = _TAIL.sub(" ", text.strip(" .,:;"))
    text = re.sub(r"\s+(?:(?:from|in|of|out of) (?:it|there|that)|there)$", "", text, flags=re.I)
    text = re.sub(
        r"^\W*(?:all|any|the|those|these|it|them|for|of|from|in)\b\s*", "", text.strip(), flags=re.I
    )
    text = re.sub(r"\b(?:any|rows?|records?)\s+(?=where|with|that|whose)", "", text, flags=re.I)
    return re.sub(r"\s+", " ", re.split(r"[;(]", text)[0]).strip(" .,:;")


def _by_key(condition: Condition, edge: JoinEdge) -> Condition:
    """A condition on another relation as one on the key that leads there."""
    keys = (
        f"select {edge.right_column} from {{{{ ref('{edge.right}') }}}} where {condition.sql}"
        f" and {edge.right_column} is not null"
    )
    sql = f"{edge.left_column} in ({keys})"
    return Condition(sql, edge.left, f"by `{edge.right}`: `{condition.sql}`")

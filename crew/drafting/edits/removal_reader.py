"""Reads which columns and models are to go, and asks where somebody uses them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crew.artifacts import DropColumn, DropModel
from crew.drafting.edits.column_lineage import follow
from crew.drafting.edits.names import without
from crew.drafting.edits.phrases import pattern, says
from crew.drafting.edits.spared import without_kept
from crew.drafting.edits.sql_edits import SqlSource
from crew.drafting.edits.wording import COLUMN_DROP, NOUN
from crew.drafting.model_text import CannotEdit

if TYPE_CHECKING:
    from crew.drafting.edits.reader import EditReader

_PRONOUN = re.compile(r"\b(?:it|them|this|that|these|those)\b", re.I)
_OUT_OF = re.compile(r"\b(?:it|them|sie|es)\s+(?:from|of|out of|aus|in)\b", re.I)
_ROWS = re.compile(
    r"\b(?:rows?|records?|entries|lines|where|whose|with|which|duplicates?)\b|[=<>]", re.I
)
_NEVER = re.compile(r"\b(?:do not|don['’]t|never|without|not to|no need to)\s+\W*$", re.I)


def names_rows(text: str) -> bool:
    """Whether a text speaks of rows, by a word for them or by a condition."""
    return bool(_ROWS.search(text))


class RemovalReader:
    """The removals of one `EditReader`."""

    def __init__(self, reader: EditReader) -> None:
        self.reader, self.view, self.names = reader, reader.view, reader.names

    def read(self, sentence: str) -> bool:
        match = pattern("drop").search(sentence)
        assert match is not None
        if _NEVER.search(sentence[: match.start()]):
            return False
        if says("bring", sentence[: match.start()]):  # what stands before is for another command
            sentence = sentence[match.start() :]
            match = pattern("drop").search(sentence)
            assert match is not None
        models = [k.name for k in self.names.models(sentence)]
        model = self.reader.model(sentence, must=False)
        if model is None:
            if COLUMN_DROP.search(sentence):
                self.reader.model(sentence)
                return True
            return False
        rest = without(without_kept(sentence[match.end() :]), models)
        rest = re.sub(r"\s+out\s*$", "", rest) if match.group().lower() == "take" else rest
        before = without(without_kept(sentence[: match.start()]), models)
        columns = [k.name for k in self.names.columns(rest, model)]
        columns = columns or [k.name for k in self.names.columns(before, model)]
        is_column = bool(COLUMN_DROP.search(sentence))
        head = re.split(r"[,;(]|\s[-–]\s|\b(?:because|since|as|we|it|which|that)\b", rest)[
            0
        ].strip()
        for text in (rest, head):
            if not columns and (link := self.names.column(text, model)) and link.exact:
                columns, is_column = [link.name], True
        if not columns and re.fullmatch(r"[`\"']?[A-Za-z]\w*_\w+[`\"']?", head):
            self.reader.column(head, model)  # a name of none: asked, or nearly one
            near = self.names.column(head, model)
            if near is None or near.others or self.reader.asking.open:
                return True
            columns, is_column = [near.name], True
        if not columns and is_column:
            phrase = re.split(r"[,;(]|\b(?:because|as|since|it|which|that)\b", rest)[0]
            phrase = phrase if _content(phrase) else re.split(r"\b(?:is|are|was|ist)\b", before)[0]
            parts = [p for p in re.split(r",|\band\b", NOUN.sub(" ", phrase)) if p.strip()]
            columns = [c for p in parts if (c := self.reader.column(p, model))]
            if not columns:
                return bool(self.reader.asking.open)
        if not columns and not _content(rest) and _PRONOUN.search(sentence):
            spoken = self.spoken_of(sentence, models or [model])
            columns, is_column = ([spoken], True) if spoken else ([], is_column)
        plain = not _ROWS.search(sentence)
        if columns and (is_column or plain or _says_only(rest, columns)):
            for column in columns:
                self._drop_columns(models or [model], column)
            return True
        if models and _PRONOUN.search(sentence) and _OUT_OF.search(sentence):
            self.reader.ask(f"edit:drop:{model}", f"“{sentence}”: which column of `{model}`?", [])
            return True
        if models and not COLUMN_DROP.search(sentence) and not _content(rest):
            return self._drop_model(models[0])
        return False

    def spoken_of(self, sentence: str, models: list[str]) -> str:
        """The column that the words before a sentence, or itself, named last."""
        before = (
            self.reader.text[: self.reader.text.find(sentence)]
            if sentence in self.reader.text
            else self.reader.text
        )
        for text in (sentence, before):
            found = [k.name for m in models for k in self.names.columns(text, m)]
            if found:
                return found[-1]
        words_ = set(re.findall(r"\w+", before.lower()))
        plain = [c for m in models for c in self.view.columns(m) if c.lower() in words_]
        return plain[0] if len(plain) == 1 else ""

    def _drop_columns(self, models: list[str], column: str) -> None:
        """In all models named that have it, those furthest on first."""
        having = [
            m for m in models if column.lower() in map(str.lower, self.view.columns(m))
        ]  # fmt: skip
        for model in sorted(having, key=lambda m: -self.view.order[m]):
            self._drop_column(model, column, [m for m in having if m != model])

    def _drop_column(self, model: str, column: str, others: list[str]) -> None:
        used = [u for u in self._users(model, column) if not any(f"`{o}`" in u for o in others)]
        if others and all("exposure" in u for u in used):
            used = []
        if not used:
            self.reader.add(DropColumn(model=model, column=column))
            return
        listed = "; ".join(used[:6])
        index = self.reader.ask(
            f"edit:drop:{model}.{column}",
            f"`{model}.{column}` is used: {listed}. Drop it there too?",
            [
                ("keep it: nothing is dropped", ""),
                ("drop it there too, with what is made of it", f"{len(used)} places"),
            ],
        )
        if index == 1:
            self.reader.add(DropColumn(model=model, column=column, everywhere=True))
        elif index == 0:
            self.reader.reading.refused = f"`{model}.{column}` stays, as answered: {listed}."

    def _users(self, model: str, column: str) -> list[str]:
        """Who uses a column of a model, in words."""
        known = {k: self.view.columns(k) for k in self.view.nodes}
        carriers, told = {model}, []
        for key in self.view.below(model):
            node = self.view.nodes[key]
            if not set(node.parents) & carriers:
                continue
            try:
                uses = follow(SqlSource(node.raw, self.view.dialect), column, carriers, known)
            except CannotEdit:
                told.append(f"`{key}` may read it")
                continue
            if uses.passed:
                carriers.add(key)
                told.append(f"`{key}` passes it on")
            if uses.computed or uses.elsewhere:
                made = ", ".join(f"`{c}`" for c in uses.computed if c)
                told.append(f"`{key}` uses it" + (f" for {made}" if made else ""))
        for name, reads in self.view.exposures:
            if told and set(reads) & (carriers - {model}):
                told.append(f"the exposure `{name}` reads a model that has it")
        return told

    def _drop_model(self, model: str) -> bool:
        children = self.view.nodes[model].children
        exposed = [name for name, reads in self.view.exposures if model in reads]
        if not children and not exposed:
            return self.reader.add(DropModel(model=model))
        users = [*(f"`{c}`" for c in children), *(f"the exposure `{e}`" for e in exposed)]
        self.reader.ask(
            f"edit:drop:{model}",
            f"`{model}` is read by {', '.join(users)}, which would break. What should they read instead?",
            [("keep it: nothing is dropped", "")],
        )  # fmt: skip
        if not self.reader.asking.open:
            self.reader.reading.refused = f"`{model}` stays: it is read by {', '.join(users)}."
        return True


def _says_only(text: str, columns: list[str]) -> bool:
    """Whether a phrase names columns and says nothing else of what is to go."""
    for column in columns:
        text = re.sub(rf"(?<!\w){re.escape(column)}(?!\w)", " ", text, flags=re.I)
    text = re.split(
        r"[;(.]|,\s*(?:it|we|nobody|as|because)\b|\b(?:because|since|isn['’]t|is not|it is)\b", text
    )[0]
    return not _content(text)


def _content(text: str) -> str:
    """What a phrase says beside articles, nouns of the trade and politeness."""
    text = NOUN.sub(" ", re.sub(r"\([^()]*\)", " ", text))
    return re.sub(
        r"\b(?:the|a|an|our|and|from|in|of|it|them|please|model|table|mart|view|completely|entirely|again|too|as well"
        r"|anymore|any more|nobody uses it|unused|is|not used|now|bitte|und|et|y|we|can|should|could"
        r"|you|to|want|need|let's"
        r"|no longer needed|there|here|be|isn't|by|anybody|used|everywhere)\b|[\W_]+",
        " ", text, flags=re.I,
    ).strip()  # fmt: skip

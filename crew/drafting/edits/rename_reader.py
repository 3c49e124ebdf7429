"""Reads renames of columns and models."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from crew.artifacts import RenameColumn, RenameModel
from crew.drafting.edits.column_lineage import follow
from crew.drafting.edits.names import without
from crew.drafting.edits.phrases import named, pattern, says
from crew.drafting.edits.sql_edits import SqlSource
from crew.drafting.edits.wording import (
    ARROW,
    COLUMN_DROP,
    END,
    IDENTIFIER,
    NOUN,
    PAIR,
    PRONOUNS,
    QUOTE,
)
from crew.drafting.model_text import CannotEdit
from crew.drafting.vocabulary import snake, stem_set, stems

if TYPE_CHECKING:
    from crew.drafting.edits.reader import EditReader

_NAME_END = (
    r"\s+(?:in|everywhere|across|because|since|so|please|and|for|from|as|going|instead|now|henceforth|to|when|if"
    r"|weil|da|damit|denn|ab|künftig|bitte|und|aber|but|car|porque|,)\b|[,;(]|\s[-–]\s"
)
_NO_NAME = re.compile(r"(?:from|of|in|on|it|them|this|that|these|those|there|here)\b", re.I)
"""What is no new name, though it stands where one could: `should read from it`."""


class RenameReader:
    """The renames of one `EditReader`."""

    def __init__(self, reader: EditReader) -> None:
        self.reader, self.view, self.names = reader, reader.view, reader.names

    def read(self, sentence: str) -> bool:
        is_rename = says("rename", sentence) or says("rename", self.reader.text)
        if not is_rename:
            return False
        models = [k.name for k in self.names.models(sentence)]
        if not says("rename", sentence) and not self._is_bare(sentence):
            return False
        pairs = [(m["old"], m["new"]) for m in PAIR.finditer(sentence)]
        known = {m.lower() for m in self.view.nodes}
        done = False
        inside = re.compile(r"\b(?:in|of|from|on|im|in der|dans|de|en)\s+[`\"']?$", re.I)
        for match in PAIR.finditer(sentence):
            old, new = match["old"], match["new"]
            if COLUMN_DROP.search(sentence) or inside.search(sentence[: match.start("old")]):
                continue
            if old.lower() in known and old in self.view.models and "_" in new + old:
                done |= self._rename_model(old, new)
        if done:
            return True
        if says("rename", sentence) and self._names_of_model(sentence):
            return True
        model = self.reader.model(sentence, must=False)
        if model is None:
            if not says("rename", sentence):
                return False
            self.reader.model(sentence)
            return True
        columns = {c.lower() for c in self.view.columns(model)}
        real = [(o, n) for o, n in pairs if o.lower() in columns and n.lower() not in known]
        if not real and says("rename", sentence):
            read = self._loose_pair(sentence, models or [model])
            if read is None:
                return False
            if not read[0] and len(models) == 1 and "_" in read[1]:
                return self._rename_model(models[0], read[1])
            spoken = self._spoken_of(read[0], sentence, models or [model])
            exact = self.names.columns(spoken or read[0], model)
            column = exact[-1].name if exact else self.reader.column(spoken or read[0], model)
            if column is None:
                return True
            real = [(column, read[1])]
        for old, new in real:
            for each in self._with_column(old, models or [model]):
                done |= self._rename_column(each, old, new)
        return done

    def _is_bare(self, sentence: str) -> bool:
        """Whether a sentence that says no word of renaming is but pairs of names: `- km to distance_km`."""
        news = [m["new"] for m in PAIR.finditer(sentence)]
        if any(_NO_NAME.match(n) or named("types", n) for n in news):
            return False
        rest = without(PAIR.sub(" ", sentence), list(self.view.models))
        return not [s for s in stems(NOUN.sub(" ", rest)) if s not in stem_set("stops")]

    def _spoken_of(self, old: str, sentence: str, models: list[str]) -> str:
        """The column that `it` stands for; empty where the old name is told."""
        is_told = old.strip(" .,").lower() not in {*PRONOUNS, "sie", "es", "die", "das", "diese"}
        return "" if is_told else self.reader.removals.spoken_of(sentence, models)

    def _names_of_model(self, sentence: str) -> bool:
        """`rename the model to y` in a sentence that names the model elsewhere."""
        noun = r"(?:model|table|mart|view|modell|tabelle|modèle|modelo|tabla)"
        match = re.search(
            rf"\b{noun}\b[^,;]*?{ARROW}{QUOTE}(?P<new>{IDENTIFIER}){END}", sentence, re.I
        )
        if not match or COLUMN_DROP.search(sentence):
            return False
        new = match["new"]
        before = self.names.models(sentence) or self.names.models(self.reader.text)
        if not before or "_" not in new or new in self.view.nodes:
            return False
        return self._rename_model(before[0].name, new)

    def _with_column(self, column: str, models: list[str]) -> list[str]:
        """The models to rename it in: those named to which no other one named hands it."""
        having = [m for m in models if column.lower() in map(str.lower, self.view.columns(m))]
        carriers: set[str] = set()
        own: list[str] = []
        for model in sorted(having, key=lambda m: self.view.order[m]):
            if model not in carriers:
                own.append(model)
                carriers |= self._handed_down(model, column)
        return own or models[:1]

    def _handed_down(self, model: str, column: str) -> set[str]:
        """The models further on that have the column as it is."""
        known = {k: self.view.columns(k) for k in self.view.nodes}
        carriers = {model}
        for key in self.view.below(model):
            node = self.view.nodes[key]
            if not set(node.parents) & carriers:
                continue
            with suppress(CannotEdit):
                if follow(SqlSource(node.raw, self.view.dialect), column, carriers, known).passed:
                    carriers.add(key)
        return carriers

    def _loose_pair(self, sentence: str, models: list[str]) -> tuple[str, str] | None:
        """(what is renamed, the new name) where they are not written as two names."""
        text = without(sentence, models)
        parts = re.split(ARROW, text, flags=re.I)
        if len(parts) < 2:
            return None
        left, right = parts[-2], parts[-1]
        left = pattern("rename").sub(" ", left)
        right = re.split(_NAME_END, right)[0]
        right = pattern("rename").sub("", right).strip(" .`\"'“”‘’")
        if written := re.match(r"[A-Za-z]\w*_\w+", right):
            right = written.group()
        left = re.sub(r"\b(?:should|must|needs? to|has to|please|and|now|the)\b", " ", left)
        if not right or len(right.split()) > 5 or _NO_NAME.match(right):
            return None
        new = right if re.fullmatch(IDENTIFIER, right) else snake(right)
        if new != right:
            self.reader.assume(f"The new name “{right}” is written `{new}`.")
        return re.sub(
            r"^\W*(?:please|can you|could you|we (?:should|need to))\b",
            "",
            left.strip(),
            flags=re.I,
        ), new

    def _rename_model(self, old: str, new: str) -> bool:
        if new in self.view.nodes:
            text = f"There is a `{new}` already. What should `{old}` be called?"
            self.reader.ask(f"edit:name:{new}", text, [])
            return True
        return self.reader.add(RenameModel(model=old, to=new))

    def _rename_column(self, model: str, old: str, new: str) -> bool:
        actual = next((c for c in self.view.columns(model) if c.lower() == old.lower()), old)
        if new.lower() in {c.lower() for c in self.view.columns(model)}:
            self.reader.ask(
                f"edit:name:{new}",
                f"`{model}` has a column `{new}` already. What should `{old}` be called?", [],
            )  # fmt: skip
            return True
        return self.reader.add(RenameColumn(model=model, column=actual, to=new))

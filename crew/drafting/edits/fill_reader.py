"""Reads what a column is to show where it is empty: `put 'unknown' there instead`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crew.artifacts import FillEmpty
from crew.drafting.edits.names import without
from crew.drafting.schema_linker import content_stems
from crew.drafting.vocabulary import name_stems, stem, stem_set

if TYPE_CHECKING:
    from crew.drafting.edits.reader import EditReader

_EMPTY = re.compile(
    r"\b(?:empty|nulls?|blanks?|missing|not set|unset|coalesce|default(?:s|ed)? to|leere?[nrs]?|fehlt|fehlen\w*|vides?"
    r"|manquante?s?|vací[oa]s?|faltan?)\b",
    re.I,
)
_PUT = re.compile(
    r"\b(?:replac(?:e|ed|ing)|fill(?:ed|ing)?|put|show|display|use|write|set|default(?:s|ed)?|coalesce|substitute|say"
    r"|should (?:be|read|become)|must be|turn|make|ersetz\w*|\w*füll\w*|schreib\w*|steh\w*|setz\w*|remplac\w+|mett\w+"
    r"|affich\w+|reemplaz\w+|rellen\w+|pon\w*)\b",
    re.I,
)
_QUOTED = re.compile(r"(?<!\w)['\"“„‘«](?P<text>[^'\"”“’»\n]{1,60})['\"”“’»](?!\w)")
_NUMBER = re.compile(r"(?:(?:with|by|to|put|use|show|as|be|set|durch|mit|auf|par|por|con|con el|a)\s+(?:an?\s+)?)"
                     r"(?P<n>0|zero|-?\d+(?:\.\d+)?)(?![\w.%])", re.I)  # fmt: skip
_THERE = re.compile(
    r"\b(?:there|it|them|these|those|this|instead|dort|da|stattdessen|là|ahí)\b", re.I
)
_FIGURE = re.compile(
    r"\b(?:how (?:many|much)|numbers? of|sum of|total|average|per (?:day|week|month|quarter|year)|by (?:day|week|month"
    r"|quarter|year)|anzahl|summe|pro (?:tag|woche|monat|jahr)|je (?:tag|woche|monat|jahr)|nombre de|por mes)\b",
    re.I,
)
"""Of a new figure, what is shown for none is said of its result."""
_FILLERS = {
    stem(w) for w in re.findall(r"\w+",
        "there instead it is are them these those this that the a an value values row rows entry entries field fields"
        " column columns cell cells where when if still all any please pls can could u you we should must be with by"
        " to in of for as have has a or and so text word string real just simply then default nicht dort statt durch"
        " bitte soll sollen steht stehen stattdessen mit werden wo ist sind les des valeurs par dans las los valores"
        " por en der die das den nulls empty every member"
    )
}  # fmt: skip
_NUMERIC = r"(?:tiny|small|big|huge|u)?int|decimal|numeric|double|float|real"


class FillReader:
    """The filled columns of one `EditReader`."""

    def __init__(self, reader: EditReader) -> None:
        self.reader, self.view, self.names = reader, reader.view, reader.names
        self.data = reader.data

    def applies(self, sentence: str) -> bool:
        """Whether it puts a value somewhere, and it or the sentence before says that it is empty."""
        value = _QUOTED.search(sentence) or _NUMBER.search(sentence)
        if not value or not _PUT.search(sentence):
            return False
        return bool(_EMPTY.search(_QUOTED.sub(" ", sentence))) or bool(
            _THERE.search(sentence) and _EMPTY.search(self._before(sentence))
        )

    def read(self, sentence: str) -> bool:
        reader = self.reader
        said = sentence if _EMPTY.search(_QUOTED.sub(" ", sentence)) else self._before(sentence)
        models = self.names.models(sentence) or self.names.models(said)
        models = models or self.names.models(reader.title) or self.names.models(reader.text)
        if not models or _FIGURE.search(reader.text.replace(sentence, " ")):
            return False
        model = models[0].name
        columns = self._columns(_QUOTED.sub(" ", sentence), model) or self._columns(said, model)
        columns = columns or (self._columns(reader.title, model) if said != sentence else [])
        if len(columns) != 1 or self._unread(sentence, columns[0], [k.name for k in models]):
            return False
        column = columns[0]
        value = self._value(sentence, model, column)
        if not value:
            return False
        card = reader.evidence.relation(model)
        known = card.column(column) if card else None
        if known and "accepted_values" in known.tests:
            reader.ask(
                f"edit:fill:{column}",
                f"`{model}.{column}` is tested to hold one of some values, and {value} is none of them. Is the"
                " test to allow it?",
                [],
            )
            return True
        at = self.data.at(model)
        blanks = bool(
            self.data.one(f"select count(*) from {at} where cast({column} as varchar) = ''")
        )
        gaps = f"{column} is null" + (f" or {column} = ''" if blanks else "")
        n = self.data.one(f"select count(*) from {at} where {gaps}")
        if n is not None:
            reader.note(f"`{model}.{column}` is empty in {n:,} rows today; they show {value} then.")
        if below := self.view.below(model):
            reader.note(f"Models further on read it so: {', '.join(f'`{b}`' for b in below[:8])}.")
        return reader.add(FillEmpty(model=model, column=column, value=value, blanks=blanks))

    def _before(self, sentence: str) -> str:
        said = self.reader.sentences
        at = said.index(sentence) if sentence in said else 0
        return said[at - 1] if at else ""

    def _columns(self, text: str, model: str) -> list[str]:
        """Columns that a text names, or the one whose words stand in it."""
        if named := [k.name for k in self.names.columns(text, model)]:
            return named
        said = set(content_stems(text))
        spoken = [c for c in self.view.columns(model) if set(name_stems(c)) <= said]
        return spoken if len(spoken) == 1 else []

    def _unread(self, sentence: str, column: str, models: list[str]) -> list[str]:
        """Words of the command that say neither what is filled nor with what."""
        rest = without(_NUMBER.sub(" ", _QUOTED.sub(" ", sentence)), [*models, column])
        rest = _EMPTY.sub(" ", _PUT.sub(" ", rest))
        known = _FILLERS | set(name_stems(column)) | stem_set("articles")
        return [s for s in content_stems(rest) if s not in known]

    def _value(self, sentence: str, model: str, column: str) -> str:
        """The SQL literal; empty where the column cannot hold it."""
        quoted, number = _QUOTED.findall(sentence), _NUMBER.search(sentence)
        type_ = self.view.typed_columns(model).get(column, "")
        if len(quoted) > 1 or (quoted and number):
            return ""
        if re.match(_NUMERIC, type_, re.I):
            text = quoted[0] if quoted else number["n"] if number else ""
            text = "0" if text.lower() == "zero" else text
            return text if re.fullmatch(r"-?\d+(?:\.\d+)?", text) else ""
        if type_.startswith(("varchar", "text", "char", "string")):
            text = quoted[0] if quoted else number["n"] if number else ""
            return "'" + text.replace("'", "''") + "'" if text else ""
        return ""

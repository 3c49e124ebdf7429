"""Reads which type a column is to have, and asks where today's values would not survive it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from crew.artifacts import Retype
from crew.drafting.edits.names import without
from crew.drafting.edits.phrases import named
from crew.drafting.edits.wording import COLUMN_DROP, PRONOUNS

if TYPE_CHECKING:
    from crew.drafting.edits.reader import EditReader

_PLAIN_DAY = re.compile(
    r"\b(?:plain|just|only|pure|simple|mere|nur|reines?|seulement|simplement|sólo|solo|simplemente)\s+"
    r"(?:(?:an?|the|das|ein|la|une)\s+)?(?:dates?|days?|datum|tag|fecha|jour)\b"
    r"|\b(?:without|no|drop|cut(?: off)?|remove|strip|ohne|sans|sin)\s+(?:off\s+)?(?:the\s+|a\s+|la\s+|l['’]|die\s+)?"
    r"(?:times?|hours?|uhrzeit|zeit|heure|hora)\b(?! ?zone)"
    r"|\btime (?:of day )?(?:is|should be|can be) (?:cut|dropped|removed)|\bdate only\b",
    re.I,
)


class TypeReader:
    """The types of one `EditReader`."""

    def __init__(self, reader: EditReader) -> None:
        self.reader, self.view, self.names = reader, reader.view, reader.names
        self.data = reader.data

    def read(self, sentence: str) -> bool:
        models = [k.name for k in self.names.models(sentence)]
        model = self.reader.model(sentence, must=False)
        found = named("types", sentence)
        if model is None or not found:
            return False
        turned_from = (
            r"\b(?:instead of|rather than|not|from|is|was|are|of) (?:as )?(?:an? |the )?(?:type )?$"
        )
        wanted = [f for f in found if not re.search(turned_from, sentence[: f[1]], re.I)]
        type_, at = (wanted or found)[-1]
        written = re.match(r"\w+\s*\(\s*\d+\s*(?:,\s*\d+\s*)?\)", sentence[at:])
        columns = [k.name for k in self.names.columns(sentence[:at], model)]
        if not columns:
            head = without(sentence[:at], models)
            head = re.sub(
                r"\b(?:the\s+)?(?:data\s*)?type\s+of\b|\b(?:should|must|needs? to|has to|be|is|a|an|to"
                r"|into|as|from|please|can|could"
                r"|stored|cast|converted|change|make|convert|turn|set|the|type|data)\b",
                " ", head, flags=re.I,
            )  # fmt: skip
            head = " ".join(head.split())
            if head.lower() in PRONOUNS:
                head = self.reader.removals.spoken_of(sentence, [model]) or head
            link = self.names.column(head, model)
            if link is None and not COLUMN_DROP.search(sentence) and "type" not in sentence.lower():
                return False
            column = self.reader.column(head, model)
            if column is None:
                return True
            columns = [column]
        data_type = written.group() if written else self._sql_type(type_)
        for column in columns:
            self._retype_column(model, column, data_type)
        return True

    def _sql_type(self, name: str) -> str:
        if name == "decimal":
            self.reader.assume(
                "A decimal keeps 18 digits, 2 of them behind the point: `decimal(18, 2)`."
            )
            return "decimal(18, 2)"
        return name

    def _retype_column(self, model: str, column: str, data_type: str) -> None:
        """Retype, if today's values survive it."""
        lost, example = self.lost_by_cast(model, column, data_type)
        was = self.view.typed_columns(model).get(column, "")
        if lost and was.startswith("timestamp") and data_type == "date":
            if not self._is_cut(model, column, lost):
                return
        elif lost:
            shown = repr(example) if isinstance(example, str) else str(example)
            index = self.reader.ask(
                f"edit:retype:{column}",
                f"{lost:,} values of `{model}.{column}` would not survive as {data_type} (such as {shown}). "
                "What then?",
                [("leave the column as it is", ""), ("those become null", f"{lost:,} values are lost")],
            )  # fmt: skip
            if index != 1:
                if index == 0:
                    self.reader.reading.refused = f"`{model}.{column}` stays as it is, as answered."
                return
        self.reader.add(Retype(model=model, column=column, data_type=data_type))

    def _is_cut(self, model: str, column: str, timed: int) -> bool:
        """Whether the time of a moment is to go; asked where the ticket does not say so."""
        if not _PLAIN_DAY.search(self.reader.text):
            index = self.reader.ask(
                f"edit:retype:{column}",
                f"{timed:,} values of `{model}.{column}` have a time of day, which a date has not. What then?",
                [("cut the time off", ""), ("leave the column as it is", "")],
            )
            if index == 1:
                self.reader.reading.refused = f"`{model}.{column}` stays as it is, as answered."
            if index != 0:
                return False
        self.reader.assume(
            f"`{model}.{column}` is the day as it is written in the data; the time of {timed:,} values goes."
        )
        return True

    def lost_by_cast(self, model: str, column: str, data_type: str) -> tuple[int, Any]:
        """How many of today's values a cast would lose or change, and one of them."""
        at = self.data.at(model)
        cast = f"try_cast({column} as {data_type})"
        was = self.view.typed_columns(model).get(column, "")
        survives = f"{cast} is not null"
        if (
            was
            and not data_type.startswith(("varchar", "text"))
            and not was.startswith(("varchar", "text"))
        ):
            survives += f" and try_cast({cast} as {was}) is not distinct from {column}"
        lost = f"{column} is not null and not ({survives})"
        n = self.data.one(f"select count(*) from {at} where {lost}")
        if not n:
            return 0, None
        return n, self.data.one(f"select {column} from {at} where {lost} limit 1")

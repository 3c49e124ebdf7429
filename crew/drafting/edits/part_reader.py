"""Reads other periods of rows, parts of models and models made of several."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from crew.artifacts import AddToGrain, ChangeGrain, Merge, MoveRows, Split
from crew.drafting.edits.column_lineage import ColumnFlow
from crew.drafting.edits.conditions import negated
from crew.drafting.edits.finer_grain import group_keys
from crew.drafting.edits.key_reader import is_spoken_of
from crew.drafting.edits.names import without
from crew.drafting.edits.phrases import named, says
from crew.drafting.edits.sql_edits import SqlSource
from crew.drafting.model_text import CannotEdit
from crew.drafting.schema_linker import content_stems
from crew.drafting.vocabulary import name_stems, snake, stem_set, stems

if TYPE_CHECKING:
    from crew.drafting.edits.reader import EditReader

_ORDER = ("hour", "day", "week", "month", "quarter", "year")
_PERIODS = {
    "hour": r"hour|hr|stunde|heure|hora", "day": r"day|date|dt|tag|datum|jour|fecha|dia",
    "week": r"week|wk|woche|kw|semaine|semana", "month": r"month|mth|monat|mois|mes",
    "quarter": r"quarter|qtr|quartal|trimestre", "year": r"year|yr|jahr|annee|ano|anio",
}  # fmt: skip
_TIMES = ("timestamp", "date", "datetime")

_PERIOD_OF = re.compile(
    r"\b(?P<grain>day|week|month|quarter|year)\s+of\s+(?:the\s+)?[`\"']?(?P<of>\w+)", re.I
)
_BEFORE = re.compile(
    r"\b(?:instead of|rather than|not|no longer|statt|anstatt|anstelle von|nicht mehr|au lieu de|en vez de|en lugar de)"
    r"\s+(?:per |by |pro |je |par |por )?(?:the )?\w+",
    re.I,
)
_COARSER = re.compile(r"^\W*(?:please\s+)?(?:aggregate|roll up|make|switch|change|turn)\b", re.I)
_NEW = re.compile(r"\b(?:new|separate|another) (?:model|mart|table|report)\b", re.I)
_CALLED = re.compile(r"\bcolumn\s+(?:called\s+|named\s+)?[`\"']?(?P<name>[a-z]\w*_\w+)", re.I)


_MOVE = re.compile(
    r"\b(?:move|put|shift|separate|split(?: off)?|take)\s+(?:out\s+)?(?P<rows>[^;.:]+?)\s+(?:into|to|in)\s+(?:an?\s+"
    r"|the\s+|its\s+|their\s+)?(?:(?:separate|new|own|second|other)\s+)*(?:model|table|mart)\b"
    r"(?:\s+of (?:their|its) own)?\s*,?\s*(?:(?:called|named)\s+)?[`\"']?(?P<to>[A-Za-z][A-Za-z0-9]*_\w+)",
    re.I,
)


def _as_sql(condition: str) -> str:
    """`not x is null` as it is written by hand."""
    match = re.fullmatch(r"NOT (\w+) IS NULL", condition)
    return f"{match[1]} is not null" if match else condition


_OUT_OF = (
    r"\b(?:from|out of|based on|using|built on|aus)\s+(?:(?:the|our|der|dem)\s+)*"
    r"(?:(?:model|table|mart|tabelle|modell)\s+)?[`\"']?"
)


class PartReader:
    """The periods and parts of one `EditReader`."""

    def __init__(self, reader: EditReader) -> None:
        self.reader, self.view, self.names = reader, reader.view, reader.names
        self.data = reader.data

    def grain(self, sentence: str) -> bool:
        reader = self.reader
        if (says("move", sentence) or says("split", sentence)) and self._names_new(sentence):
            return False  # what a row is of is said of the new model
        models = self.names.models(sentence) or self.names.models(reader.title)
        if says("row_per", sentence) and not _NEW.search(reader.text):
            models = models or self.names.models(reader.text)
        if not models:
            return False
        model = models[0].name
        if re.search(rf"{_OUT_OF}{re.escape(model)}(?!\w)", sentence, re.I):
            return False  # `revenue per month from fct_days` counts its rows and changes none
        if self._finer(sentence, model):
            return True
        bare = _BEFORE.sub(" ", without(sentence, [m.name for m in models]))
        said = [g for g, _ in named("grains", bare)]
        period = self._period(model)
        if said and period is None and _COARSER.search(sentence):
            return self._ask_roll_up(model, "", said[-1])
        if not said or period is None:
            return False
        column, now = period
        wanted = [g for g in said if g != now]
        if not wanted:
            return False
        grain = wanted[-1]
        if self._ask_roll_up(model, column, grain):
            return True
        if _ORDER.index(grain) < _ORDER.index(now):
            reader.note(f"`{model}` gets finer: rows per {grain} instead of per {now}.")
        return reader.add(ChangeGrain.model_validate(dict(model=model, column=column, grain=grain)))

    def _names_new(self, sentence: str) -> bool:
        """Whether a sentence names a model that is to come."""
        found = re.search(
            r"\b(?:model|table|mart|view|into|in|to|called|named)\s+[`\"']?(?P<to>[a-z]\w*_\w+)[`\"']?\s*\(",
            sentence, re.I,
        )  # fmt: skip
        return bool(found and found["to"] not in self.view.nodes)

    def _ask_roll_up(self, model: str, period: str, grain: str) -> bool:
        """Whether a row is one thing for now, so that its period alone makes no rows of it: asks."""
        key = self.reader.keys.unique_key(model)
        if len(key) != 1 or key[0] == period:
            return False
        others = [f"`{c}`" for c in self.view.columns(model) if c not in {key[0], period}]
        self.reader.ask(
            f"edit:grain:{model}",
            f"A row of `{model}` is one `{key[0]}` today. For rows per {grain}: by what else are they"
            f" grouped, and what becomes of {', '.join(others[:8])}: added up, averaged, or left out?",
            [],
        )
        return True

    def _finer(self, sentence: str, model: str) -> bool:
        """One more thing that an aggregated model has its rows for."""
        try:
            source = SqlSource(self.view.nodes[model].raw, self.view.dialect)
            keys, read = group_keys(source), self._read_by(source)
        except CannotEdit:
            return False
        have = {c.lower() for c in self.view.columns(model)}
        more = [
            c for c in read
            if c.lower() not in have and re.search(rf"(?<!\w){re.escape(c)}(?!\w)", sentence, re.I)
        ]  # fmt: skip
        times = [c for c, t in read.items() if t.startswith(_TIMES)]
        found = _PERIOD_OF.search(sentence)
        spoken = [g for g, _ in named("grains", sentence)]
        dated = any(t.startswith(_TIMES) for t in self.view.typed_columns(model).values())
        undated = len(times) == 1 and len(set(spoken)) == 1 and not dated and not found
        if not keys or not (more or found or undated):
            return False
        if more:
            edits = [AddToGrain(model=model, column=c, expression=c) for c in more]
        else:
            if found:
                times = [c for c in times if is_spoken_of(c, found["of"]) or c == found["of"]]
            if len(times) != 1:
                return False
            grain = found["grain"].lower() if found else spoken[0]
            named_ = _CALLED.search(sentence)
            column = named_["name"] if named_ else grain
            if column.lower() in have:
                return False
            period = f"cast(date_trunc('{grain}', {times[0]}) as date)"
            edits = [AddToGrain(model=model, column=column, expression=period)]
            self.reader.assume(f"The {grain} is that of `{times[0]}`, as its first day.")
        for edit in edits:
            self.reader.add(edit)
        listed = ", ".join(f"`{x}`" for x in (*keys, *(e.column for e in edits)))
        self.reader.note(f"`{model}` has one row per {listed} then; before, fewer rows.")
        if below := self.view.below(model):
            listed = ", ".join(f"`{b}`" for b in below[:8])
            self.reader.note(f"What reads it gets more rows: {listed}.")
        return True

    def _read_by(self, source: SqlSource) -> dict[str, str]:
        """Columns that the last select reads, with their types where they come as they are."""
        known = {k: self.view.columns(k) for k in self.view.nodes}
        flow = ColumnFlow(source, source.trees[0], "", (), known)
        types = {c: t for r in source.relations for c, t in self.view.typed_columns(r).items()}
        found: dict[str, str] = {}
        for _, below in flow.scopes[-1].selected_sources.values():
            for column in flow.columns_of(below):
                found.setdefault(column, types.get(column, ""))
        return found

    def _period(self, model: str) -> tuple[str, str] | None:
        """The column that dates the rows of a model, and how far apart they are."""
        typed = self.view.typed_columns(model)
        dates = [c for c, t in typed.items() if t.startswith(_TIMES)]
        scored = []
        for column in dates:
            for grain, forms in _PERIODS.items():
                if re.search(rf"(?:^|_)(?:{forms})(?:_|$)", column, re.I):
                    scored.append((column, grain))
        if scored:
            return scored[0]
        return (dates[0], "day") if len(dates) == 1 else None

    def split(self, sentence: str) -> bool:
        reader = self.reader
        models = self.names.models(sentence)
        if not models:
            return False
        model = models[0].name
        match = re.search(
            r"\binto\s+(?P<parts>.+)|\bin\s+(?P<de>.+)", sentence[sentence.find(model) :], re.I
        )
        parts = re.findall(
            r"(?<![\w.])[A-Za-z]\w*_\w+", (match["parts"] or match["de"]) if match else ""
        )
        parts = [p for p in dict.fromkeys(parts) if p not in self.view.nodes]
        columns = {c.lower() for c in self.view.columns(model)}
        parts = [p for p in parts if p.lower() not in columns]
        by = re.search(
            r"\b(?:by|on|nach|par|por)\s+(?P<by>[\w` ]+)", without(sentence, [model, *parts]), re.I
        )
        column = self.names.column(by["by"].strip("` "), model) if by else None
        if column is None and len(parts) < 2:
            return False
        if column is None:
            text = f"By which column or condition is `{model}` to be split?"
            reader.ask(f"edit:split:{model}", text, [])
            return True
        values = self.data.values(model, column.name)
        if not 2 <= len(values) <= 6:
            reader.ask(
                f"edit:split:{model}",
                f"`{column.name}` has {len(values) if values else 'too many'} values: which rows go "
                "into which part?", [],
            )  # fmt: skip
            return True
        if len(parts) != len(values):
            parts = [f"{model}_{snake(str(v))}" for v in values]
            reader.assume("The parts are called " + ", ".join(f"`{p}`" for p in parts) + ".")
        else:
            matched = _matched(parts, values, column.name)
            if matched is None:
                reader.ask(
                    f"edit:split:{model}",
                    f"Which rows of `{model}` go into which part? `{column.name}` has the values "
                    + ", ".join(f"`{v}`" for v in values)
                    + ", the parts are "
                    + ", ".join(f"`{p}`" for p in parts)
                    + ".",
                    [],
                )
                return True
            values = matched
        conditions = tuple(
            f"{column.name} is null" if v is None else f"{column.name} = {_literal(v)}"
            for v in values
        )
        reader.note(f"`{model}` stays; the parts read it.")
        return reader.add(Split(model=model, parts=tuple(parts), conditions=conditions))

    def moved(self, sentence: str) -> bool:
        """`Move members who left into a model of their own, dim_former_members`."""
        reader = self.reader
        match = _MOVE.search(sentence)
        if match is None or match["to"] in self.view.nodes:
            return False
        models = [
            k.name for t in (sentence, reader.title, reader.text) for k in self.names.models(t)
        ]
        if not models:
            return False
        model = models[0]
        rows = re.sub(r"\b(?:from|out)$", "", without(match["rows"], [model]).strip()).strip()
        found = self._moved_rows(rows, model)
        if len(found) != 1:
            reader.ask(
                f"edit:move:{model}",
                f"“{rows.strip()}”: which rows of `{model}` are these?",
                [(f"rows with {c}", "") for c in found[:4]],
            )
            return True
        sql = found[0]
        rest = negated(sql, self.view.dialect)
        n = self.data.one(f"select count(*) from {self.data.at(model)} where {sql}")
        if n is None and self.data.warehouse is not None:
            reader.ask(
                f"edit:move:{model}", f"“{rows.strip()}”: which rows of `{model}` are these?", []
            )
            return True
        reader.assume(
            f"“{rows.strip()}” are the rows with `{sql}`; `{match['to']}` has the same columns."
        )
        if n is not None:
            reader.note(f"{n:,} of today's rows of `{model}` move to `{match['to']}`.")
        if below := self.view.below(model):
            reader.note(
                f"These read `{model}` and get fewer rows: {', '.join(f'`{b}`' for b in below[:8])}."
            )
        return reader.add(MoveRows(model=model, to=match["to"], condition=sql, rest=rest))

    def _moved_rows(self, rows: str, model: str) -> list[str]:
        """What a phrase for rows may mean; of `who closed their account` the date of what is done."""
        bare = re.sub(r"^(?:all|the|those)\s+", "", rows.strip(), flags=re.I)
        done = re.sub(
            r"^.*?\b(?:who|that|which|whose)\s+(?:have\s+|has\s+|are\s+|were\s+)?", "", bare
        )
        card = self.reader.evidence.relation(model)
        own = set(stems(done)) - stem_set("articles")
        for text in (bare, done, done.split()[0] if done.split() else ""):
            found = {c.sql for c in self.reader.conditions.read(text, [model])} if text else set()
            if found and text != bare and text != done:  # the other words are to say the same
                columns = [c for c in card.columns if c.name in " ".join(found)] if card else []
                told = {s for c in columns for s in (*name_stems(c.name), *content_stems(c.told))}
                left = {s for s in own if s not in told and s not in stem_set("stops")}
                found = set() if left - set(content_stems("their its his her own")) else found
            if found and not any("{{" in f for f in found):
                return sorted(_as_sql(f) for f in found)
        return []

    def merge(self, sentence: str) -> bool:
        reader = self.reader
        models = [k.name for k in self.names.models(sentence)]
        models = models if len(models) > 1 else [k.name for k in self.names.models(reader.text)]
        if len(models) < 2:
            return False
        match = re.search(
            r"\b(?:into|as|called|named|zu|en)\s+(?:one\s+|a\s+|a single\s+|the\s+)*"
            r"(?:model\s+|mart\s+|table\s+)?(?:called\s+|named\s+)?[`\"']?(?P<to>[A-Za-z]\w*_\w+)",
            reader.text,
            re.I,
        )
        if match is None or match["to"] in self.view.nodes:
            reader.ask(f"edit:merge:{models[0]}", "What should the merged model be called?", [])
            return True
        one, other = ({c.lower() for c in self.view.columns(m)} for m in models[:2])
        if one == other:
            reader.assume("Both have the same columns: their rows stand below each other.")
            return reader.add(Merge(models=tuple(models), to=match["to"]))
        shared = [c for c in self.view.columns(models[0]) if c.lower() in other]
        keys = [k for k in shared if all(self._is_unique(m, k) for m in models[:2])]
        if len(models) == 2 and keys:
            reader.assume(
                f"Rows of both belong together by `{keys[0]}`; one that only one has stays."
            )
            return reader.add(Merge(models=tuple(models), to=match["to"], key=(keys[0],)))
        listed = " and ".join(f"`{m}`" for m in models)
        text = f"By which columns do rows of {listed} belong together?"
        reader.ask(f"edit:merge:{models[0]}", text, [])
        return True

    def _is_unique(self, model: str, column: str) -> bool:
        sql = f"select count(*) - count(distinct {column}) from {self.data.at(model)}"
        return bool(self.data.one(sql) == 0)


def _matched(parts: list[str], values: list[Any], column: str) -> list[Any] | None:
    """The values in the order of the parts that their names speak of; one part may be left for the
    one value that is left. None where that does not tell all."""
    head = re.sub(r"^(?:is|has|was)_", "", column.lower())
    left, found = list(values), dict.fromkeys(parts)
    unmatched = []
    for part in parts:
        said = {v: head if v is True else snake(str(v)) for v in left if v is not False}
        hit = [v for v, word in said.items() if word and word in part.lower()]
        if hit:
            best = max(hit, key=lambda v: len(said[v]))
            left.remove(best)
            found[part] = best
        else:
            unmatched.append(part)
    if len(unmatched) > 1 or (unmatched and len(left) != 1):
        return None
    return [left[0] if p in unmatched else found[p] for p in parts]


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"

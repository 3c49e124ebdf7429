"""Reads keys: one row for each, and by which new rows replace old ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crew.artifacts import (
    AddFilter,
    AddTests,
    GenericTest,
    MakeIncremental,
    MakeUnique,
    Materialize,
)
from crew.drafting.edits.names import without
from crew.drafting.schema_linker import content_stems
from crew.drafting.vocabulary import singular, snake, stem_set

if TYPE_CHECKING:
    from crew.drafting.edits.reader import EditReader

_TIMES = ("timestamp", "date", "datetime")
_FRACTIONS = ("double", "float", "real", "decimal", "numeric", "hugeint")
_FIGURE = re.compile(r"(?:^|_)(?:count|sum|total|amount|units|avg)(?:_|$)|^n_")
_DAYS = re.compile(
    r"\b(?P<n>\d+|one|two|three|four|five|seven|ten|fourteen|thirty|zwei|drei|vier|fünf|sieben|zehn)\s+"
    r"(?P<unit>days?|weeks?|tagen?|tage|wochen?|jours?|semaines?|d[ií]as?|semanas?)\b",
    re.I,
)
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "seven": 7, "ten": 10,
            "fourteen": 14, "thirty": 30, "zwei": 2, "drei": 3, "vier": 4, "fünf": 5, "sieben": 7,
            "zehn": 10}  # fmt: skip
LATE_DAYS = 3
_AS = re.compile(
    r"\b(?:as|into|to|als|in|zu|en|como|be|make (?:it|\S+))\s+(?:an?\s+|eine[nr]?\s+|une?\s+|una\s+)?"
    r"(?:real\s+|physical\s+|plain\s+|echte\s+)?(?P<kind>table|view|tabelle|tabla|vista|vue)\b(?!\s+(?:\w+_|with|of|that|which|where|per|for|by|below|above|mit|je|pro))",
    re.I,
)
_NO_LONGER = re.compile(
    r"\b(?:instead of|rather than|not|no longer|statt|nicht(?: mehr)?)"
    r"\s+(?:as |als )?(?:an? |eine[rnm]? )?(?:table|view|tabelle)\b",
    re.I,
)
_HOW_IT_IS = re.compile(
    r"\b(?:is|are|was|wird|ist|gets?|still)\s+(?:\w+\s+){0,2}?(?:built|materiali[sz]ed|rebuilt|loaded|an?\b|als\b|as\b)"
    r"|\b(?:to|when|while)\s+(?:re)?build",
    re.I,
)
_MOST = r"(?:highest|greatest|largest|biggest|max(?:imum)?|latest|last|newest)"
_REPEATS = re.compile(
    r"dup|doubl|twice|several times|unique|repeat|latest|newest|most recent|eindeutig|doublon|nur (?:die|der) letzte",
    re.I,
)


class KeyReader:
    """The keys of one `EditReader`."""

    def __init__(self, reader: EditReader) -> None:
        self.reader, self.view, self.names = reader, reader.view, reader.names
        self.data = reader.data

    def unique(self, sentence: str) -> bool:
        reader = self.reader
        if re.search(r"\btests?\b|\btested\b", sentence, re.I):
            return False
        if not _REPEATS.search(reader.text):  # `one row per …` alone says what a row is
            return False
        models = [k.name for k in self.names.models(sentence)]
        model = reader.model(sentence, must=False)
        if model is None or not (models or self.names.models(reader.text)):
            return False
        key = self._key(sentence, model) or self._key(reader.text, model)
        if not key:
            likely = self._own_key(model)
            if likely is None:
                text = f"`{model}`: one row for each what? Which columns are the key?"
                reader.ask(f"edit:key:{model}", text, [])
                return True
            key = likely
            reader.assume(f"The key of `{model}` is `{', '.join(key)}`.")
        doubled = self._doubled(model, key)
        if doubled == 0:  # said of how it is, or done already
            reader.reading.present.append(f"`{model}` has one row per {', '.join(key)} already")
            return False
        if self._by_input(sentence, model, key):
            return True
        latest = self._latest(sentence, model, key)
        if latest:
            if doubled is not None:
                reader.note(
                    f"{doubled:,} rows of `{model}` are beyond the first of their key today."
                )
            return reader.add(MakeUnique(model=model, key=key, latest_by=latest))
        return True

    def materialize(self, sentence: str) -> bool:
        """Whether a model is to be a table or a view; adds it, where it is not so already."""
        reader = self.reader
        wanted = _AS.findall(_NO_LONGER.sub(" ", sentence))
        kinds = {"table" if w.lower().startswith("tab") else "view" for w in wanted}
        models = self.names.models(sentence) or self.names.models(reader.text)
        if (
            len(kinds) != 1
            or not models
            or re.search(r"incremental|inkrementell", reader.text, re.I)
        ):
            return False
        kind = kinds.pop()
        if len({m.name for m in models}) > 1 and len(self.names.models(sentence)) != 1:
            return False
        model = models[0].name
        if self.view.nodes[model].materialization == kind:
            reader.reading.present.append(f"`{model}` is a {kind} already")
            return False
        reader.note(f"`{model}` is built as a {kind}; its rows stay as they are.")
        return reader.add(Materialize.model_validate({"model": model, "materialized": kind}))

    def _key(self, sentence: str, model: str) -> tuple[str, ...]:
        match = re.search(
            r"\b(?:per|by|for each|for every|unique (?:on|by|per|in)|on|pro|par|por)\s+(?P<key>[^;.()]+)",
            sentence,
            re.I,
        )
        if not match:
            return ()
        found: list[str] = []
        for part in re.split(r",|\band\b|&|\+", without(match["key"], [model])):
            if not part.strip():
                continue
            column = self._key_column(part, model)
            if not column:
                break
            found.append(column)
        return tuple(dict.fromkeys(found))

    def _key_column(self, part: str, model: str) -> str:
        """The column of a key that a part of a list names, by name or by what it is the key of."""
        part = re.split(
            r"\b(?:in|from|of|the latest|latest|last|newest|keep|keeping|with)\b", part
        )[0]
        named_ = self.names.columns(part, model)
        if named_:
            return named_[0].name
        for form in (part.strip(), f"{part.strip()} id", f"{singular(part.strip())} id"):
            link = self.names.column(form, model) if part.strip() else None
            if link and not link.others and snake(form) == link.name.lower():
                return link.name
        return ""

    def _own_key(self, model: str) -> tuple[str, ...] | None:
        """The key by habit: `<entity>_id`, `id`, or the first column that ends so."""
        columns = self.view.columns(model)
        entity = singular(re.sub(r"^(?:stg|fct|dim|int|mart)_+", "", model).split("__")[-1])
        for name in (f"{entity}_id", f"{entity}_key", "id"):
            if match := next((c for c in columns if c.lower() == name), ""):
                return (match,)
        ends = r"_(?:id|key|no|nr|code|number)$"
        return (columns[0],) if columns and re.search(ends, columns[0], re.I) else None

    def _latest(self, sentence: str, model: str, key: tuple[str, ...]) -> str:
        """The column by which the last row of a key is known; asked where more than one could."""
        reader = self.reader
        said = re.search(
            r"\b(?:latest|last|newest|most recent|by|highest|greatest|largest|biggest|max(?:imum)?)\s+"
            r"(?:by\s+|row by\s+)?(?P<c>.+)",
            reader.text,
            re.I,
        )
        times = [c for c, t in self.view.typed_columns(model).items() if t.startswith(_TIMES)]
        named_ = (
            [k.name for k in self.names.columns(said["c"], model) if k.name not in key]
            if said
            else []
        )
        wanted = [c for c in named_ if c in times] or named_
        if wanted:
            return wanted[0]
        ordering = [c for c in times if self._orders(model, key, c)]
        if len(ordering) == 1:
            reader.assume(f"Of the rows of one key the last by `{ordering[0]}` stays.")
            return ordering[0]
        options = ordering or times
        index = reader.ask(
            f"edit:latest:{model}",
            f"Several rows of `{model}` share one {', '.join(key)}. Which one stays?",
            [(f"the last by `{c}`", "") for c in options[:5]],
        )
        return options[index] if index is not None and options else ""

    def _by_input(self, sentence: str, model: str, key: tuple[str, ...]) -> bool:
        """`Only the highest version per result`, where only what the model reads has the version:
        leaves the other rows out there."""
        said = re.search(rf"\b{_MOST}\s+(?P<c>\w+)", sentence, re.I)
        if said is None or self.names.column(said["c"], model, loose=False):
            return False
        for parent in self.view.nodes[model].parents:
            have = {c.lower() for c in self.view.columns(parent)}
            link = self.names.column(said["c"], parent, loose=False)
            if parent not in self.view.models or not {k.lower() for k in key} <= have or not link:
                continue
            by, keys = link.name, ", ".join(key)
            if link.others or not self._orders(parent, key, by):
                continue
            last = f"select {keys}, max({by}) from {{{{ ref('{parent}') }}}} group by {keys}"
            found = AddFilter(model=model, relation=parent, condition=f"({keys}, {by}) in ({last})")
            self.reader.assume(
                f"Of the rows of one {keys} the one with the highest `{parent}.{by}` stays."
            )
            if len(key) == 1:
                test = GenericTest(
                    model=model,
                    column=key[0],
                    test="unique",
                    reason="one row for each key is asked for",
                )
                self.reader.add(AddTests(model=model, tests=(test,)))
            return self.reader.add(found)
        return False

    def _orders(self, model: str, key: tuple[str, ...], column: str) -> bool:
        """Whether a column tells all rows of one key apart."""
        keys = ", ".join(key)
        n = self.data.one(
            f"select count(*) from (select 1 as one from {self.data.at(model)} group by {keys}, {column}"
            " having count(*) > 1) as d"
        )
        return bool(n == 0)

    def _doubled(self, model: str, key: tuple[str, ...]) -> int | None:
        keys = ", ".join(key)
        at = self.data.at(model)
        sql = f"select count(*) - (select count(*) from (select distinct {keys} from {at}) as d)"
        found = self.data.one(f"{sql} from {at}")
        return None if found is None else int(found)

    def incremental(self, sentence: str) -> bool:
        reader = self.reader
        model = reader.model(sentence)
        if model is None:
            return True
        node = self.view.nodes[model]
        if node.materialization == "incremental":
            reader.note(f"`{model}` is incremental already.")
            return False
        if other := self._other_kind(model):
            index = reader.ask(
                f"edit:materialized:{model}",
                f"“{other}” and incremental: `{model}` can be built in one way only. Which one?",
                [("incremental", ""), (other, "")],
            )
            if index != 0:
                return True
        key = self.unique_key(model)
        nulls = " or ".join(f"{k} is null" for k in key)
        if key and self.data.one(f"select count(*) from {self.data.at(model)} where {nulls}"):
            reader.note(f"`{', '.join(key)}` is no key of `{model}`: it is null in some rows.")
            key = ()
        if not key:
            reader.ask(
                f"edit:key:{model}",
                f"`{model}` has no column or tested columns that are unique. By which key are rows to be replaced?",
                [],
            )  # fmt: skip
            return True
        typed = self.view.typed_columns(model)
        times = [c for c, t in typed.items() if t.startswith(_TIMES)]
        said = [k.name for k in self.names.columns(reader.text, model) if k.name in times]
        options = said or times
        if not options:
            reader.ask(
                f"edit:time:{model}",
                f"`{model}` has no date or timestamp. Which column says what is new?",
                [(f"`{c}`", "") for c in list(typed)[:4]],
            )
            return True
        spoken = [c for c in options if is_spoken_of(c, reader.text)]
        spoken = spoken or [c for c in options if self._is_told(c, model)]
        options = spoken if len(spoken) == 1 else options
        time = options[0]
        if len(options) > 1:
            index = reader.ask(
                f"edit:time:{model}", f"Which column of `{model}` says what is new?",
                [(f"`{c}`", "") for c in options[:5]],
            )  # fmt: skip
            if index is None:
                return True
            time = options[index]
        days = LATE_DAYS
        if match := _DAYS.search(reader.text):
            days = int(match["n"]) if match["n"].isdigit() else _NUMBERS[match["n"].lower()]
            days *= 7 if match["unit"].lower().startswith(("w", "sem")) else 1
            told = next((s for s in reader.sentences if match.group() in s), match.group())
            reader.note(f"“{told}”: rows of the last {days} days come again.")
        else:
            reader.assume(f"Rows may come up to {LATE_DAYS} days late.")
        reader.note(
            f"Rows whose `{time}` is older than {days} days before the newest are no longer rebuilt; "
            "a full refresh rebuilds all."
        )
        return reader.add(MakeIncremental(model=model, key=key, time=time, days=days))

    def _is_told(self, column: str, model: str) -> bool:
        """Whether the ticket has a word by which a column, or the one above it, is described."""
        card = self.reader.evidence.relation(model)
        told = (found.told if card and (found := card.column(column)) else "").split(".")[0]
        own = set(content_stems(told)) - stem_set("stops") - {"time", "date", "day", "moment"}
        return bool(own & set(content_stems(self.reader.text)))

    def _other_kind(self, model: str) -> str:
        """What a text says of building a model as a table or view, which it is not to be any more
        where it is said of how it is now (`built as a table every night`)."""
        for sentence in self.reader.sentences:
            said = _AS.search(_NO_LONGER.sub(" ", sentence))
            if said and not _HOW_IT_IS.search(sentence):
                named = self.names.models(sentence)
                if not named or any(m.name == model for m in named):
                    return said.group().strip()
        return ""

    def unique_key(self, model: str) -> tuple[str, ...]:
        """Columns that a test declares unique, else those unique in the data, by types that keys
        have: one column, or all that are no figures."""
        for combination in self._tested(model):
            return combination
        at = self.data.at(model)
        typed = self.view.typed_columns(model)
        for column in [c for c in typed if re.search(r"(?:_id|_key|^id|_code|_no)$", c, re.I)]:
            if self.data.one(f"select count(*) - count(distinct {column}) from {at}") == 0:
                return (column,)
        plain = [
            c for c, t in typed.items() if not t.startswith(_FRACTIONS) and not _FIGURE.search(c)
        ]  # fmt: skip
        for n in range(1, len(plain) + 1):
            listed = ", ".join(plain[:n])
            distinct = f"select count(*) from (select distinct {listed} from {at}) as d"
            if self.data.one(f"select count(*) - ({distinct}) from {at}") == 0:
                return tuple(plain[:n])
        return ()

    def _tested(self, model: str) -> list[tuple[str, ...]]:
        found: list[tuple[str, ...]] = []
        for node in self.view.manifest["nodes"].values():
            if node.get("resource_type") != "test" or not node.get("test_metadata"):
                continue
            if not str(node.get("attached_node")).endswith(f".{model}"):
                continue
            name, arguments = node["test_metadata"]["name"], node["test_metadata"].get("kwargs", {})
            if name == "unique" and node.get("column_name"):
                found.append((str(node["column_name"]),))
            lists = [v for v in arguments.values() if isinstance(v, list)]
            if "unique" in name and "comb" in name and lists:
                found.append(tuple(map(str, lists[0])))
        return found


def is_spoken_of(column: str, text: str) -> bool:
    """Whether a text has a word like one of a column's name: `departure` for `departed_at`."""
    heads = {w[:5].lower() for w in re.split(r"_", column) if len(w) > 4}
    return any(w[:5].lower() in heads for w in re.findall(r"[A-Za-z]{5,}", text))

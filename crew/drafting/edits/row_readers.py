"""Reads edits that change which rows a model has: filters, keys, periods, parts, what is new."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from crew.artifacts import (
    AddFilter,
    ChangeGrain,
    FollowSource,
    JoinEdge,
    MakeIncremental,
    MakeUnique,
    Merge,
    Split,
)
from crew.drafting.edits.conditions import Condition, negated
from crew.drafting.edits.names import without
from crew.drafting.edits.phrases import named, pattern
from crew.drafting.vocabulary import singular, snake
from crew.errors import InvalidInput

if TYPE_CHECKING:
    from crew.drafting.edits.reader import EditReader

_ORDER = ("hour", "day", "week", "month", "quarter", "year")
_PERIODS = {
    "hour": r"hour|hr", "day": r"day|date|dt", "week": r"week|wk", "month": r"month|mth",
    "quarter": r"quarter|qtr", "year": r"year|yr",
}  # fmt: skip
_TIMES = ("timestamp", "date", "datetime")
_FRACTIONS = ("double", "float", "real", "decimal", "numeric", "hugeint")
_FIGURE = re.compile(r"(?:^|_)(?:count|sum|total|amount|units|avg)(?:_|$)|^n_")
_DAYS = re.compile(
    r"\b(?P<n>\d+|one|two|three|four|five|seven|ten|fourteen|thirty)\s+days?\b", re.I
)
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "seven": 7, "ten": 10,
            "fourteen": 14, "thirty": 30}  # fmt: skip
LATE_DAYS = 3
_REPEATS = re.compile(
    r"dup|doubl|twice|several times|unique|repeat|latest|newest|most recent|eindeutig|doublon|nur (?:die|der) letzte",
    re.I,
)
_TAIL = re.compile(
    r"(?:^|\s)(?:please|anymore|any more|any longer|either|too|as well|already|just like\b.*"
    r"|like the\b.*|because\b.*|since\b (?:we|they|it)\b.*"
    r"|so that\b.*|as (?:they|these|it|we)\b.*)\s*(?=$|[,;.])",
    re.I,
)


class RowReaders:
    """The readers of one `EditReader`."""

    def __init__(self, reader: EditReader) -> None:
        self.reader = reader
        self.view, self.names = reader.view, reader.names
        self._title_filter = AddFilter(model="", condition="")

    # --- filters -----------------------------------------------------------------------------

    def filter(self, sentence: str) -> bool:
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
            spoken = [self._sentence_before(sentence), without(title, [model])]
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

    def _above(self, model: str) -> list[str]:
        """What a model reads, near ones first; two levels."""
        near = list(self.view.nodes[model].parents)
        return list(dict.fromkeys(near))

    def _count(self, condition: Condition) -> str:
        sql = re.sub(r"\{\{\s*ref\('(\w+)'\)\s*\}\}", lambda m: self._at(str(m[1])), condition.sql)
        n = self.one(f"select count(*) from {self._at(condition.relation)} where {sql}")
        return f"{n:,} rows" if n is not None else ""

    def _say_what_goes(self, model: str, relation: str, keep: str) -> None:
        about = relation or model
        keep = re.sub(r"\{\{\s*ref\('(\w+)'\)\s*\}\}", lambda m: self._at(str(m[1])), keep)
        total = self.one(f"select count(*) from {self._at(about)}")
        left = self.one(f"select count(*) from {self._at(about)} where {keep}")
        if total is None or left is None:
            return
        where = f"`{about}`" + (f", which `{model}` reads," if relation else "")
        self.reader.note(f"{total - left:,} of today's {total:,} rows of {where} go by the filter.")
        if below := self.view.below(model):
            listed = ", ".join(f"`{b}`" for b in below[:8])
            self.reader.note(f"Figures further on follow: {listed}.")

    # --- keys --------------------------------------------------------------------------------

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
        latest = self._latest(sentence, model, key)
        if latest:
            if doubled is not None:
                reader.note(
                    f"{doubled:,} rows of `{model}` are beyond the first of their key today."
                )
            return reader.add(MakeUnique(model=model, key=key, latest_by=latest))
        return True

    def _key(self, sentence: str, model: str) -> tuple[str, ...]:
        match = re.search(
            r"\b(?:per|by|for each|for every|unique (?:on|by|per|in)|on|pro|par|por)\s+(?P<key>[^,;.()]+)",
            sentence,
            re.I,
        )
        if not match:
            return ()
        said = without(match["key"], [model])
        columns = [k.name for k in self.names.columns(said, model)]
        if columns:
            return tuple(columns)
        found = []
        for part in re.split(r"\band\b|,|&", said):
            part = re.split(r"\b(?:in|from|of|the latest|keep|keeping|with)\b", part)[0].strip()
            for form in (part, f"{part} id", f"{singular(part)} id"):
                link = self.names.column(form, model) if part else None
                if link and not link.others and snake(form) == link.name.lower():
                    found.append(link.name)
                    break
        return tuple(found)

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
            r"\b(?:latest|last|newest|most recent|by)\s+(?:by\s+|row by\s+)?(?P<c>.+)",
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

    def _orders(self, model: str, key: tuple[str, ...], column: str) -> bool:
        """Whether a column tells all rows of one key apart."""
        keys = ", ".join(key)
        n = self.one(
            f"select count(*) from (select 1 as one from {self._at(model)} group by {keys}, {column}"
            " having count(*) > 1) as d"
        )
        return bool(n == 0)

    def _doubled(self, model: str, key: tuple[str, ...]) -> int | None:
        keys = ", ".join(key)
        at = self._at(model)
        sql = f"select count(*) - (select count(*) from (select distinct {keys} from {at}) as d)"
        found = self.one(f"{sql} from {at}")
        return None if found is None else int(found)

    # --- what is new -------------------------------------------------------------------------

    def incremental(self, sentence: str) -> bool:
        reader = self.reader
        model = reader.model(sentence)
        if model is None:
            return True
        node = self.view.nodes[model]
        if node.materialization == "incremental":
            reader.note(f"`{model}` is incremental already.")
            return False
        key = self._unique_key(model)
        nulls = " or ".join(f"{k} is null" for k in key)
        if key and self.one(f"select count(*) from {self._at(model)} where {nulls}"):
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
        spoken = [c for c in options if _is_spoken_of(c, reader.text)]
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
        else:
            reader.assume(f"Rows may come up to {LATE_DAYS} days late.")
        reader.note(
            f"Rows whose `{time}` is older than {days} days before the newest are no longer rebuilt; "
            "a full refresh rebuilds all."
        )
        return reader.add(MakeIncremental(model=model, key=key, time=time, days=days))

    def _unique_key(self, model: str) -> tuple[str, ...]:
        """Columns that a test declares unique, else those unique in the data, by types that keys
        have: one column, or all that are no figures."""
        for combination in self._tested(model):
            return combination
        at = self._at(model)
        typed = self.view.typed_columns(model)
        for column in [c for c in typed if re.search(r"(?:_id|_key|^id|_code|_no)$", c, re.I)]:
            if self.one(f"select count(*) - count(distinct {column}) from {at}") == 0:
                return (column,)
        plain = [
            c for c, t in typed.items() if not t.startswith(_FRACTIONS) and not _FIGURE.search(c)
        ]  # fmt: skip
        for n in range(1, len(plain) + 1):
            listed = ", ".join(plain[:n])
            distinct = f"select count(*) from (select distinct {listed} from {at}) as d"
            if self.one(f"select count(*) - ({distinct}) from {at}") == 0:
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

    # --- periods -----------------------------------------------------------------------------

    def grain(self, sentence: str) -> bool:
        reader = self.reader
        models = self.names.models(sentence) or self.names.models(reader.title)
        if not models:
            return False
        model = models[0].name
        said = [g for g, _ in named("grains", without(sentence, [m.name for m in models]))]
        period = self._period(model)
        if not said or period is None:
            return False
        column, now = period
        wanted = [g for g in said if g != now]
        if not wanted:
            return False
        grain = wanted[-1]
        if _ORDER.index(grain) < _ORDER.index(now):
            reader.note(f"`{model}` gets finer: rows per {grain} instead of per {now}.")
        return reader.add(ChangeGrain.model_validate(dict(model=model, column=column, grain=grain)))

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

    # --- parts -------------------------------------------------------------------------------

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
        values = self._values(model, column.name)
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
            values = _matched(parts, values)
        conditions = tuple(
            f"{column.name} is null" if v is None else f"{column.name} = {_literal(v)}"
            for v in values
        )
        reader.note(f"`{model}` stays; the parts read it.")
        return reader.add(Split(model=model, parts=tuple(parts), conditions=conditions))

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
        sql = f"select count(*) - count(distinct {column}) from {self._at(model)}"
        return bool(self.one(sql) == 0)

    # --- sources -----------------------------------------------------------------------------

    def source(self, sentence: str) -> bool:
        """A source column that the warehouse has by another name now."""
        reader = self.reader
        found = False
        for key, node in self.view.nodes.items():
            if node.kind != "source" or not node.children:
                continue
            have = self.view.typed_columns(key)
            if not have:
                continue
            for child in node.children:
                if child not in self.view.models:
                    continue
                gone = missing_columns(self.view, child, key)
                if not gone:
                    continue
                mentioned = [child, key, key.split(".")[-1], *gone]
                if not any(
                    re.search(rf"(?<!\w){re.escape(m)}(?!\w)", reader.text, re.I) for m in mentioned
                ):
                    continue
                found |= self._follow(child, key, gone, have)
        return found

    def added(self, sentence: str) -> bool:
        """A column that a source has and no model gives yet, brought into models that are named."""
        reader = self.reader
        targets = [k.name for k in self.names.models(sentence)] or [
            k.name for k in self.names.models(reader.text)
        ]
        for key, node in self.view.nodes.items():
            if node.kind != "source":
                continue
            table = key.split(".")[-1]
            if not re.search(rf"(?<!\w){re.escape(table)}(?!\w)", reader.text, re.I):
                continue
            for column in self.view.columns(key):
                if not re.search(rf"(?<!\w){re.escape(column)}(?!\w)", reader.text):
                    continue
                first = [t for t in targets if t in node.children]
                if first and self._bring(sentence, key, column, first[0], targets):
                    return True
        return False

    def _bring(
        self, sentence: str, source: str, column: str, first: str, targets: list[str]
    ) -> bool:
        reader = self.reader
        used = {c.lower() for c in used_columns(self.view, first, source)}
        snaked = snake(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column))
        said = re.search(r"\bas\s+[`\"']?(?P<name>[a-z]\w*)", sentence)
        name = said["name"] if said else snaked
        if column.lower() in used or name in map(str.lower, self.view.columns(first)):
            return False
        reader.add(FollowSource(model=first, source=source, columns=((name, column),)))
        reached = [first]
        for target in sorted(set(targets) - {first}, key=lambda t: self.view.order[t]):
            way = self._way(target, set(reached))
            if not way:
                reader.ask(
                    f"edit:bring:{target}",
                    f"`{target}` does not read `{first}`. By which model is `{name}` to come?",
                    [],
                )
                return True
            for parent, child in pairwise(way):
                reader.add(FollowSource(model=child, source=parent, columns=((name, name),)))
                if child != target:
                    reader.assume(f"`{name}` comes by `{child}`, which hands it on.")
                reached.append(child)
        return True

    def _way(self, target: str, reached: set[str]) -> list[str]:
        """The shortest way from a model that is reached to another one; empty if there is none."""
        ways = [[target]]
        while ways:
            way = ways.pop(0)
            for parent in self.view.nodes[way[0]].parents:
                if parent in reached:
                    return [parent, *way]
                if parent in self.view.models:
                    ways.append([parent, *way])
        return []

    def _follow(self, model: str, source: str, gone: list[str], have: dict[str, str]) -> bool:
        from rapidfuzz import fuzz, process

        reader = self.reader
        used = {c.lower() for c in used_columns(self.view, model, source)}
        new = [c for c in have if c.lower() not in used]
        pairs = []
        for old in gone:
            told = [c for c in new if re.search(rf"(?<!\w){re.escape(c)}(?!\w)", reader.text, re.I)]
            alike = process.extract(
                old, new, scorer=fuzz.token_set_ratio, processor=_in_words, limit=3
            )
            near = [name for name, score, _ in alike if score >= 50]
            options = told or near
            if len(options) == 1:
                if not told:
                    reader.assume(
                        f"`{source}.{old}` is called `{options[0]}` now: nothing else there is like it."
                    )
                pairs.append((old, options[0]))
                continue
            index = reader.ask(
                f"edit:source:{old}",
                f"`{source}` has no column `{old}` any more, which `{model}` reads. Which one replaces it?",
                [(f"`{c}`", have[c]) for c in (options or new)[:5]],
            )
            if index is None:
                return True
            pairs.append((old, (options or new)[index]))
        return reader.add(FollowSource(model=model, source=source, columns=tuple(pairs)))

    # --- the data ----------------------------------------------------------------------------

    def lost_by_cast(self, model: str, column: str, data_type: str) -> tuple[int, Any]:
        """How many of today's values a cast would lose or change, and one of them."""
        at = self._at(model)
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
        n = self.one(f"select count(*) from {at} where {lost}")
        if not n:
            return 0, None
        return n, self.one(f"select {column} from {at} where {lost} limit 1")

    def _values(self, model: str, column: str) -> list[Any]:
        rows = self._ask(f"select distinct {column} from {self._at(model)} order by 1 limit 8")
        return [row[0] for row in rows or []]

    def _at(self, key: str) -> str:
        return self.view.located(key)

    def one(self, sql: str) -> Any:
        rows = self._ask(sql)
        return rows[0][0] if rows else None

    def _ask(self, sql: str) -> tuple[tuple[Any, ...], ...] | None:
        if self.reader.warehouse is None:
            return None
        try:
            return self.reader.warehouse.query(sql, limit=20).rows
        except InvalidInput:
            return None


def used_columns(view: Any, model: str, source: str) -> list[str]:
    """Columns of a source that a model's SQL names."""
    from crew.drafting.edits.source_follow import columns_named

    return columns_named(view, model, source)


def missing_columns(view: Any, model: str, source: str) -> list[str]:
    """Columns of a source that a model names and the warehouse no longer has."""
    have = {c.lower() for c in view.typed_columns(source)}
    return [c for c in used_columns(view, model, source) if c.lower() not in have]


def _tidy(text: str) -> str:
    """As `_clean`, with what stands in brackets."""
    inside = " ".join(f"({i})" for i in re.findall(r"\(([^()]+)\)", text))
    return f"{_clean(text)} {inside}".strip()


def _clean(text: str) -> str:
    text = _TAIL.sub(" ", text.strip(" .,:;"))
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


def _in_words(name: str) -> str:
    return re.sub(r"[_\W]+", " ", name.lower())


def _is_spoken_of(column: str, text: str) -> bool:
    """Whether a text has a word like one of a column's name: `departure` for `departed_at`."""
    heads = {w[:5].lower() for w in re.split(r"_", column) if len(w) > 4}
    return any(w[:5].lower() in heads for w in re.findall(r"[A-Za-z]{5,}", text))


def _matched(parts: list[str], values: list[Any]) -> list[Any]:
    """The values in the order of the parts that their names speak of."""
    left = list(values)
    found = []
    for part in parts:
        hit = next((v for v in left if snake(str(v)) in part), None)
        hit = hit if hit is not None else left[0]
        left.remove(hit)
        found.append(hit)
    return found


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"

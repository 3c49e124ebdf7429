"""Reads which tests a ticket wants, several columns and several tests at a time.

A test that today's data contradicts is never added silently: it warns instead of failing, and the
count of rows that contradict it is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crew.artifacts import AddTests, GenericTest, MakeUnique, SingularTest
from crew.drafting.edits.conditions import negated
from crew.drafting.edits.names import without
from crew.drafting.edits.phrases import pattern, says
from crew.drafting.edits.tested_rows import scope_of
from crew.drafting.sql_layout import ref_sql
from crew.drafting.vocabulary import snake

if TYPE_CHECKING:
    from crew.drafting.edits.reader import EditReader

_ALL = re.compile(r"\b(?:all|every|each of the) columns?\b", re.I)
_BETWEEN = re.compile(r"\bbetween\s+(?P<low>-?[\d.,]+)\s+and\s+(?P<high>-?[\d.,]+)", re.I)
_BOUND = re.compile(
    r"(?<!\w)(?P<word>at least|(?:not|never) (?:be )?(?:below|less than|smaller than|under)|>=|at most"
    r"|(?:not|never) (?:be )?(?:above|more than|over|exceed|greater than)|<="
    r"|non[- ]?negative|(?:not|never) (?:be |get )?negative|positive"
    r"|(?:greater than|above|more than|less than|below|>|<)"
    r"(?=\s*-?\d))\s*(?P<n>-?\d[\d.,]*)?",
    re.I,
)
_EXCEPT = re.compile(
    r"\b(?:except|but not|apart from|other than|außer|ausser|bis auf|sauf|salvo|excepto)\b"
    r"(?:(?! (?:is|are|must|should|has)\b)[^;.])*",
    re.I,
)
_ON = re.compile(r"\b(?:on|for|of|to|auf|für|bei|sur|en)\s+(?:the\s+)?(?:column\s+)?[`\"']?$", re.I)
_LIST_END = re.compile(
    r"\s*(?:[;.(]|\s[-–]\s|\b(?:please|add|and (?:never|not|must)|because|so that)\b)", re.I
)


_AMONG = r"(?:among|amongst|within|in|of|for|unter|parmi|entre)\s+(?:all\s+|the\s+|those\s+|den\s+|les\s+|las\s+)*"
_ROWS = r"(?:rows?|records?|lines?|entries|zeilen|lignes?|filas?)"
_ONCE = re.compile(
    rf"[`\"']?(?P<column>[A-Za-z]\w*)[`\"']?\s+(?:occurs?|appears?|is there|exists?|shows? up|is found|comes? up"
    rf"|stands?)\s+"
    rf"(?:more than once|twice|several times|repeatedly|multiple times)\s+{_AMONG}{_ROWS}\s+(?P<rows>\w.+?)\W*$"
    rf"|(?:unique|eindeutig)\s+(?:on|by|for|per)\s+(?P<key>[A-Za-z]\w*)\s+{_AMONG}{_ROWS}\s+(?P<among>\w.+?)\W*$",
    re.I,
)


class TestsReader:
    """The tests of one `EditReader`."""

    __test__ = False

    def __init__(self, reader: EditReader) -> None:
        self.reader = reader
        self._unread: list[str] = []

    def read(self, sentence: str) -> bool:
        """Whether the sentence asks for tests that can be told apart; adds them."""
        reader = self.reader
        related = pattern("related").search(sentence)
        about = sentence[: related.start()] if related else sentence
        found = reader.names.models(about) or reader.names.models(reader.title)
        found = found or reader.names.models(reader.text)
        if not found:
            return False
        model = found[0].name
        if (once := _ONCE.search(sentence)) and (once["rows"] or once["among"]):
            return self._once(once, model)
        scope = self._scope(sentence, model)
        if scope is None:
            return True
        sentence, where, warns = scope
        if warns and self._softened(sentence, model):
            return True
        tests: list[GenericTest] = []
        singular: list[SingularTest] = []
        unread: list[str] = []
        for part, columns in self._parts(sentence, model):
            told = list(self._tests(part, columns, model))
            written = self._ranges(part, columns, model, where, warns)
            if not told and not written:
                unread += columns
            tests += [t.model_copy(update={"where": where}) for t in told]
            singular += written
        if tests or singular or says("test", sentence):  # else it is a command of another kind
            self._unread += unread
        for test in [t for t in tests if self._is_there(t)]:
            tests.remove(test)
            reader.note(f"`{test.model}.{test.column}` is tested by `{test.test}` already.")
        seen: list[GenericTest] = []
        for test in tests:
            if self._is_planned(test):
                continue
            checked = self._by_data(test)
            checked = checked.model_copy(update={"severity": "warn"}) if warns else checked
            if checked not in seen:
                seen.append(checked)
        if not seen and not singular:
            return any(self._is_planned(t) for t in tests)
        return reader.add(AddTests(model=model, tests=tuple(seen), singular=tuple(singular)))

    def _scope(self, sentence: str, model: str) -> tuple[str, str, bool] | None:
        """The sentence without what it says of rows and warnings, SQL of the rows that it is for, and
        whether it only warns; None where the rows are asked about."""
        reader, scope = self.reader, scope_of(sentence)
        columns = self.reader.view.columns(model)
        names = [*columns, *reader.view.models]
        if not scope.rows or _is_of_names(scope.rows, names) or not _any_test(scope.text):
            return scope.whole, "", scope.warns
        found = reader.conditions.read(scope.rows, [model])
        found = [c for c in found if c.relation == model and "{{" not in c.sql]
        if len({c.sql for c in found}) != 1:
            if not scope.is_sure:
                return scope.whole, "", scope.warns
            reader.ask(
                f"edit:tests:where:{snake(scope.rows)[:40]}",
                f"“{scope.rows}”: for which rows of `{model}` is this to be tested? I found no column or value"
                " that says so.",
                [("for all rows", "")],
            )
            return None
        where = negated(found[0].sql, reader.view.dialect) if scope.is_out else found[0].sql
        reader.assume(f"“{sentence}”: tested for the rows of `{model}` with `{where}`.")
        return scope.text, where, scope.warns

    def _softened(self, sentence: str, model: str) -> bool:
        """`Make the test of the fee a warning`: tests that were read before only warn."""
        planned = [e for e in self.reader.reading.edits if isinstance(e, AddTests)]
        if not planned or _any_test(sentence):
            return False
        named = [c.name for c in self.reader.names.columns(sentence, model)]
        found = False
        for edit in planned:
            tests = tuple(
                t.model_copy(update={"severity": "warn"}) if not named or t.column in named else t
                for t in edit.tests
            )
            single = tuple(
                t.model_copy(update={"sql": _warning(t.sql)})
                if not named or any(f"_{c}_is_" in t.name for c in named)
                else t
                for t in edit.singular
            )
            softer = edit.model_copy(update={"tests": tests, "singular": single})
            found |= softer != edit or not named
            self.reader.reading.edits[self.reader.reading.edits.index(edit)] = softer
        return found

    def _once(self, said: re.Match[str], model: str) -> bool:
        """`Fails if a member_id occurs more than once among the rows without an end`."""
        reader = self.reader
        link = reader.names.column(said["column"] or said["key"], model)
        if link is None or link.others:
            return False
        rows = said["rows"] or said["among"]
        found = {c.sql for c in reader.conditions.read(rows, [model])}
        if len(found) != 1 or "{{" in next(iter(found)):
            reader.ask(
                f"edit:tests:{link.name}:where",
                f"“{rows}”: among which rows of `{model}` is `{link.name}` to be unique? I found no column or"
                " value that says so.",
                [],
            )
            return True
        test = GenericTest(
            model=model, column=link.name, test="unique", where=found.pop(), reason=_WHY
        )
        reader.assume(f"`{link.name}` is unique among the rows of `{model}` where {test.where}.")
        return reader.add(AddTests(model=model, tests=(self._by_data(test),)))

    def ask_unread(self) -> None:
        """Asks what is to be tested of columns that were named, where no test of them was read."""
        planned = [e for e in self.reader.reading.edits if isinstance(e, AddTests)]
        known = {t.column for e in planned for t in e.tests}
        left = [c for c in dict.fromkeys(self._unread) if c not in known]
        left = [
            c for c in left if not any(f"_{c}_is_" in t.name for e in planned for t in e.singular)
        ]
        if planned and left:
            listed = ", ".join(f"`{c}`" for c in left)
            self.reader.ask(f"edit:tests:{left[0]}", f"{listed}: what is to be tested of it?", [])

    def _ranges(
        self, part: str, columns: list[str], model: str, where: str, warns: bool
    ) -> list[SingularTest]:
        """Bounds as SQL of their own, where no package has a test for them."""
        limits = _bounds(part)
        if limits is None or self._range_test():
            return []
        evidence = self.reader.evidence
        found = []
        for column in columns:
            name = f"assert_{model}_{column}_is_in_its_range"
            outside = limits.outside(column)
            outside = f"({outside}) and ({where})" if where else outside
            bad = self.reader.data.one(
                f"select count(*) from {self.reader.view.located(model)} where {outside}"
            )
            warn = "{{ config(severity='warn') }}\n" if bad or warns else ""
            if bad:
                self.reader.note(
                    f"`{model}.{column}` is outside of its bounds in {bad:,} rows today: the test is added as"
                    " a warning."
                )
            sql = (
                f"{warn}-- {column} is within the bounds that were asked for; a row is a failure.\n"
                f"select * from {ref_sql(model)}\nwhere {outside}\n"
            )
            path = f"{evidence.conventions.tests_folder}/{name}.sql"
            found.append(SingularTest(name=name, path=path, sql=sql, reason=_WHY))
        return found

    def _parts(self, sentence: str, model: str) -> Iterator[tuple[str, list[str]]]:
        """What is said of which columns: up to where the next columns are named."""
        view = self.reader.view
        if _ALL.search(sentence):
            spared = _EXCEPT.search(sentence)
            left = spared.group().lower() if spared else ""
            columns = [c for c in view.columns(model) if not re.search(rf"\b{c.lower()}\b", left)]
            yield _EXCEPT.sub(" ", sentence), columns
            return
        places: list[tuple[int, int, str]] = []
        for column in view.columns(model):
            for match in re.finditer(rf"(?<!\w){re.escape(column)}(?!\w)", sentence, re.I):
                places.append((match.start(), match.end(), column))
        places = [p for p in places if not self._is_value(sentence, p, model)]
        places.sort()
        if len(places) > 1 and (before := list(_told_before(sentence, places))):
            yield from before
            return
        group: list[str] = []
        begin = 0
        for n, (start, end, column) in enumerate(places):
            group = [*group, column]
            begin = begin if len(group) > 1 else start
            stop = places[n + 1][0] if n + 1 < len(places) else len(sentence)
            said = sentence[end:stop]
            joins = re.fullmatch(r"[\s,`'\"&+]*(?:(?:and|or|und|et|y)\b)?[\s`'\"]*", said, re.I)
            if joins and n + 1 < len(places):
                continue
            lead = sentence[:start] if n + 1 == len(group) else ""
            alone = len(group) == len(places)
            yield f"{lead} {said}" if alone or not _any_test(said) else said, group
            group = []

    def _is_value(self, sentence: str, place: tuple[int, int, str], model: str) -> bool:
        """Whether what is called as a column stands in a list of values: `one of open, paid`."""
        start, _, name = place
        before = sentence[:start]
        listed = [m for m in pattern("accepted").finditer(before) if "(" not in before[m.end() :]]
        if not listed or "_" in name or re.search(r"\.[`\"']?$", before):
            return False
        card = self.reader.evidence.relation(model)
        values = {v.lower() for c in (card.columns if card else ()) for v in c.values}
        return name.lower() in values

    def _tests(self, part: str, columns: list[str], model: str) -> Iterator[GenericTest]:
        for column in columns:
            if says("is_unique", part):
                yield GenericTest(model=model, column=column, test="unique", reason=_WHY)
            if says("not_null", part):
                yield GenericTest(model=model, column=column, test="not_null", reason=_WHY)
            if to := self._related(part, column, model):
                yield GenericTest(
                    model=model, column=column, test="relationships", reason=_WHY,
                    arguments={"to": f"ref('{to[0]}')", "field": to[1]},
                )  # fmt: skip
            elif values := self._accepted(part, column, model):
                yield GenericTest(
                    model=model, column=column, test="accepted_values", reason=_WHY,
                    arguments=self._listed(values, column, model),
                )  # fmt: skip
            if bounds := self._range(part):
                yield GenericTest(
                    model=model, column=column, test=bounds[0], arguments=bounds[1], reason=_WHY
                )

    def _listed(self, values: list[Any], column: str, model: str) -> dict[str, Any]:
        """The arguments of `accepted_values`: whole numbers are compared as such."""
        type_ = self.reader.view.typed_columns(model).get(column, "")
        whole = all(re.fullmatch(r"-?\d+", str(v)) for v in values)
        if whole and re.match(r"(?:tiny|small|big|huge)?int", type_):
            return {"values": [int(v) for v in values], "quote": False}
        return {"values": values}

    def _related(self, part: str, column: str, model: str) -> tuple[str, str] | None:
        """(model, its column) that values of a column must be found in."""
        if not says("related", part):
            return None
        reader = self.reader
        others = [k.name for k in reader.names.models(part) if k.name != model]
        others += [
            e.right for e in reader.evidence.joins if e.left == model and e.left_column == column
        ]
        for other in others:
            have = {c.lower(): c for c in reader.view.columns(other)}
            edge = [
                e.right_column for e in reader.evidence.joins
                if e.left == model and e.left_column == column and e.right == other
            ]  # fmt: skip
            field = (edge or [have.get(column.lower(), "")])[0]
            if field:
                return other, field
        return None

    def _accepted(self, part: str, column: str, model: str) -> list[Any]:
        """The values that a column may have: those listed, else those of the data if only named."""
        match = pattern("accepted").search(part)
        if match is None:
            return []
        text = part[match.end() :]
        end = _LIST_END.search(text, 1)
        text = text[: end.start()] if end else text
        values = re.findall(r"['\"“‘`]([^'\"”’`]+)['\"”’`]", text)
        if not values:
            text = re.sub(r"(?:\W+(?:and|or|that|also|its|the|und))+\W*$", "", text, flags=re.I)
            pieces = re.split(r",|\bor\b|\band\b|/|\|", text.strip(" :."))
            values = [p.strip(" :.'\"") for p in pieces]
            values = [re.sub(r"^(?:be|are|is|have)\s+", "", v) for v in values if v]
            if any(
                re.match(r"(?:for|where|when|if|except|without|ignoring)\b", v, re.I)
                for v in values
            ):
                return []
        card = self.reader.evidence.relation(model)
        known = card.column(column) if card else None
        spelt = {v.lower(): v for v in (known.values if known else ())}
        if not any(values) or any(len(v.split()) > 3 for v in values):
            return list(spelt.values()) if "accepted" in match.group().lower() else []
        return [spelt.get(v.lower(), v) for v in values]

    def _range_test(self) -> str:
        """The range test of a package that the project has; empty if it has none."""
        macros = self.reader.view.macros
        return next(
            (t for t in ("dbt_utils.accepted_range", "dbt_expectations.expect_column_values_to_be_between")
             if any(m.endswith(t.split(".")[1]) or m.endswith(f"test_{t.split('.')[1]}") for m in macros)),
            "",
        )  # fmt: skip

    def _range(self, part: str) -> tuple[str, dict[str, Any]] | None:
        """A range test of a package that the project has, with its bounds."""
        test, limits = self._range_test(), _bounds(part)
        if not test or limits is None:
            return None
        arguments: dict[str, Any] = {}
        if limits.low is not None:
            arguments["min_value"] = limits.low
        if limits.high is not None:
            arguments["max_value"] = limits.high
        if limits.strict:
            arguments |= {"inclusive": False} if "utils" in test else {"strictly": True}
        return test, arguments

    # --- what is there already ---------------------------------------------------------------

    def _is_there(self, test: GenericTest) -> bool:
        card = self.reader.evidence.relation(test.model)
        column = card.column(test.column) if card else None
        return bool(column and test.test.split(".")[-1] in column.tests)

    def _is_planned(self, test: GenericTest) -> bool:
        planned = [t for e in self.reader.reading.edits if isinstance(e, AddTests) for t in e.tests]
        return any(
            (t.model, t.column, t.test) == (test.model, test.column, test.test) for t in planned
        )

    def _by_data(self, test: GenericTest) -> GenericTest:
        """The test; one that today's data contradicts only warns, and how often is said."""
        if test.test == "unique" and self._is_made_unique(test):
            return test
        bad = self._contradicting(test)
        if not bad:
            return test
        self.reader.note(
            f"`{test.test}` on `{test.model}.{test.column}` does not hold for {bad:,} rows today: it is "
            "added as a warning."
        )
        return test.model_copy(update={"severity": "warn"})

    def _is_made_unique(self, test: GenericTest) -> bool:
        """Whether another part of the ticket leaves one row for each value."""
        return any(
            isinstance(e, MakeUnique) and (e.model, e.key) == (test.model, (test.column,))
            for e in self.reader.reading.edits
        )

    def _contradicting(self, test: GenericTest) -> int:
        rows, view = self.reader.data, self.reader.view
        at, column = view.located(test.model), test.column
        at = f"(select * from {at} where {test.where}) as t" if test.where else at
        queries = {
            "unique": f"select count({column}) - count(distinct {column}) from {at}",
            "not_null": f"select count(*) from {at} where {column} is null",
        }
        if test.test == "accepted_values":
            listed = ", ".join(
                "'" + str(v).replace("'", "''") + "'" for v in test.arguments["values"]
            )
            queries["accepted_values"] = (
                f"select count(*) from {at} where cast({column} as varchar) not in ({listed})"
            )
        if test.test == "relationships":
            to = re.findall(r"'(\w+)'", test.arguments["to"])[0]
            field = test.arguments["field"]
            queries["relationships"] = (
                f"select count(*) from {at} where {column} is not null and {column} not in "
                f"(select {field} from {view.located(to)} where {field} is not null)"
            )
        if "min_value" in test.arguments or "max_value" in test.arguments:
            low, high = test.arguments.get("min_value"), test.arguments.get("max_value")
            strict = (
                bool(test.arguments.get("strictly")) or test.arguments.get("inclusive") is False
            )
            outside = _Bounds(low, high, strict).outside(column)
            queries[test.test] = f"select count(*) from {at} where {outside}"
        return int(rows.one(queries.get(test.test, "select 0")) or 0)


_WHY = "asked for"


def _is_of_names(text: str, names: Sequence[str]) -> bool:
    """Whether a text is but names of columns and models, or says what is to be tested of some."""
    left = re.sub(
        r"\b(?:and|or|the|und|oder|columns?|fields?|ones?)\b|\W", " ", without(text, list(names))
    )
    return not left.strip() or bool(re.search(r"\b(?:must|should|has to|have to|needs?)\b", text))


def _warning(sql: str) -> str:
    return sql if "severity" in sql else f"{{{{ config(severity='warn') }}}}\n{sql}"


@dataclass(frozen=True)
class _Bounds:
    """What the values of a column may be between; `strict`: the bounds themselves are outside."""

    low: int | float | None
    high: int | float | None
    strict: bool = False

    def outside(self, column: str) -> str:
        """SQL that is true for a value outside."""
        equal = "=" if self.strict else ""
        parts = [f"{column} <{equal} {self.low}"] if self.low is not None else []
        parts += [f"{column} >{equal} {self.high}"] if self.high is not None else []
        return " or ".join(parts)


def _told_before(
    sentence: str, places: Sequence[tuple[int, int, str]]
) -> Iterator[tuple[str, list[str]]]:
    """`not_null on a and unique on b`: what stands before each column; nothing where it is not so."""
    starts = [0, *(end for _, end, _ in places)]
    parts = [sentence[a:b] for a, (b, _, _) in zip(starts, places, strict=False)]
    if _any_test(sentence[places[-1][1] :]) or not _any_test(parts[0]):
        return
    if not all(_ON.search(p) and _any_test(p) for p in parts):
        return
    for part, (_, _, column) in zip(parts, places, strict=True):
        yield part, [column]


def _bounds(part: str) -> _Bounds | None:
    """The bounds that a text names."""
    if match := _BETWEEN.search(part):
        return _Bounds(_number(match["low"]), _number(match["high"]))
    match = _BOUND.search(part)
    if match is None:
        return None
    word, n = match["word"].lower(), _number(match["n"] or "0")
    negated = word.startswith(("not", "never"))
    below = word.endswith(("below", "less than", "smaller than", "under", "<"))
    above = word.endswith(("above", "more than", "over", "exceed", "greater than", ">"))
    upper = word in {"at most", "<="} or (above if negated else below)
    strict = word == "positive" or (not negated and (below or above))
    return _Bounds(None, n, strict) if upper else _Bounds(n, None, strict)


def _any_test(text: str) -> bool:
    names = ("is_unique", "not_null", "related", "accepted")
    return any(says(n, text) for n in names) or bool(_BETWEEN.search(text) or _BOUND.search(text))


def _number(text: str) -> int | float:
    value = float(text.replace(",", "").rstrip("."))
    return int(value) if value.is_integer() else value

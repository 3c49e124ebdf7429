"""Reads which tests a ticket wants, several columns and several tests at a time.

A test that today's data contradicts is never added silently: it warns instead of failing, and the
count of rows that contradict it is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from crew.artifacts import AddTests, GenericTest
from crew.drafting.edits.phrases import pattern, says

if TYPE_CHECKING:
    from crew.drafting.edits.reader import EditReader

_ALL = re.compile(r"\b(?:all|every|each of the) columns?\b", re.I)
_BETWEEN = re.compile(r"\bbetween\s+(?P<low>-?[\d.,]+)\s+and\s+(?P<high>-?[\d.,]+)", re.I)
_BOUND = re.compile(
    r"\b(?P<word>at least|not (?:be )?(?:below|less than|smaller than)|>=|at most|not (?:be )?(?:above|more than)|<="
    r"|non[- ]?negative|not (?:be )?negative|never negative|positive)\s*(?P<n>-?\d[\d.,]*)?",
    re.I,
)
_LIST_END = re.compile(
    r"\s*(?:[;.(]|\b(?:please|add|and (?:never|not|must)|because|so that)\b)", re.I
)


class TestsReader:
    """The tests of one `EditReader`."""

    __test__ = False

    def __init__(self, reader: EditReader) -> None:
        self.reader = reader

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
        tests: list[GenericTest] = []
        for part, columns in self._parts(sentence, model):
            tests += self._tests(part, columns, model)
        tests = [t for t in tests if not self._is_there(t)]
        seen: list[GenericTest] = []
        for test in tests:
            checked = self._by_data(test)
            if checked not in seen and not self._is_planned(checked):
                seen.append(checked)
        if not seen:
            return False
        return reader.add(AddTests(model=model, tests=tuple(seen)))

    def _parts(self, sentence: str, model: str) -> Iterator[tuple[str, list[str]]]:
        """What is said of which columns: up to where the next columns are named."""
        view = self.reader.view
        if _ALL.search(sentence):
            yield sentence, list(view.columns(model))
            return
        places: list[tuple[int, int, str]] = []
        for column in view.columns(model):
            for match in re.finditer(rf"(?<!\w){re.escape(column)}(?!\w)", sentence, re.I):
                places.append((match.start(), match.end(), column))
        places.sort()
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
            yield f"{lead} {said}" if not _any_test(said) else said, group
            group = []

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
                    arguments={"values": values},
                )  # fmt: skip
            if bounds := self._range(part):
                yield GenericTest(
                    model=model, column=column, test=bounds[0], arguments=bounds[1], reason=_WHY
                )

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
            pieces = re.split(r",|\bor\b|\band\b|/|\|", text.strip(" :."))
            values = [p.strip(" :.'\"") for p in pieces]
            values = [re.sub(r"^(?:be|are|is|have)\s+", "", v) for v in values if v]
        card = self.reader.evidence.relation(model)
        known = card.column(column) if card else None
        spelt = {v.lower(): v for v in (known.values if known else ())}
        if not any(values) or any(len(v.split()) > 3 for v in values):
            return list(spelt.values()) if "accepted" in match.group().lower() else []
        return [spelt.get(v.lower(), v) for v in values]

    def _range(self, part: str) -> tuple[str, dict[str, Any]] | None:
        """A range test of a package that the project has, with its bounds."""
        macros = self.reader.view.macros
        test = next(
            (t for t in ("dbt_utils.accepted_range", "dbt_expectations.expect_column_values_to_be_between")
             if any(m.endswith(t.split(".")[1]) or m.endswith(f"test_{t.split('.')[1]}") for m in macros)),
            "",
        )  # fmt: skip
        if not test:
            return None
        if match := _BETWEEN.search(part):
            return test, {"min_value": _number(match["low"]), "max_value": _number(match["high"])}
        if match := _BOUND.search(part):
            word, n = match["word"].lower(), _number(match["n"] or "0")
            upper = word.startswith(("at most", "<=")) or "above" in word or "more than" in word
            return test, {"max_value" if upper else "min_value": n}
        return None

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
        bad = self._contradicting(test)
        if not bad:
            return test
        self.reader.note(
            f"`{test.test}` on `{test.model}.{test.column}` does not hold for {bad:,} rows today: it is "
            "added as a warning."
        )
        return test.model_copy(update={"severity": "warn"})

    def _contradicting(self, test: GenericTest) -> int:
        rows, view = self.reader.data, self.reader.view
        at, column = view.located(test.model), test.column
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
            parts = [f"{column} < {low}"] * (low is not None) + [f"{column} > {high}"] * (
                high is not None
            )
            queries[test.test] = f"select count(*) from {at} where {' or '.join(parts)}"
        return int(rows.one(queries.get(test.test, "select 0")) or 0)


_WHY = "asked for"


def _any_test(text: str) -> bool:
    names = ("is_unique", "not_null", "related", "accepted")
    return any(says(n, text) for n in names) or bool(_BETWEEN.search(text) or _BOUND.search(text))


def _number(text: str) -> int | float:
    value = float(text.replace(",", "").rstrip("."))
    return int(value) if value.is_integer() else value

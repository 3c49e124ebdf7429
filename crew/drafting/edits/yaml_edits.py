"""Edits of YAML files in place: names written anew and entries taken out; the rest stays as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping

import yaml

from crew.drafting.edits.sql_edits import Splice, spliced
from crew.drafting.model_text import CannotEdit

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_REF = re.compile(r"ref\(\s*['\"](\w+)['\"]")
_PROSE = {"description"}
_SQL = {"expression", "where", "row_condition", "condition", "expr", "filter", "sql"}
_LISTS = ("models", "seeds", "snapshots")


def rename_columns(text: str, path: str, old: str, new: str, models: Collection[str]) -> str:
    """The text with the column `old` of `models` called `new`, wherever it speaks of it."""
    walk = _Walk(text, path, old, new, set(models))
    return spliced(text, walk.splices())


def rename_model(text: str, path: str, old: str, new: str) -> str:
    """The text with a model's name written anew: its entry, and all references to it."""
    found: list[Splice] = []
    pattern = re.compile(rf"\bref\(\s*['\"]({re.escape(old)})['\"]")
    for node, keys in scalars(compose(text, path)):
        start, end = inner(text, node)
        is_name = len(keys) == 2 and keys[0] in _LISTS and keys[1] == "name"
        is_model = keys and keys[-1] == "model" and keys[0] == "unit_tests"
        if (is_name or is_model) and node.value == old:
            found.append(Splice(start, end, new))
            continue
        for match in pattern.finditer(text, start, end):
            found.append(Splice(match.start(1), match.end(1), new))
        if keys and keys[-1] in _PROSE:
            found += in_prose(text, start, end, old, new)
    return spliced(text, found)


def remove_entries(text: str, path: str, model: str) -> str:
    """The text without a model's entry and its unit tests."""
    root = compose(text, path)
    splices: list[Splice] = []
    for list_, name in (*((x, "name") for x in _LISTS), ("unit_tests", "model")):
        sequence = _get(root, list_)
        if isinstance(sequence, yaml.SequenceNode):
            gone = [n for n, e in enumerate(sequence.value) if _value(e, name) == model]
            splices += _without(text, root, list_, sequence, gone)
    return spliced(text, splices)


def entry(text: str, path: str, model: str) -> yaml.MappingNode | None:
    """The entry of a model, seed or snapshot."""
    root = compose(text, path)
    for list_ in _LISTS:
        sequence = _get(root, list_)
        if isinstance(sequence, yaml.SequenceNode):
            for item in sequence.value:
                if isinstance(item, yaml.MappingNode) and _value(item, "name") == model:
                    return item
    return None


def remove_column(
    text: str, path: str, column: str, models: Collection[str], told: Callable[[str], None]
) -> str:
    """The text without a column of `models`: its entry, tests that name it, its values in unit
    tests. `told` hears of each test that goes."""
    for model in models:
        text = _without_column(text, path, column, model, told)
    return text


def _without_column(
    text: str, path: str, column: str, model: str, told: Callable[[str], None]
) -> str:
    found = entry(text, path, model)
    splices: list[Splice] = []
    if found is not None:
        columns = _get(found, "columns")
        if isinstance(columns, yaml.SequenceNode):
            gone = [
                n for n, e in enumerate(columns.value)
                if str(_value(e, "name")).lower() == column.lower()
            ]  # fmt: skip
            splices += _without(text, found, "columns", columns, gone)
        for key in ("data_tests", "tests"):
            tests = _get(found, key)
            if isinstance(tests, yaml.SequenceNode):
                gone = [n for n, t in enumerate(tests.value) if _names(t, column)]
                splices += _without(text, found, key, tests, gone)
                if gone:
                    told(f"A test of {model} that names {column} is removed with it.")
    root = compose(text, path)
    units = _get(root, "unit_tests")
    for unit in units.value if isinstance(units, yaml.SequenceNode) else ():
        for rows in _rows_about(unit, {model}):
            splices += _without_keys(text, rows, column)
    return spliced(text, splices)


def _names(test: yaml.Node, column: str) -> bool:
    pattern = re.compile(rf"(?<!\w){re.escape(column)}(?!\w)", re.I)
    return any(pattern.search(node.value) for node, keys in scalars(test) if "values" not in keys)


class _Walk:
    """A YAML file in which a column of some models gets another name."""

    def __init__(self, text: str, path: str, old: str, new: str, models: set[str]) -> None:
        self.text, self.old, self.new, self.models = text, old, new, models
        self.root = compose(text, path)

    def splices(self) -> Iterator[Splice]:
        for list_ in _LISTS:
            for item in _sequence(self.root, list_):
                yield from self._entry(item)
        for item in _sequence(self.root, "unit_tests"):
            for rows in _rows_about(item, self.models):
                yield from self._rows(rows)
        for item in _sequence(self.root, "semantic_models"):
            if self._is_about(_value(item, "model")):
                yield from self._semantic(item)
        for item in _sequence(self.root, "exposures"):
            refs = [n.value for n, keys in scalars(item) if keys[:1] == ("depends_on",)]
            if any(map(self._is_about, refs)):
                yield from self._prose(item)
        yield from self._related()

    def _is_about(self, text: object) -> bool:
        return bool(set(_REF.findall(str(text))) & self.models)

    def _entry(self, item: yaml.Node) -> Iterator[Splice]:
        if _value(item, "name") not in self.models:
            return
        for node, keys in scalars(item):
            start, end = inner(self.text, node)
            last = keys[-1] if keys else ""
            if last in _PROSE:
                yield from in_prose(self.text, start, end, self.old, self.new)
            elif keys == ("columns", "name") or (
                last not in {"name", "severity", "data_type"}
                and not {"values", "meta", "tags"} & set(keys)
                and len(keys) > 1
                and not self._of_other(item, node)
            ):
                if node.value.lower() == self.old.lower():
                    yield Splice(start, end, self.new)
                elif last in _SQL:
                    yield from _words(self.text, start, end, self.old, self.new)

    def _of_other(self, item: yaml.Node, node: yaml.Node) -> bool:
        """Whether a scalar is the field of a relationship to a relation."""
        return any(field is node for _, field in _relations(item))

    def _related(self) -> Iterator[Splice]:
        for to, field in _relations(self.root):
            if self._is_about(to.value) and field.value.lower() == self.old.lower():
                start, end = inner(self.text, field)
                yield Splice(start, end, self.new)

    def _rows(self, rows: yaml.Node) -> Iterator[Splice]:
        if isinstance(rows, yaml.ScalarNode):  # CSV or SQL
            start, end = inner(self.text, rows)
            yield from _words(self.text, start, end, self.old, self.new)
            return
        for row in rows.value if isinstance(rows, yaml.SequenceNode) else ():
            for key, _ in row.value if isinstance(row, yaml.MappingNode) else ():
                if key.value.lower() == self.old.lower():
                    start, end = inner(self.text, key)
                    yield Splice(start, end, self.new)

    def _semantic(self, item: yaml.Node) -> Iterator[Splice]:
        """What is called like the column keeps its name, as metrics go by it, and says what it
        reads."""
        for list_ in ("entities", "dimensions", "measures"):
            for part in _sequence(item, list_):
                expression = _get(part, "expr")
                name = _get(part, "name")
                if expression is not None:
                    start, end = inner(self.text, expression)
                    yield from _words(self.text, start, end, self.old, self.new)
                elif isinstance(name, yaml.ScalarNode) and name.value.lower() == self.old.lower():
                    end = int(name.end_mark.index)
                    flow = getattr(part, "flow_style", False)
                    column = part.start_mark.column
                    joint = ", " if flow else "\n" + " " * column
                    yield Splice(end, end, f"{joint}expr: {self.new}")
        yield from self._prose(item)

    def _prose(self, item: yaml.Node) -> Iterator[Splice]:
        for node, keys in scalars(item):
            if keys and keys[-1] in _PROSE:
                yield from in_prose(self.text, *inner(self.text, node), self.old, self.new)


# --- nodes ---------------------------------------------------------------------------------------


def compose(text: str, path: str) -> yaml.Node | None:
    """The node tree. Raises CannotEdit for a file that is no YAML."""
    if text.startswith("\ufeff"):
        raise CannotEdit(f"{path} begins with a byte order mark")
    try:
        found: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError) as error:
        raise CannotEdit(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    return found


def scalars(
    node: yaml.Node | None, keys: tuple[str, ...] = ()
) -> Iterator[tuple[yaml.ScalarNode, tuple[str, ...]]]:
    """All values that are plain, with the keys that lead to them (lists count for nothing)."""
    if isinstance(node, yaml.ScalarNode):
        yield node, keys
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            yield from scalars(child, keys)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from scalars(value, (*keys, str(key.value)))


def inner(text: str, node: yaml.Node) -> tuple[int, int]:
    """Where a scalar's own text stands, its quotes left out."""
    start, end = int(node.start_mark.index), int(node.end_mark.index)
    quoted = text[start : start + 1] in {"'", '"'} and end - start >= 2
    return (start + 1, end - 1) if quoted else (start, end)


def in_prose(text: str, start: int, end: int, old: str, new: str) -> Iterator[Splice]:
    """An identifier in a sentence: one with an underscore, or in backticks."""
    plain = "_" not in old
    pattern = rf"`{re.escape(old)}`" if plain else rf"(?<![\w.]){re.escape(old)}(?!\w)"
    for found in re.finditer(pattern, text[start:end]):
        at = start + found.start() + plain
        yield Splice(at, at + len(old), new)


def _words(text: str, start: int, end: int, old: str, new: str) -> Iterator[Splice]:
    for found in re.finditer(rf"(?<![\w'.]){re.escape(old)}(?![\w'])", text[start:end], re.I):
        yield Splice(start + found.start(), start + found.end(), new)


def _get(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((v for k, v in node.value if k.value == key), None)


def _value(node: yaml.Node | None, key: str) -> object:
    found = _get(node, key)
    return found.value if isinstance(found, yaml.ScalarNode) else None


def _sequence(node: yaml.Node | None, key: str) -> list[yaml.Node]:
    found = _get(node, key)
    return list(found.value) if isinstance(found, yaml.SequenceNode) else []


def _relations(node: yaml.Node | None) -> Iterator[tuple[yaml.ScalarNode, yaml.ScalarNode]]:
    """(to, field) of all tests that lead to another relation."""
    if isinstance(node, yaml.SequenceNode):
        for child in node.value:
            yield from _relations(child)
    elif isinstance(node, yaml.MappingNode):
        to, field = _get(node, "to"), _get(node, "field")
        if isinstance(to, yaml.ScalarNode) and isinstance(field, yaml.ScalarNode):
            yield to, field
        for _, value in node.value:
            yield from _relations(value)


def _rows_about(unit: yaml.Node, models: Collection[str]) -> Iterator[yaml.Node]:
    """The rows of a unit test that are rows of one of the models."""
    if _value(unit, "model") in models:
        rows = _get(_get(unit, "expect"), "rows")
        if rows is not None:
            yield rows
    for given in _sequence(unit, "given"):
        named = set(_REF.findall(str(_value(given, "input"))))
        is_this = _value(given, "input") == "this" and _value(unit, "model") in models
        rows = _get(given, "rows")
        if (named & set(models) or is_this) and rows is not None:
            yield rows


def _without_keys(text: str, rows: yaml.Node, column: str) -> Iterator[Splice]:
    for row in rows.value if isinstance(rows, yaml.SequenceNode) else ():
        if not isinstance(row, yaml.MappingNode):
            continue
        for n, (key, value) in enumerate(row.value):
            if key.value.lower() != column.lower():
                continue
            if row.flow_style:
                yield _out_of_flow(text, row.value, n)
            else:
                yield _lines(text, key, value)


def _out_of_flow(text: str, pairs: list[tuple[yaml.Node, yaml.Node]], n: int) -> Splice:
    start, end = int(pairs[n][0].start_mark.index), int(pairs[n][1].end_mark.index)
    if n + 1 < len(pairs):
        return Splice(start, int(pairs[n + 1][0].start_mark.index), "")
    if n:
        return Splice(int(pairs[n - 1][1].end_mark.index), end, "")
    return Splice(start, end, "")


def _lines(text: str, first: yaml.Node, last: yaml.Node) -> Splice:
    start = text.rfind("\n", 0, int(first.start_mark.index)) + 1
    if text[start : int(first.start_mark.index)].strip():
        raise CannotEdit("a row of a unit test begins with the column and cannot be cut in place")
    return Splice(start, _line_behind(text, last), "")


def _line_behind(text: str, node: yaml.Node) -> int:
    """The offset of the line after a node's content."""
    end = len(text[: int(node.end_mark.index)].rstrip())
    found = text.find("\n", end)
    return len(text) if found < 0 else found + 1


def _without(
    text: str, owner: yaml.Node | None, key: str, sequence: yaml.SequenceNode, gone: list[int]
) -> list[Splice]:
    """The splices that take items out of a list; the list goes with its last one."""
    if not gone:
        return []
    items = sequence.value
    if len(gone) == len(items) and isinstance(owner, yaml.MappingNode):
        at = next(n for n, (k, _) in enumerate(owner.value) if k.value == key)
        if owner.flow_style:
            return [_out_of_flow(text, owner.value, at)]
        start = text.rfind("\n", 0, int(owner.value[at][0].start_mark.index)) + 1
        return [Splice(start, _line_behind(text, items[-1]), "")]
    splices = []
    for n in gone:
        if sequence.flow_style:
            pairs = [(i, i) for i in items]
            splices.append(_out_of_flow(text, pairs, n))
            continue
        start = text.rfind("\n", 0, int(items[n].start_mark.index)) + 1
        after = n + 1 < len(items)
        end = (
            text.rfind("\n", 0, int(items[n + 1].start_mark.index)) + 1
            if after
            else _line_behind(text, items[n])
        )
        splices.append(Splice(start, end, ""))
    return splices


def plain(text: str) -> Mapping[str, object]:
    """The content of a YAML text."""
    loaded = yaml.load(text, Loader=_Loader)
    return loaded if isinstance(loaded, dict) else {}


def says_anything(text: str) -> bool:
    """Whether a schema file still lists something."""
    return any(value for key, value in plain(text).items() if key != "version")


def set_data_type(text: str, path: str, model: str, column: str, data_type: str) -> str:
    """The text with the declared type of a column, if it is declared, written anew."""
    for item in _sequence(entry(text, path, model), "columns"):
        found = _get(item, "data_type")
        if str(_value(item, "name")).lower() == column.lower() and found is not None:
            return spliced(text, [Splice(*inner(text, found), data_type)])
    return text

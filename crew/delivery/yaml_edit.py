"""Adds to a YAML text without touching what is there.

Each addition finds its place in the node tree and is spliced in as text; only an empty value
(`[]`, `{}`, `''`, `null`, `~`) is ever replaced. Afterwards the text is parsed as dbt parses it:
it must hold the old content and the addition, nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

from crew.delivery.yaml_nodes import (
    column_of_dash,
    compose,
    content_end,
    has_gaps,
    is_alias,
    is_flow,
    line_end,
    pair,
    style_of,
)
from crew.delivery.yaml_style import inline, render_item, render_pair
from crew.errors import InvalidProject, PolicyViolation

Place = tuple[str | tuple[str, str], ...]
_Splice = tuple[int, int, str]
_EMPTY = ("", "[]", "{}", "''", '""', "null", "~")


class YamlEdit:
    """A YAML file under edit. A place is a path of keys and, in lists, `(key, value)` pairs."""

    def __init__(self, path: str, text: str, tests_key: str = "data_tests") -> None:
        self.path = path
        self._mark = "\ufeff" if text.startswith("\ufeff") else ""
        self._text = text.removeprefix("\ufeff")
        self._root = compose(self._text, path)
        self.style = style_of(self._text, self._root, tests_key)

    @property
    def text(self) -> str:
        return self._mark + self._text

    def get(self, place: Place) -> Any:
        """The content at a place, None where there is none."""
        return _at(_load(self._text), place)

    def append(self, place: Place, key: str, item: Any) -> None:
        """Append `item` to the list `key` of the mapping at `place`, making the list if needed."""
        mapping = self._mapping(place)
        found = pair(mapping, key) if mapping else None
        if found is None or (not is_alias(*found) and self._is_empty(found[1])):
            self.set(place, key, [item])
            return
        sequence = found[1]
        if is_alias(*found) or not isinstance(sequence, yaml.SequenceNode):
            raise self._refusal(f"{key!r} is not a list of its own")
        if is_flow(sequence):
            splices = [self._into_flow(sequence, inline(item, self.style))]
        else:
            column = column_of_dash(self._text, sequence)
            lines = render_item(key, item, self.style, column)
            gap = has_gaps(self._text, sequence, not place)
            splices = [self._behind(sequence, ["", *lines] if gap else lines, column, column > 0)]
        self._apply(splices, place, key, [item])

    def set(self, place: Place, key: str, value: Any, after: Sequence[str] = ()) -> None:
        """Give the mapping at `place` a key that it lacks, behind the first it has of `after`."""
        mapping = self._mapping(place)
        if mapping is None:
            splices = [self._first(key, value)]
        elif found := pair(mapping, key):
            if is_alias(*found) or not self._is_empty(found[1]):
                raise self._refusal(f"{key!r} is filled already")
            splices = self._fill(*found, value, is_flow(mapping))
        elif is_flow(mapping):
            splices = [self._into_flow(mapping, inline({key: value}, self.style)[1:-1])]
        else:
            splices = [self._new_pair(mapping, key, value, after, not place)]
        self._apply(splices, place, key, value)

    def _first(self, key: str, value: Any) -> _Splice:
        newline, end = self.style.newline, len(self._text)
        lines = newline.join(render_pair(key, value, self.style, 0))
        if self._text and not self._text.endswith("\n"):
            return end, end, newline + lines
        return end, end, lines + newline

    def _fill(self, key: yaml.Node, node: yaml.Node, value: Any, flow: bool) -> list[_Splice]:
        start, end = int(node.start_mark.index), content_end(self._text, node)
        start = len(self._text[:start].rstrip(" "))
        if flow:
            return [(start, end, " " + inline(value, self.style))]
        column = int(key.start_mark.column)
        head, *lines = render_pair(str(key.value), value, self.style, column)
        rest = head.strip().partition(":")[2]
        if not lines:
            return [(start, end, rest)]
        return [(start, end, rest), self._behind(node, lines, column, False)]

    def _new_pair(
        self, mapping: yaml.MappingNode, key: str, value: Any, after: Sequence[str], top: bool
    ) -> _Splice:
        column = int(mapping.value[0][0].start_mark.column)
        lines = render_pair(key, value, self.style, column)
        node: yaml.Node = mapping
        found = next((p for name in after if (p := pair(mapping, name))), None)
        if found and not is_alias(*found):
            node = found[1]
        elif top and has_gaps(self._text, mapping, True):
            lines = ["", *lines]
        return self._behind(node, lines, column, False)

    def _behind(self, node: yaml.Node, lines: list[str], column: int, same: bool) -> _Splice:
        """A splice of whole lines behind a node and the comments that belong to it.

        These are the deeper ones, and with `same` those in `column` that follow at once.
        """
        position = line_end(self._text, content_end(self._text, node))
        ahead, blank = position, False
        while ahead < len(self._text):
            start = self._text.index("\n", ahead) + 1
            ahead = line_end(self._text, start)
            line = self._text[start:ahead]
            depth = len(line) - len(line.lstrip(" "))
            if line.lstrip(" ").startswith("#"):
                if depth <= column and not (same and depth == column and not blank):
                    break
                position, blank = ahead, False
            elif not line.strip():
                blank = True
            else:
                break
        return position, position, "".join(self.style.newline + line for line in lines)

    def _into_flow(self, node: yaml.CollectionNode, text: str) -> _Splice:
        if not node.value:
            start = int(node.start_mark.index) + 1
            return start, start, text
        key, last = node.value[-1] if isinstance(node.value[-1], tuple) else (node, node.value[-1])
        if last.start_mark.index < key.start_mark.index:
            raise self._refusal("a list ends with an alias")
        end = content_end(self._text, last)
        return end, end, f", {text}"

    def _apply(self, splices: list[_Splice], place: Place, key: str, value: Any) -> None:
        expected = _load(self._text) or {}
        _add(_at(expected, place), key, value)
        for start, end, text in sorted(splices, reverse=True):
            if self._text[start:end].strip() not in _EMPTY:
                raise self._refusal("something would be overwritten")
            self._text = self._text[:start] + text + self._text[end:]
        try:
            self._root = compose(self._text, self.path)
            found = _load(self._text)
        except (InvalidProject, yaml.YAMLError) as error:
            raise self._refusal("the result cannot be read") from error
        if _plain(found) != _plain(expected):
            raise self._refusal("something else would change with it (an anchor or merge key?)")

    def _mapping(self, place: Place) -> yaml.MappingNode | None:
        node = self._root
        for step in place:
            if isinstance(step, str) and isinstance(node, yaml.MappingNode):
                found = pair(node, step)
                if found and is_alias(*found):
                    raise self._refusal(f"{step!r} stands behind an alias")
                node = found[1] if found else None
            elif isinstance(step, tuple) and isinstance(node, yaml.SequenceNode):
                node = next((n for n in node.value if _has(n, *step)), None)
            else:
                node = None
            if node is None:
                raise self._refusal(f"{step!r} is not there")
        if node is not None and not isinstance(node, yaml.MappingNode):
            raise self._refusal(f"{place!r} is not a mapping")
        return node

    def _is_empty(self, node: yaml.Node) -> bool:
        end = content_end(self._text, node)
        return re.sub(r"\s", "", self._text[node.start_mark.index : end]) in _EMPTY

    def _refusal(self, why: str) -> PolicyViolation:
        return PolicyViolation(
            f"{self.path!r} cannot be added to without touching the rest: {why}.",
            "Write the entry in a plain block of its own in that file, or add it by hand.",
        )


def _has(node: yaml.Node, key: str, value: str) -> bool:
    found = pair(node, key) if isinstance(node, yaml.MappingNode) else None
    return bool(found and found[1].value == value)


def _load(text: str) -> Any:
    return _unshared(yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def _unshared(value: Any) -> Any:
    """A copy in which no two places share one object, so that an addition happens once."""
    if isinstance(value, dict):
        return {k: _unshared(v) for k, v in value.items()}
    return [_unshared(v) for v in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    """For comparison: a block scalar's last line break does not count, types do."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value.rstrip("\n") if isinstance(value, str) else (type(value).__name__, value)


def _at(content: Any, place: Place) -> Any:
    for step in place:
        if isinstance(step, tuple):
            items = content if isinstance(content, list) else []
            content = next(
                (i for i in items if isinstance(i, dict) and i.get(step[0]) == step[1]), None
            )
        else:
            content = content.get(step) if isinstance(content, dict) else None
    return content


def _add(mapping: dict[str, Any], key: str, value: Any) -> None:
    if isinstance(value, list) and isinstance(mapping.get(key), list):
        mapping[key] = [*mapping[key], *value]
    else:
        mapping[key] = value

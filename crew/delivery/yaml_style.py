"""Renders a YAML fragment in the habits of the file it goes into.

Strings are checked against the parser that dbt uses (PyYAML, YAML 1.1): plain only where they
read back as themselves, quoted otherwise.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

TESTS_KEYS = ("data_tests", "tests")
_WIDTH = 100
_INLINE_KEYS = ("warn_after", "error_after")


@dataclass(frozen=True)
class YamlStyle:
    """Habits of a file: columns from key to dash, from dash to content, from key to nested key."""

    newline: str = "\n"
    dash_offset: int = 2
    dash_width: int = 2
    step: int = 2
    quote: str = "'"
    folded: str = ">"
    literal: str = "|"
    blank_between_columns: bool = False
    inline_tests: bool = False
    tests_key: str = ""


def render_mapping(value: dict[str, Any], style: YamlStyle, column: int) -> list[str]:
    """The lines of a block mapping whose keys stand in `column`."""
    return [line for key, child in value.items() for line in render_pair(key, child, style, column)]


def render_pair(key: str, value: Any, style: YamlStyle, column: int) -> list[str]:
    """The lines of `key: value`; the key stands in `column`."""
    pad = " " * column
    head = f"{pad}{scalar(key, style)}:"
    if isinstance(value, dict) and value and key not in _INLINE_KEYS:
        return [head, *render_mapping(value, style, column + style.step)]
    if isinstance(value, list) and value and not _is_inline(key, value, style, column):
        return [head, *render_items(key, value, style, column + style.dash_offset)]
    if isinstance(value, dict | list):
        return [f"{head} {inline(value, style)}"]
    if isinstance(value, str) and _wants_block(value, len(head) + 1):
        return [f"{head} {line}" if i == 0 else line for i, line in _block(value, style, column)]
    return [f"{head} {scalar(value, style)}"]


def render_items(key: str, items: list[Any], style: YamlStyle, column: int) -> list[str]:
    """The lines of the items of a block sequence called `key`; dashes stand in `column`."""
    lines: list[str] = []
    for item in items:
        if lines and key == "columns" and style.blank_between_columns:
            lines.append("")
        lines += render_item(key, item, style, column)
    return lines


def render_item(key: str, item: Any, style: YamlStyle, column: int) -> list[str]:
    """The lines of one item of the block sequence called `key`."""
    dash = " " * column + "-".ljust(style.dash_width)
    if isinstance(item, dict) and item and key != "rows":
        lines = render_mapping(item, style, column + style.dash_width)
        return [dash + lines[0].lstrip(" "), *lines[1:]]
    return [dash + inline(item, style)]


def inline(value: Any, style: YamlStyle) -> str:
    """The value in flow style, on one line."""
    if isinstance(value, dict):
        pairs = (f"{scalar(k, style, flow=True)}: {inline(v, style)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(inline(v, style) for v in value) + "]"
    return scalar(value, style, flow=True)


def scalar(value: Any, style: YamlStyle, flow: bool = False) -> str:
    """A number, truth value, null or string on one line."""
    if isinstance(value, str):
        return value if _reads_back(value, value, flow) else _quoted(value, style.quote)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    mantissa, e, exponent = text.partition("e")
    # YAML 1.1 takes 1e+20 for a string; it wants the point.
    return f"{mantissa}.0{e}{exponent}" if e and "." not in mantissa else text


def _reads_back(text: str, value: Any, flow: bool) -> bool:
    if not text.isprintable() or text != text.strip():
        return False
    try:
        if flow:
            found = yaml.safe_load(f"[{text}, {{{text}: {text}}}]")
            return bool(found == [value, {value: value}] and type(found[0]) is type(value))
        return bool(yaml.safe_load(f"{text}: {text}") == {value: value})
    except (yaml.YAMLError, ValueError, TypeError):
        return False


def _quoted(text: str, quote: str) -> str:
    if not text.isprintable():
        return '"' + "".join(_escaped(c) for c in text) + '"'
    if "'" in text and '"' not in text and "\\" not in text:
        quote = '"'
    elif '"' in text or "\\" in text:
        quote = "'"
    return quote + text.replace(quote, quote * 2 if quote == "'" else '\\"') + quote


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    return {"\n": "\\n", "\t": "\\t"}.get(character, f"\\U{ord(character):08x}")


def _wants_block(text: str, column: int) -> bool:
    if not all(line.isprintable() for line in text.split("\n")) or not text.strip():
        return False
    return "\n" in text.strip("\n") or (column + len(text) > _WIDTH and " " in text)


def _block(text: str, style: YamlStyle, column: int) -> Iterator[tuple[int, str]]:
    pad = " " * (column + style.step)
    lines = [line.rstrip() for line in text.strip().split("\n")]
    if len(lines) == 1:
        yield 0, style.folded
        width = max(40, _WIDTH - len(pad))
        lines = textwrap.wrap(lines[0], width, break_long_words=False, break_on_hyphens=False)
    else:
        yield 0, style.literal
    yield from ((1, pad + line if line else "") for line in lines)


def _is_inline(key: str, items: list[Any], style: YamlStyle, column: int) -> bool:
    if any(isinstance(item, dict | list) for item in items):
        return False
    if key in TESTS_KEYS:
        return style.inline_tests
    return column + len(key) + 2 + len(inline(items, style)) <= _WIDTH

"""Where things stand in a YAML text: nodes, ends of content, gaps, and the file's habits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterator

import yaml

from crew.delivery.yaml_style import TESTS_KEYS, YamlStyle
from crew.errors import InvalidProject

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ALIAS = re.compile(r"(?:[\s:-]|#[^\n]*\n)*\*[^\s,\]}]+")
_BLANK = re.compile(r"\n[ \t\r]*\n")


def compose(text: str, path: str) -> yaml.Node | None:
    """The node tree, or None for a file without content. Raises InvalidProject if unreadable."""
    try:
        root = yaml.compose(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidProject(
            f"The YAML of {path!r} cannot be read: {' '.join(str(error).split())}",
            "Mend the file (dbt cannot read it either), then start the request again.",
        ) from error
    if root is None or (isinstance(root, yaml.ScalarNode) and root.value in ("", "null", "~")):
        return None
    if not isinstance(root, yaml.MappingNode):
        raise InvalidProject(
            f"{path!r} does not hold a mapping at its top.",
            "A dbt schema file begins with keys such as `models:`; mend the file.",
        )
    _refuse_duplicates(root, path, set())
    return root


def pair(mapping: yaml.MappingNode, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    """The nodes of a key and its value."""
    return next(((k, v) for k, v in mapping.value if k.value == key), None)


def is_alias(key: yaml.Node, value: yaml.Node) -> bool:
    """Whether the value stands elsewhere, behind an anchor."""
    return bool(value.start_mark.index < key.end_mark.index)


def is_flow(node: yaml.Node) -> bool:
    return bool(getattr(node, "flow_style", False))


def content_end(text: str, node: yaml.Node) -> int:
    """The offset behind the last character of a node, without blanks and comments after it."""
    if isinstance(node, yaml.ScalarNode):
        end = int(node.end_mark.index)
        return len(text[:end].rstrip()) if node.style in ("|", ">") else end
    if is_flow(node) or not node.value:
        return int(node.end_mark.index)
    end = int(node.start_mark.index)
    for child in _children(node):
        end = end_behind(text, end, child)
    return end


def end_behind(text: str, position: int, node: yaml.Node) -> int:
    """The end of `node`, or of the alias that stands for it behind `position`."""
    if node.start_mark.index >= position:
        return content_end(text, node)
    alias = _ALIAS.match(text, position)
    return alias.end() if alias else position


def line_end(text: str, position: int) -> int:
    """The offset of the line break (or the end of the text) at or behind `position`."""
    end = text.find("\n", position)
    end = len(text) if end < 0 else end
    return end - 1 if end > position and text[end - 1] == "\r" else end


def column_of_dash(text: str, sequence: yaml.SequenceNode) -> int:
    """The column of the dashes of a block sequence."""
    start = sequence.value[0].start_mark.index
    if sequence.start_mark.index < start and text[sequence.start_mark.index] == "-":
        return int(sequence.start_mark.column)
    dash = text.rfind("-", 0, start)
    return dash - (text.rfind("\n", 0, dash) + 1)


def has_gaps(text: str, node: yaml.Node, otherwise: bool) -> bool:
    """Whether most neighbours in a block collection have blank lines between them."""
    starts = [k if isinstance(k, yaml.Node) else k[0] for k in node.value]
    found: Counter[bool] = Counter()
    end = int(node.start_mark.index)
    for i, child in enumerate(node.value):
        if i and starts[i].start_mark.index > end:
            found[bool(_BLANK.search(text[end : starts[i].start_mark.index]))] += 1
        for part in child if isinstance(child, tuple) else (child,):
            end = end_behind(text, end, part)
    return found[True] >= found[False] if found else otherwise


def style_of(text: str, root: yaml.Node | None, tests_key: str = "data_tests") -> YamlStyle:
    """The habits of the file; what it does not show is as most dbt projects do it."""
    seen: dict[str, Counter[Hashable]] = {}
    for name, value in _habits(text, root) if root else ():
        seen.setdefault(name, Counter())[value] += 1
    most = {name: counter.most_common(1)[0][0] for name, counter in seen.items()}
    default = YamlStyle()
    return YamlStyle(
        newline="\r\n" if "\r\n" in text else "\n",
        dash_offset=int(str(most.get("dash_offset", default.dash_offset))),
        dash_width=int(str(most.get("dash_width", default.dash_width))),
        step=int(str(most.get("step", default.step))),
        quote=str(most.get("quote", default.quote)),
        folded=str(most.get("folded", default.folded)),
        literal=str(most.get("literal", default.literal)),
        blank_between_columns=bool(most.get("blank_between_columns", False)),
        inline_tests=bool(most.get("inline_tests", False)),
        tests_key=str(most.get("tests_key", tests_key)),
    )


def _habits(text: str, root: yaml.Node) -> Iterator[tuple[str, Hashable]]:
    for node in _walk(root, set()):
        if isinstance(node, yaml.ScalarNode):
            yield from _scalar_habits(text, node)
        elif isinstance(node, yaml.MappingNode) and not is_flow(node):
            for key, value in node.value:
                if not is_alias(key, value):
                    yield from _pair_habits(text, key, value)


def _scalar_habits(text: str, node: yaml.ScalarNode) -> Iterator[tuple[str, Hashable]]:
    if node.style in ("'", '"'):
        yield "quote", node.style
    elif node.style in ("|", ">"):
        header = re.match(r"[|>][+-]?", text[node.start_mark.index :])
        if header:
            yield ("folded" if node.style == ">" else "literal"), header.group(0)


def _pair_habits(text: str, key: yaml.Node, value: yaml.Node) -> Iterator[tuple[str, Hashable]]:
    column = key.start_mark.column
    if key.value in TESTS_KEYS:
        yield "tests_key", key.value
        names = [isinstance(item, yaml.ScalarNode) for item in value.value]
        if isinstance(value, yaml.SequenceNode) and names and all(names):
            yield "inline_tests", is_flow(value)
    if is_flow(value) or not value.value:
        return
    if isinstance(value, yaml.MappingNode):
        yield "step", value.value[0][0].start_mark.column - column
    if not isinstance(value, yaml.SequenceNode):
        return
    dash = column_of_dash(text, value)
    yield "dash_offset", dash - column
    if isinstance(value.value[0], yaml.MappingNode) and not is_flow(value.value[0]):
        width = value.value[0].value[0][0].start_mark.column - dash
        if value.value[0].start_mark.line == value.value[0].value[0][0].start_mark.line:
            yield "dash_width", width
    if key.value == "columns" and len(value.value) > 1:
        yield "blank_between_columns", has_gaps(text, value, False)


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    for child in node.value if isinstance(node, yaml.CollectionNode) else ():
        yield from child if isinstance(child, tuple) else (child,)


def _walk(node: yaml.Node, seen: set[int]) -> Iterator[yaml.Node]:
    if id(node) in seen:
        return
    seen.add(id(node))
    yield node
    for child in _children(node):
        yield from _walk(child, seen)


def _refuse_duplicates(root: yaml.Node, path: str, seen: set[int]) -> None:
    for node in _walk(root, seen):
        if isinstance(node, yaml.MappingNode):
            counted = Counter(k.value for k, _ in node.value if isinstance(k, yaml.ScalarNode))
            for key, count in counted.items():
                if count > 1 and key != "<<":
                    line = node.start_mark.line + 1
                    raise InvalidProject(
                        f"The key {key!r} stands twice in one mapping of {path!r} (line {line}).",
                        "Remove one of the two, then start the request again.",
                    )

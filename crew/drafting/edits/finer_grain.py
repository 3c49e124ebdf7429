"""Rows of an aggregated model per one thing more: a further key, grouped by."""

from __future__ import annotations

import re

import yaml
from sqlglot import exp

from crew.artifacts import AddToGrain
from crew.drafting.edits import yaml_edits
from crew.drafting.edits.columns import joint
from crew.drafting.edits.project_view import Workbench
from crew.drafting.edits.sql_edits import Splice, SqlSource, spliced
from crew.drafting.model_text import CannotEdit

_GROUP = re.compile(r"\bgroup\s+by\s+(?P<keys>.+?)(?=\s+(?:having|order|limit|qualify)\b|\s*;?\s*\Z)",
                    re.I | re.S)  # fmt: skip


def grouped(source: SqlSource) -> exp.Select:
    """The model's last select, which groups. Raises CannotEdit where it does not."""
    root = source.trees[0]
    if not isinstance(root, exp.Select) or not root.args.get("group"):
        raise CannotEdit("its last select does not group rows")
    return root


def group_keys(source: SqlSource) -> list[str]:
    """Names of the columns that it groups by, in the order of its select."""
    root = grouped(source)
    items = root.selects
    named = []
    for key in root.args["group"].expressions:
        if isinstance(key, exp.Literal) and not key.is_string:
            named.append(items[int(key.name) - 1])
        else:
            bare = [i for i in items if i.unalias() == key or i.alias_or_name == key.name]
            named += bare[:1]
    return [i.alias_or_name for i in items if any(i is n for n in named)]


def add_to_grain(bench: Workbench, edit: AddToGrain) -> None:
    """A further item, grouped by, behind those that are there; tests of the key follow."""
    source = bench.source(edit.model)
    items = grouped(source).selects
    keys = group_keys(source)
    at = max((n for n, i in enumerate(items) if i.alias_or_name in keys), default=-1) + 1
    found = list(_GROUP.finditer(source.masked))
    if not found or not keys or at != len(keys):
        raise CannotEdit("the columns that it groups by do not stand first")
    list_ = max(
        (s for s in source.select_lists if len(s.items) == len(items)), key=lambda s: s.start
    )
    start, end = list_.items[at - 1]
    written = found[-1]["keys"].strip()
    by_number = all(part.strip().isdigit() for part in written.split(","))
    more = str(at + 1) if by_number else edit.expression
    behind = found[-1].start("keys") + len(found[-1]["keys"].rstrip())
    name = "" if edit.expression == edit.column else f" {bench.keyword('as')} {edit.column}"
    new = f"{joint(source.text, start)}{edit.expression}{name}"
    splices = [Splice(end, end, new)]
    if written.lower() != "all":
        splices.append(Splice(behind, behind, f", {more}"))
    bench.write_sql(edit.model, spliced(source.text, splices))
    before = bench.columns(edit.model)
    bench.set_columns(edit.model, (*before[:at], edit.column, *before[at:]))
    for path in bench.paths(".yml", ".yaml"):
        text = bench.text(path) or ""
        if edit.model in text:
            bench.write(path, _tested(text, path, edit, keys))


def _tested(text: str, path: str, edit: AddToGrain, keys: list[str]) -> str:
    """The text with the column in each list of a test that is the key as it was. Raises CannotEdit
    where one column alone is tested to be the key."""
    entry = yaml_edits.entry(text, path, edit.model)
    splices = []
    for list_ in _lists(entry):
        names = [n.value for n in list_.value if isinstance(n, yaml.ScalarNode)]
        if {n.lower() for n in names} != {k.lower() for k in keys}:
            continue
        last = list_.value[-1]
        end = int(last.end_mark.index)
        if list_.flow_style:
            splices.append(Splice(end, end, f", {edit.column}"))
        else:
            line = text.rfind("\n", 0, int(last.start_mark.index)) + 1
            splices.append(
                Splice(end, end, f"\n{text[line : int(last.start_mark.index)]}{edit.column}")
            )
    if len(keys) == 1 and "unique" in _plain_tests(entry, keys[0]):
        raise CannotEdit(f"{keys[0]} is tested to be unique, which it is no longer")
    return spliced(text, splices)


def _lists(node: yaml.Node | None) -> list[yaml.SequenceNode]:
    if isinstance(node, yaml.SequenceNode):
        return [node, *(x for child in node.value for x in _lists(child))]
    if isinstance(node, yaml.MappingNode):
        return [x for _, value in node.value for x in _lists(value)]
    return []


def _plain_tests(entry: yaml.Node | None, column: str) -> set[str]:
    """Tests without arguments on a column of an entry."""
    found: set[str] = set()
    for key, value in entry.value if isinstance(entry, yaml.MappingNode) else ():
        if key.value != "columns" or not isinstance(value, yaml.SequenceNode):
            continue
        for item in value.value:
            scalars = list(yaml_edits.scalars(item))
            named = any(k == ("name",) and n.value == column for n, k in scalars)
            found |= {n.value for n, k in scalars if named and k[-1] in {"tests", "data_tests"}}
    return found

"""What Jinja generated SQL may hold: an allow-list, judged by Jinja's own syntax tree.

dbt's Jinja can query the database, read files and the environment, and call any macro. Generated
files need none of that. What passes is rendered with harmless stand-ins, so that the SQL policy
sees SQL. Of a changed file only what the change adds is judged.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from jinja2 import Environment, TemplateError, nodes

from crew.verification.jinja_stand_ins import MACROS, JinjaVerdict, rendered

CONFIG_KEYS = frozenset(
    {
        "materialized", "unique_key", "tags", "meta", "incremental_strategy", "on_schema_change",
        "partition_by", "cluster_by", "contract", "group", "access", "event_time", "begin",
        "batch_size", "lookback", "docs", "severity", "description",
    }
)  # fmt: skip
MATERIALIZATIONS = frozenset(
    {"table", "view", "incremental", "ephemeral", "materialized_view", "test"}
)
FILTERS = frozenset(
    {"lower", "upper", "trim", "replace", "join", "length", "list", "first", "last", "string",
     "int", "title", "capitalize", "sort", "unique"}
)  # fmt: skip

_ALLOWED_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.List, nodes.Tuple,
    nodes.Dict, nodes.Pair, nodes.Keyword, nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand,
    nodes.Not, nodes.And, nodes.Or, nodes.Add, nodes.Sub, nodes.Concat, nodes.Neg,
)  # fmt: skip
_NAMES = frozenset({"loop", "this", "true", "false", "none", "True", "False", "None"})
_TESTS = frozenset({"defined", "none", "odd", "even", "string", "number", "sequence", "in"})
_MAX_ITEMS, _MAX_LENGTH, _MAX_LOOPS = 200, 200_000, 3


def check_jinja(
    text: str, base: str = "", variables: Collection[str] = (), macros: Collection[str] = ()
) -> JinjaVerdict:
    """Judge a SQL file. `base` is its text before the change, "" for a new file.

    `variables` are those the project defines, `macros` names of further macros that may be
    called and stand for a value.
    """
    if len(text) > _MAX_LENGTH:
        return JinjaVerdict((f"The file is longer than {_MAX_LENGTH} characters.",))
    try:
        found = _refused(text, variables, macros)
    except (TemplateError, RecursionError) as error:
        return JinjaVerdict((f"The Jinja cannot be read: {error}",))
    try:
        before = _refused(base, variables, macros)
    except (TemplateError, RecursionError):
        before = {}
    new = tuple(
        dict.fromkeys(words for construct, words in found.items() if construct not in before)
    )
    if found:
        return JinjaVerdict(new)
    return rendered(text, macros)


def _refused(text: str, variables: Collection[str], macros: Collection[str]) -> dict[str, str]:
    """Each construct that is not allowed, as its tree, with the finding."""
    tree = Environment(extensions=["jinja2.ext.do"]).parse(text)
    return dict(_Judge(variables, macros).judge(tree))


class _Judge:
    """Walks a tree; everything it does not know is refused."""

    def __init__(self, variables: Collection[str], macros: Collection[str]) -> None:
        self._variables = set(variables)
        self._macros = set(macros) | set(MACROS)
        self._local: set[str] = set()
        self._loops = 0

    def judge(self, node: nodes.Node) -> Iterator[tuple[str, str]]:
        """(construct, finding) of all that is refused below `node`."""
        special = getattr(self, f"_{type(node).__name__.lower()}", None)
        if special is not None:
            yield from special(node)
            return
        if not isinstance(node, _ALLOWED_NODES):
            yield self._refuse(node, f"the Jinja construct {type(node).__name__}")
            return
        yield from self._children(node)

    def _children(self, node: nodes.Node) -> Iterator[tuple[str, str]]:
        for child in node.iter_child_nodes():
            yield from self.judge(child)

    def _refuse(self, node: nodes.Node, what: str) -> tuple[str, str]:
        return repr(node), f"Line {node.lineno}: {what} is not allowed in generated files."

    def _templatedata(self, node: nodes.TemplateData) -> Iterator[tuple[str, str]]:
        if re.search(r"\{[{%#]", node.data):
            yield self._refuse(node, "raw Jinja")

    def _name(self, node: nodes.Name) -> Iterator[tuple[str, str]]:
        if node.name not in _NAMES and node.name not in self._local:
            yield self._refuse(node, f"the name {node.name!r}")

    def _assign(self, node: nodes.Assign) -> Iterator[tuple[str, str]]:
        if not isinstance(node.target, nodes.Name):
            yield self._refuse(node, "assigning to anything but a name")
            return
        if any(node.find_all((nodes.Concat, nodes.Add))):
            yield self._refuse(node, "joining values in an assignment")
        yield from self.judge(node.node)
        self._local.add(node.target.name)

    def _for(self, node: nodes.For) -> Iterator[tuple[str, str]]:
        self._loops += 1
        if node.recursive or self._loops > _MAX_LOOPS:
            yield self._refuse(node, "this many loops, or a recursive one,")
        if isinstance(node.iter, nodes.List | nodes.Tuple) and len(node.iter.items) > _MAX_ITEMS:
            yield self._refuse(node, f"a loop over more than {_MAX_ITEMS} items")
        elif not isinstance(node.iter, nodes.List | nodes.Tuple | nodes.Name):
            yield self._refuse(node, "a loop over anything but a list")
        yield from self.judge(node.iter)
        self._local.update(n.name for n in node.target.find_all(nodes.Name))
        if isinstance(node.target, nodes.Name):
            self._local.add(node.target.name)
        for child in [*node.body, *node.else_, *([node.test] if node.test else [])]:
            yield from self.judge(child)

    def _getattr(self, node: nodes.Getattr) -> Iterator[tuple[str, str]]:
        owner = node.node.name if isinstance(node.node, nodes.Name) else ""
        fields = {"loop": {"first", "last", "index", "index0", "length"},
                  "this": {"schema", "identifier", "name", "table"}}  # fmt: skip
        if node.attr not in fields.get(owner, ()):
            yield self._refuse(node, f"the attribute {node.attr!r}")

    def _getitem(self, node: nodes.Getitem) -> Iterator[tuple[str, str]]:
        key = node.arg.value if isinstance(node.arg, nodes.Const) else None
        if key is None or (isinstance(key, str) and key.startswith("_")):
            yield self._refuse(node, "this subscript")
        yield from self.judge(node.node)

    def _filter(self, node: nodes.Filter) -> Iterator[tuple[str, str]]:
        if node.name not in FILTERS or node.node is None:
            yield self._refuse(node, f"the filter {node.name!r}")
        yield from self._children(node)

    def _test(self, node: nodes.Test) -> Iterator[tuple[str, str]]:
        if node.name not in _TESTS:
            yield self._refuse(node, f"the test {node.name!r}")
        yield from self._children(node)

    def _call(self, node: nodes.Call) -> Iterator[tuple[str, str]]:
        name = _dotted(node.node)
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            yield self._refuse(node, "a call with * or **")
        elif name in ("ref", "source", "var", "config", "is_incremental"):
            yield from getattr(self, f"_call_{name}")(node)
        elif name in self._macros:
            for argument in [*node.args, *node.kwargs]:
                yield from self.judge(argument)
        else:
            yield self._refuse(node, f"the call of {name or 'an expression'}")

    def _call_is_incremental(self, node: nodes.Call) -> Iterator[tuple[str, str]]:
        if node.args or node.kwargs:
            yield self._refuse(node, "is_incremental() with arguments")

    def _call_ref(self, node: nodes.Call) -> Iterator[tuple[str, str]]:
        versions = {k.key for k in node.kwargs} <= {"v", "version"}
        literal = all(isinstance(k.value, nodes.Const) for k in node.kwargs)
        if not (versions and literal and _strings(node.args) and 1 <= len(node.args) <= 2):
            yield self._refuse(node, "ref() with anything but literal names")

    def _call_source(self, node: nodes.Call) -> Iterator[tuple[str, str]]:
        if node.kwargs or not _strings(node.args) or len(node.args) != 2:
            yield self._refuse(node, "source() with anything but two literal names")

    def _call_var(self, node: nodes.Call) -> Iterator[tuple[str, str]]:
        if not node.args or node.kwargs or not _strings(node.args[:1]):
            yield self._refuse(node, "var() with anything but a literal name")
        elif (name := node.args[0].value) not in self._variables:  # type: ignore[attr-defined]
            yield self._refuse(node, f"the variable {name!r}, which the project does not define,")
        for default in node.args[1:]:
            if not isinstance(default, nodes.Const):
                yield self._refuse(default, "a default of var() that is not literal")

    def _call_config(self, node: nodes.Call) -> Iterator[tuple[str, str]]:
        if node.args:
            yield self._refuse(node, "config() with positional arguments")
        for keyword in node.kwargs:
            if keyword.key not in CONFIG_KEYS:
                yield self._refuse(keyword, f"the config {keyword.key!r}")
                continue
            try:
                value = keyword.value.as_const()
            except nodes.Impossible:
                yield self._refuse(keyword, f"a config {keyword.key!r} that is not literal")
                continue
            if keyword.key == "materialized" and value not in MATERIALIZATIONS:
                yield self._refuse(keyword, f"the materialization {value!r}")


def _strings(arguments: list[nodes.Expr]) -> bool:
    return all(isinstance(a, nodes.Const) and isinstance(a.value, str) for a in arguments)


def _dotted(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        return f"{node.node.name}.{node.attr}"
    return ""

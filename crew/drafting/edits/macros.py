"""Calls another macro wherever a deprecated one is called; arguments stay as they are."""

from __future__ import annotations

import re

from crew.artifacts import ReplaceMacro
from crew.drafting.edits.project_view import Workbench
from crew.drafting.model_text import CannotEdit

_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.S)


def replace_macro(bench: Workbench, edit: ReplaceMacro) -> None:
    """All calls in models and tests; macros that call it are named. Raises CannotEdit."""
    if edit.new not in bench.view.macros:
        raise CannotEdit(f"there is no macro {edit.new}")
    call = re.compile(rf"(?<![\w.]){re.escape(edit.old)}(?=\s*\()")
    defined = re.compile(rf"\{{%-?\s*macro\s+{re.escape(edit.old)}\b")
    models = {n.path: k for k, n in bench.view.nodes.items() if n.own}
    left = []
    for path in bench.paths(".sql"):
        text = bench.text(path) or ""
        after = _JINJA.sub(lambda m: call.sub(edit.new, m.group()), text)
        if after == text:
            continue
        if not bench.view.may_write(path):
            if not defined.search(text) or len(call.findall(text)) > 1:
                left.append(path)
        elif path in models:
            bench.write_sql(models[path], after)
        else:
            bench.write(path, after)
    if left:
        bench.notes.append(
            f"Macros that call `{edit.old}` are left as they are: {', '.join(left)}."
        )
    bench.notes.append(f"The macro `{edit.old}` itself stays: macros are changed by hand.")

"""Reads which macro is to be replaced by which."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crew.artifacts import ReplaceMacro
from crew.drafting.edits.phrases import says

if TYPE_CHECKING:
    from crew.drafting.edits.reader import EditReader


class MacroReader:
    """The macros of one `EditReader`."""

    def __init__(self, reader: EditReader) -> None:
        self.reader, self.view, self.names = reader, reader.view, reader.names

    def read(self, sentence: str) -> bool:
        text = sentence if len(self.named_in(sentence)) > 1 else self.reader.text
        names = self.named_in(text)
        if len(names) < 2 or not says("replace", text):
            return False
        old, new = names[0], names[1]
        turned = re.search(r"\buse\b.*\binstead of\b", text, re.I) or re.search(
            rf"\b(?:by|with|mit|par|por)\b.*{re.escape(old)}.*\bfor\b.*{re.escape(new)}", text, re.I
        )
        deprecated = re.search(
            rf"{re.escape(new)}\W+(?:\w+\W+){{0,3}}(?:deprecated|obsolete)", text
        )
        if turned or deprecated:
            old, new = new, old
        have, want = (_arguments(self.view.macros[n]) for n in (old, new))
        if have[0] != want[0] or (have[1] > want[1]):
            index = self.reader.ask(
                f"edit:macro:{old}",
                f"`{old}({self.view.macros[old]})` and `{new}({self.view.macros[new]})` take different "
                "arguments. How are they to be handed over?",
                [("the same arguments in the same order", ""), ("leave it for now", "")],
            )  # fmt: skip
            if index is None:
                return True
            if index == 1:
                self.reader.reading.refused = f"`{old}` stays, as answered."
                return True
        return self.reader.add(ReplaceMacro(old=old, new=new))

    def named_in(self, text: str) -> list[str]:
        """Macros of the project and its packages that a text names, in its order."""
        known = {m.split(".")[-1]: m for m in self.view.macros if not m.startswith("dbt.")}
        found = []
        for match in re.finditer(r"(?<![\w.])(?:\w+\.)?(?P<name>\w+)", text):
            name = known.get(match["name"], "")
            if name and name not in found and re.search(r"[_\d]", name):
                found.append(name)
        return found


def _arguments(text: str) -> tuple[int, int]:
    """(how many arguments a macro needs, how many it takes)."""
    parts = [p for p in text.split(",") if p.strip()]
    return sum("=" not in p for p in parts), len(parts)

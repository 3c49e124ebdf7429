"""Reads what models are to follow of what they read: columns renamed there, or one more."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process

from crew.artifacts import FollowSource
from crew.drafting.edits.project_view import ProjectView, Workbench
from crew.drafting.edits.source_follow import columns_named, follow_source
from crew.drafting.model_text import CannotEdit
from crew.drafting.vocabulary import snake

if TYPE_CHECKING:
    from crew.drafting.edits.reader import EditReader


class SourceReader:
    """The sources of one `EditReader`."""

    def __init__(self, reader: EditReader) -> None:
        self.reader, self.view, self.names = reader, reader.view, reader.names

    def renamed(self, sentence: str) -> bool:
        """A source column that the warehouse has by another name now."""
        reader = self.reader
        found = False
        for key, node in self.view.nodes.items():
            if node.kind != "source" or not node.children:
                continue
            have = self.view.typed_columns(key)
            if not have:
                continue
            for child in node.children:
                if child not in self.view.models:
                    continue
                gone = missing_columns(self.view, child, key)
                if not gone:
                    continue
                mentioned = [child, key, key.split(".")[-1], *gone]
                if not any(
                    re.search(rf"(?<!\w){re.escape(m)}(?!\w)", reader.text, re.I) for m in mentioned
                ):
                    continue
                found |= self._follow(child, key, gone, have)
        return found

    def added(self, sentence: str) -> bool:
        """A column that a source has and no model gives yet, brought into models that are named."""
        reader = self.reader
        targets = [k.name for k in self.names.models(sentence)] or [
            k.name for k in self.names.models(reader.text)
        ]
        for key, node in self.view.nodes.items():
            if node.kind != "source":
                continue
            table = key.split(".")[-1]
            if not re.search(rf"(?<!\w){re.escape(table)}(?!\w)", reader.text, re.I):
                continue
            for column in self.view.columns(key):
                if not re.search(rf"(?<!\w){re.escape(column)}(?!\w)", reader.text):
                    continue
                first = [t for t in targets if t in node.children]
                if first and self._bring(sentence, key, column, first[0], targets):
                    return True
        return False

    def _bring(
        self, sentence: str, source: str, column: str, first: str, targets: list[str]
    ) -> bool:
        reader = self.reader
        used = {c.lower() for c in columns_named(self.view, first, source)}
        snaked = snake(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column))
        said = re.search(r"\b(?:as|named|called)\s+[`\"']?(?P<name>[a-z]\w*)", sentence)
        name = said["name"] if said else snaked
        if column.lower() in used or name in map(str.lower, self.view.columns(first)):
            return False
        reader.add(FollowSource(model=first, source=source, columns=((name, column),)))
        reached = [first]
        for target in sorted(set(targets) - {first}, key=lambda t: self.view.order[t]):
            way = self.way(target, set(reached))
            if not way:
                reader.ask(
                    f"edit:bring:{target}",
                    f"`{target}` does not read `{first}`. By which model is `{name}` to come?",
                    [],
                )
                return True
            self.hand_on(way, name, target)
            reached += way[1:]
        return True

    def hand_on(self, way: Sequence[str], name: str, target: str) -> None:
        """A column from the first model of a way to all others on it."""
        for parent, child in pairwise(way):
            self.reader.add(FollowSource(model=child, source=parent, columns=((name, name),)))
            if child != target:
                self.reader.assume(f"`{name}` comes by `{child}`, which hands it on.")

    def can_hand_on(self, edit: FollowSource) -> bool:
        """Whether the model's selects let the column through, row by row."""
        try:
            follow_source(Workbench(self.view, self.reader.evidence), edit)
        except CannotEdit:
            return False
        return True

    def way(self, target: str, reached: set[str]) -> list[str]:
        """The shortest way from a model that is reached to another one; empty if there is none."""
        ways = [[target]]
        while ways:
            way = ways.pop(0)
            for parent in self.view.nodes[way[0]].parents:
                if parent in reached:
                    return [parent, *way]
                if parent in self.view.models:
                    ways.append([parent, *way])
        return []

    def _follow(self, model: str, source: str, gone: list[str], have: dict[str, str]) -> bool:
        reader = self.reader
        used = {c.lower() for c in columns_named(self.view, model, source)}
        new = [c for c in have if c.lower() not in used]
        pairs = []
        for old in gone:
            told = [c for c in new if re.search(rf"(?<!\w){re.escape(c)}(?!\w)", reader.text, re.I)]
            alike = process.extract(
                old, new, scorer=fuzz.token_set_ratio, processor=_in_words, limit=3
            )
            near = [name for name, score, _ in alike if score >= 50]
            options = told or near
            if len(options) == 1:
                if not told:
                    reader.assume(
                        f"`{source}.{old}` is called `{options[0]}` now: nothing else there is like it."
                    )
                pairs.append((old, options[0]))
                continue
            index = reader.ask(
                f"edit:source:{old}",
                f"`{source}` has no column `{old}` any more, which `{model}` reads. Which one replaces it?",
                [(f"`{c}`", have[c]) for c in (options or new)[:5]],
            )
            if index is None:
                return True
            pairs.append((old, (options or new)[index]))
        return reader.add(FollowSource(model=model, source=source, columns=tuple(pairs)))


def missing_columns(view: ProjectView, model: str, source: str) -> list[str]:
    """Columns of a source that a model names and the warehouse no longer has."""
    have = {c.lower() for c in view.typed_columns(source)}
    return [c for c in columns_named(view, model, source) if c.lower() not in have]


def _in_words(name: str) -> str:
    return re.sub(r"[_\W]+", " ", name.lower())

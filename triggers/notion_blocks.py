"""All blocks below a Notion page, with those that stand in others and in synced originals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from triggers.notion_calls import Missing, NotionCalls
from triggers.notion_source import identity
from triggers.notion_text import rich_text_to_markdown
from triggers.payload import mapping, text
from triggers.rich_text import MAX_BODY

_MAX_DEPTH = 20
_MAX_LISTS = 200
_ELSEWHERE = {"child_page", "child_database"}
_CUT = "[The rest of this page was not read.]"


@dataclass
class _Budget:
    """What may still be read of a page: lists of blocks (a call each) and characters."""

    lists: int = _MAX_LISTS
    characters: int = MAX_BODY
    open: set[str] = field(default_factory=set)

    @property
    def is_spent(self) -> bool:
        return self.lists <= 0 or self.characters <= 0


class NotionBlocks:
    """Reads within limits: 200 calls, 100,000 characters and 20 levels a page."""

    def __init__(self, calls: NotionCalls) -> None:
        self._calls = calls

    def below(self, page: str) -> list[dict[str, Any]]:
        """The blocks of a page in order, each with its own under `children`. A page beyond the
        limits ends in words that say so."""
        budget = _Budget()
        found = list(self._children(page, 0, budget))
        if budget.is_spent:
            part = {"type": "text", "plain_text": _CUT}
            found.append({"type": "paragraph", "paragraph": {"rich_text": [part]}})
        return found

    def _children(self, parent: str, depth: int, budget: _Budget) -> Iterator[dict[str, Any]]:
        # A synced block may stand in its own original.
        if depth > _MAX_DEPTH or parent in budget.open or budget.is_spent:
            return
        budget.open.add(parent)
        what = f"list the blocks of {parent}"
        lists = self._calls.pages(what, lambda c, w: c.blocks.children.list(parent, **w))
        for _, blocks in lists:
            budget.lists -= 1
            for block in blocks:
                yield {**block, "children": self._inside(block, depth, budget)}
                if budget.is_spent:
                    break
            if budget.is_spent:
                break
        budget.open.discard(parent)

    def _inside(self, block: dict[str, Any], depth: int, budget: _Budget) -> list[dict[str, Any]]:
        kind = text(block.get("type"))
        content = mapping(block.get(kind))
        cells = content.get("cells")
        for part in [content.get("rich_text"), *(cells if isinstance(cells, list) else ())]:
            budget.characters -= len(rich_text_to_markdown(part))
        original = identity(mapping(content.get("synced_from")).get("block_id"))
        source = original or identity(block.get("id"))
        if kind in _ELSEWHERE or not source or not (original or block.get("has_children") is True):
            return []
        try:
            return list(self._children(source, depth + 1, budget))
        except Missing:
            return []  # the original is not shared with us, or was just deleted

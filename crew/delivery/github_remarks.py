"""What people said on a pull request, from GitHub's JSON, where any field may be missing.

Only what asks us is addressed: by our name in plain sight (not in a quote, not in code), or by a
review that requests changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

from markdown_it import MarkdownIt

from crew.artifacts import ReviewRemark
from crew.delivery.delivery_rules import MARKER
from crew.delivery.pulls import Remark
from crew.delivery.safe_markdown import without_hidden

_MAX_TEXT = 8_000
Json = dict[str, Any]
Kind = Literal["review", "thread", "comment"]


def remarks_of(
    comments: Iterable[Json],
    reviews: Iterable[Json],
    threads: Iterable[Json],
    mention: str,
    may_write: Callable[[str], bool],
) -> tuple[Remark, ...]:
    """Issue comments, reviews and review comments as remarks, in the order they were made; those
    of ours are left out. `may_write` is asked about the authors of what is addressed to us."""
    reviews = list(reviews)
    asking = _requests_for_changes(reviews)
    found: list[tuple[str, Remark]] = []

    def add(payload: Json, kind: Kind, asked: bool, made_at: str) -> None:
        body = text_of(payload.get("body"))
        text = without_hidden(body, _MAX_TEXT)
        if body.lstrip().startswith(MARKER) or not text:
            return
        author = login_of(payload)
        addressed = asked or addresses(text, mention)
        line = payload.get("line") or payload.get("original_line")
        remark = Remark(
            id=f"{kind}-{payload.get('id')}",
            author=author,
            may_write=addressed and bool(author) and may_write(author),
            text=text,
            path=text_of(payload.get("path")),
            line=line if isinstance(line, int) else None,
            kind=kind,
            addressed=addressed,
        )
        found.append((text_of(payload.get(made_at)), remark))

    for payload in comments:
        add(payload, "comment", False, "created_at")
    for payload in reviews:
        add(payload, "review", payload.get("id") in asking, "submitted_at")
    for payload in threads:
        asked = payload.get("pull_request_review_id") in asking
        add(payload, "thread", asked and not payload.get("in_reply_to_id"), "created_at")
    return tuple(remark for _, remark in sorted(found, key=lambda pair: pair[0]))


def review_remarks(
    comments: Iterable[Json],
    reviews: Iterable[Json],
    threads: Iterable[Json],
    may_write: Callable[[str], bool],
) -> tuple[ReviewRemark, ...]:
    """All that people said, to whomever, in the order it was said; machines (other Apps, CI) are
    left out as we are. `may_write` is asked about each author."""
    comments, reviews, threads = (
        [payload for payload in payloads if not _is_machine(payload)]
        for payloads in (comments, reviews, threads)
    )
    found = remarks_of(comments, reviews, threads, mention="", may_write=lambda _: False)
    return tuple(
        ReviewRemark(
            author=remark.author,
            text=remark.text,
            path=remark.path,
            may_write=bool(remark.author) and may_write(remark.author),
        )
        for remark in found
    )


def _is_machine(payload: Json) -> bool:
    user = payload.get("user")
    return isinstance(user, dict) and user.get("type") == "Bot"


def addresses(text: str, mention: str) -> bool:
    """Whether a Markdown text mentions us as a word, outside of quotes and code."""
    if not mention:
        return False
    name = re.compile(rf"(?<![\w@/.-]){re.escape(mention)}(?![\w-])", re.I)
    return any(name.search(part) for part in _plain_parts(text))


def _plain_parts(text: str) -> Iterator[str]:
    quotes = 0
    for token in MarkdownIt("commonmark").parse(text):
        if token.type in ("blockquote_open", "blockquote_close"):
            quotes += token.nesting
        elif token.type == "inline" and not quotes:
            children = token.children or ()
            yield "".join(c.content if c.type == "text" else " " for c in children)


def _requests_for_changes(reviews: list[Json]) -> set[Any]:
    """The reviews that still request changes: their author has not approved since."""
    asking: dict[str, set[Any]] = {}
    for review in reviews:
        author = login_of(review)
        if review.get("state") == "CHANGES_REQUESTED":
            asking.setdefault(author, set()).add(review.get("id"))
        elif review.get("state") == "APPROVED":
            asking.pop(author, None)
    return {id_ for ids in asking.values() for id_ in ids}


def login_of(payload: Json) -> str:
    """Who made something; empty for an account that is gone."""
    user = payload.get("user")
    return text_of(user.get("login")) if isinstance(user, dict) else ""


def text_of(value: Any) -> str:
    """The value if it is text, else nothing."""
    return value if isinstance(value, str) else ""

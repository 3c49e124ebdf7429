"""A pull request of ours as people and checks left it, in our own nouns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Remark:
    """Something said on a pull request. `addressed` is one that asks us for a change: it mentions
    us, or belongs to a review that requests changes. `text` is untrusted, hidden parts stripped;
    `may_write`: its author may write to the repository."""

    id: str
    author: str
    may_write: bool
    text: str
    path: str = ""
    line: int | None = None
    kind: Literal["review", "thread", "comment"] = "comment"
    addressed: bool = False


@dataclass(frozen=True)
class CheckFailure:
    """A check of the code host that failed on the last commit."""

    id: str
    name: str
    summary: str


@dataclass(frozen=True)
class Pull:
    """A pull request as it is now."""

    number: int
    branch: str
    state: Literal["open", "merged", "closed"]
    draft: bool
    head: str
    base: str
    url: str
    updated_at: str
    remarks: tuple[Remark, ...] = ()
    failures: tuple[CheckFailure, ...] = ()
    human_commits: tuple[str, ...] = ()
    conflicts: bool = False

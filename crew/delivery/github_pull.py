"""A pull request of ours on GitHub: found by its branch, commented once, closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crew.delivery.delivery_rules import BRANCHES, closing_text, is_of_others
from crew.delivery.github_calls import GitHubCalls

if TYPE_CHECKING:
    from github.PullRequest import PullRequest


def find_pull(calls: GitHubCalls, branch: str) -> PullRequest | None:
    """The pull request of a branch: open before closed, later before earlier."""
    repository = calls.repository()
    head = f"{repository.owner.login}:{branch}"
    pulls = calls.read(
        "list pull requests", lambda: list(repository.get_pulls(state="all", head=head))
    )
    ours = [p for p in pulls if p.head.ref == branch and p.head.repo is not None]
    return max(ours, key=lambda p: (p.state == "open", p.number), default=None)


def close_pull(calls: GitHubCalls, branch: str, reason: str) -> bool:
    """Close the open pull request of a branch of ours and say why, once. One that somebody else has
    committed to or approved stays open, with the same words. Whether it was closed now."""
    found = find_pull(calls, branch)
    if found is None or found.state != "open" or not branch.startswith(BRANCHES):
        return False
    pull = found
    messages = calls.read("list commits", lambda: [c.commit.message for c in pull.get_commits()])
    reviews = calls.read("list reviews", lambda: [r.state for r in pull.get_reviews()])
    keep = "APPROVED" in reviews or any(map(is_of_others, messages))
    _ensure_comment(calls, pull, closing_text(reason, keep))
    if keep:
        return False
    with calls.writing("close the pull request"):
        pull.edit(state="closed")
    return True


def _ensure_comment(calls: GitHubCalls, pull: PullRequest, text: str) -> None:
    """A comment whose first line is a marker of its own."""
    marker = text.partition("\n")[0]
    there = calls.read("list comments", lambda: [c.body or "" for c in pull.get_issue_comments()])
    if not any(body.startswith(marker) for body in there):
        with calls.writing("comment on the pull request"):
            pull.create_issue_comment(text)

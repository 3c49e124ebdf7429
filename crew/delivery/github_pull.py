"""A pull request of ours on GitHub: found by its branch, commented once, closed, looked back on."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from crew.artifacts import ReviewRemark, Verdict
from crew.delivery.delivery_rules import BRANCHES, closing_text, is_of_others
from crew.delivery.github_branch import branch_ref
from crew.delivery.github_calls import GitHubCalls, Missing
from crew.delivery.github_remarks import review_remarks

if TYPE_CHECKING:
    from github.PullRequest import PullRequest

_WRITERS = ("admin", "maintain", "write")


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


def pull_verdict(calls: GitHubCalls, branch: str) -> Verdict:
    """What became of the branch's pull request, with what others said once it has ended. A branch
    that has none yet is open."""
    found = find_pull(calls, branch)
    if found is None:
        return Verdict(state="open" if branch_ref(calls, branch) else "gone")
    pull = found
    if pull.state == "open":
        return Verdict(state="open", location=pull.html_url)
    merged, commit = calls.read(
        "read the pull request", lambda: (pull.merged_at is not None, pull.merge_commit_sha or "")
    )
    return Verdict(
        state="merged" if merged else "closed",
        commit=commit if merged else "",
        location=pull.html_url,
        remarks=_said_on(calls, pull.number),
    )


def _said_on(calls: GitHubCalls, number: int) -> tuple[ReviewRemark, ...]:
    def may_write(login: str) -> bool:
        path = f"/collaborators/{quote(login, safe='')}/permission"
        try:
            found = calls.get(f"look up what {login!r} may do", path)
        except Missing:
            return False
        return found.get("permission") in _WRITERS

    return review_remarks(
        calls.listed("list comments", f"/issues/{number}/comments"),
        calls.listed("list reviews", f"/pulls/{number}/reviews"),
        calls.listed("list review comments", f"/pulls/{number}/comments"),
        cache(may_write),
    )


def _ensure_comment(calls: GitHubCalls, pull: PullRequest, text: str) -> None:
    """A comment whose first line is a marker of its own."""
    marker = text.partition("\n")[0]
    there = calls.read("list comments", lambda: [c.body or "" for c in pull.get_issue_comments()])
    if not any(body.startswith(marker) for body in there):
        with calls.writing("comment on the pull request"):
            pull.create_issue_comment(text)

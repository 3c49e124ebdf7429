"""Whether the token or the App may do on GitHub what Firstmile needs, and what lacks."""

from __future__ import annotations

from crew.delivery.github_calls import GitHubCalls, Missing
from crew.delivery.github_settings import GitHubSettings
from crew.errors import InvalidSettings, TerminalError

_APP_NEEDS = {
    "contents": "write",
    "pull_requests": "write",
    "metadata": "read",
    "checks": "read",
    "statuses": "read",
}
_RANK = {"read": 1, "write": 2, "admin": 3}
_PROBES = (
    ("pull requests", "/pulls?per_page=1"),
    ("checks", "/commits/{base}/check-runs?per_page=1"),
    ("commit statuses", "/commits/{base}/status?per_page=1"),
)


def check_access(calls: GitHubCalls, settings: GitHubSettings) -> tuple[str, ...]:
    """What was found to work, in words. Raises InvalidSettings with all that lacks."""
    repository = calls.repository()
    name, base = settings.repository, settings.base or repository.default_branch
    problems = []
    if repository.archived:
        problems.append(f"{name!r} is archived, nothing can be written there")
    try:
        calls.get(f"look at the branch {base!r}", f"/branches/{base}")
    except Missing:
        problems.append(f"it has no branch {base!r} (setting `github.base`)")
    granted = calls.app_permissions()
    problems += _token_problems(calls, base) if granted is None else _app_problems(granted)
    if problems:
        raise InvalidSettings(
            f"GitHub ({name!r}): {'; '.join(problems)}.",
            "Grant what lacks as docs/github.md shows, then try again.",
        )
    who = f"the GitHub App {settings.app_id}" if settings.app_id else "the token"
    return (
        f"{name} is open to {who}",
        f"pull requests go to the branch {base}",
        "branches and pull requests may be written, checks and statuses read",
    )


def _app_problems(granted: dict[str, str]) -> list[str]:
    return [
        f"the App's installation lacks the permission {name}: {wanted}"
        for name, wanted in _APP_NEEDS.items()
        if _RANK.get(granted.get(name, ""), 0) < _RANK[wanted]
    ]


def _token_problems(calls: GitHubCalls, base: str) -> list[str]:
    """A token does not tell its permissions: GitHub says what its owner may, the rest is tried."""
    problems = []
    permissions = calls.get("open the repository", "").get("permissions")
    if not isinstance(permissions, dict) or not permissions.get("push"):
        problems.append("the token may not write to the repository (contents: write)")
    for what, path in _PROBES:
        try:
            calls.get(f"read {what}", path.format(base=base))
        except TerminalError:
            problems.append(f"the token may not read {what}")
    return problems

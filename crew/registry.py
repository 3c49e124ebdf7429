"""Short names of code hosts; each adapter is imported only when it is chosen."""

from __future__ import annotations

import os
from pathlib import Path

from crew.errors import InvalidProject, InvalidSettings
from crew.ports import Checkout, CodeHost
from crew.settings import Settings


def code_host(settings: Settings, checkout: Checkout, state: Path) -> CodeHost | None:
    """The host that `settings.to` names; None for `none`. Raises InvalidProject, InvalidSettings."""
    if settings.to == "none":
        return None
    if settings.to == "github":
        from crew.delivery.github_host import GitHubHost, GitHubSettings

        if settings.github is None:
            raise InvalidSettings(
                "`--to github` needs the section `github` in firstmile.yml.",
                "Write `github: {repository: owner/name}` there and export FIRSTMILE_GITHUB_TOKEN.",
            )
        return GitHubHost(GitHubSettings.load(settings.github, os.environ), checkout.prefix)
    from crew.delivery.local_git_host import LocalGitHost

    if checkout.repository is None:
        raise InvalidProject(
            f"{str(checkout.origin)!r} is not in a git repository, so no branch can be made there.",
            "Run `git init` and commit the project, or use --to none to see the change only.",
        )
    return LocalGitHost(_repository(settings.project, checkout.repository), checkout.prefix, state)


def _repository(project: str, checked_out: Path) -> Path:
    """A bare repository given by its path takes the branch itself, not our clone of it."""
    given = Path(project).expanduser()
    return given.resolve() if (given / "HEAD").is_file() else checked_out

"""Settings of GitHub, and the credentials that the environment alone may hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from crew.errors import InvalidSettings

TOKEN = "FIRSTMILE_GITHUB_TOKEN"
PRIVATE_KEY = "FIRSTMILE_GITHUB_PRIVATE_KEY"


class GitHubSettings(BaseModel):
    """Where pull requests go, and as whom: by an access token, or as an installed GitHub App."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    """The repository, as owner/name."""
    base: str = ""
    """The branch to merge into; empty for the repository's default branch."""
    url: str = Field(default="https://api.github.com", pattern=r"^https?://")
    """The API's address; https://<host>/api/v3 for GitHub Enterprise Server."""
    app_id: int | None = Field(default=None, gt=0)
    """The GitHub App to act as, instead of a token."""
    installation_id: int | None = Field(default=None, gt=0)
    """The installation of that App which holds the repository."""
    draft: bool = True
    """Open pull requests as drafts."""
    labels: tuple[str, ...] = ("firstmile",)
    """Labels of every pull request, beside those of the change."""
    reviewers_from_codeowners: bool = True
    """Ask the owners of the changed files for review."""
    reviewers: tuple[str, ...] = ()
    """People who are asked to review every pull request."""
    team_reviewers: tuple[str, ...] = ()
    """Teams of the organisation who are asked to review every pull request, by their short name."""
    assignees: tuple[str, ...] = ()
    """People to whom every pull request is assigned."""
    mention: str = Field(default="@firstmile", pattern=r"^@[\w-]{1,60}$")
    """How a comment on a pull request addresses Firstmile."""
    timeout_seconds: int = Field(default=30, gt=0)
    """How long one call may take."""
    token: SecretStr | None = None
    """Access token with read and write on contents and pull requests."""
    private_key: SecretStr | None = None
    """Private key of the App, in PEM."""

    @classmethod
    def load(cls, values: Mapping[str, Any], environment: Mapping[str, str]) -> GitHubSettings:
        """Settings with the credentials of the environment. Raises InvalidSettings with all
        problems."""
        token, key = environment.get(TOKEN, ""), environment.get(PRIVATE_KEY, "")
        problems = [
            f"github.{name} stands among the settings; it belongs into {variable}."
            for name, variable in (("token", TOKEN), ("private_key", PRIVATE_KEY))
            if name in values
        ]
        problems += _identity_problems(values, token, key)
        # A variable may hold the lines of the key joined by a written \n.
        secrets = {
            "token": SecretStr(token) if token else None,
            "private_key": SecretStr(key.replace("\\n", "\n")) if key else None,
        }
        try:
            settings = cls.model_validate({**values, **secrets})
        except ValidationError as error:
            problems += [
                f"github.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()
            ]
        if problems:
            raise InvalidSettings(
                " ".join(problems),
                f"Mend firstmile.yml, and export {TOKEN} with an access token, or {PRIVATE_KEY} "
                "with the key of a GitHub App; docs/github.md shows both.",
            )
        return settings


def _identity_problems(values: Mapping[str, Any], token: str, key: str) -> list[str]:
    """Either a token alone, or all three of the App."""
    app = {
        "github.app_id": values.get("app_id"),
        "github.installation_id": values.get("installation_id"),
        PRIVATE_KEY: key,
    }
    missing = [name for name, value in app.items() if not value]
    if len(missing) == len(app):
        return [] if token else [f"{TOKEN} is not set."]
    if token:
        return [f"{TOKEN} is set and so is a GitHub App: take one of the two."]
    return [f"The GitHub App lacks {', '.join(missing)}."] if missing else []

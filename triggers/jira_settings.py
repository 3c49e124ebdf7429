"""Settings of the Jira door: which site, which tickets, what is shown on them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from crew.errors import InvalidSettings
from triggers.door import Phase

TOKEN = "FIRSTMILE_JIRA_TOKEN"
_LABEL = r'^[^\s"\\]{1,255}$'
_PRIORITIES = {
    "Highest": 1, "Blocker": 1, "Critical": 1, "High": 2, "Major": 2, "Medium": 3, "Normal": 3,
    "Low": 4, "Minor": 4, "Lowest": 5, "Trivial": 5,
}  # fmt: skip


class JiraSettings(BaseModel):
    """Where tickets come from in Jira. The token comes from the environment alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str = Field(pattern=r"^https?://[^\s?#@]+$")
    """The site, such as https://shop.atlassian.net, with the context path if it has one."""
    kind: Literal["cloud", "server", ""] = ""
    """Cloud, or Data Center (`server`); empty to tell it from the address."""
    user: str = ""
    """The account's e-mail address; Cloud only."""
    label: str = Field(default="firstmile", pattern=_LABEL)
    """The label that hands a ticket over."""
    claim_label: str = Field(default="firstmile-claimed", pattern=_LABEL)
    """The label put on each ticket that was taken up."""
    jql: str = ""
    """Which tickets are handed over, in place of the label."""
    fields: dict[str, str] = {}
    """Custom fields to read: the heading to show, and the field's name or id."""
    statuses: dict[Phase, str] = {}
    """The status to move a ticket to, by phase; none is moved unless said here."""
    cancelled_statuses: tuple[str, ...] = (
        "Cancelled", "Canceled", "Rejected", "Declined", "Won't Do", "Abandoned",
    )  # fmt: skip
    """Statuses that stop the work, beside those of the category Done."""
    project_label_prefix: str = Field(default="dbt:", min_length=1)
    """How a label begins that names the dbt project."""
    priorities: dict[str, Annotated[int, Field(ge=1, le=5)]] = _PRIORITIES
    """Jira's priorities as 1 (urgent) to 5; 3 for any other."""
    timeout_seconds: float = Field(default=20, gt=0)
    """How long one call may take."""
    token: SecretStr
    """API token (Cloud) or personal access token (Data Center)."""

    @field_validator("url")
    @classmethod
    def _without_slash(cls, url: str) -> str:
        return url.rstrip("/")

    @field_validator("jql")
    @classmethod
    def _a_condition(cls, jql: str) -> str:
        if re.search(r"\border\s+by\b", jql, re.I):
            raise ValueError("leave ORDER BY out; only the condition is wanted")
        return jql.strip()

    @model_validator(mode="after")
    def _with_user(self) -> JiraSettings:
        if self.is_cloud and not self.user:
            raise ValueError("user is missing: Jira Cloud needs the account's e-mail address")
        return self

    @property
    def is_cloud(self) -> bool:
        """Whether version 3 of the API is spoken, else version 2."""
        host = urlsplit(self.url).hostname or ""
        hosted = host.endswith(".atlassian.net") or host == "api.atlassian.com"
        return self.kind == "cloud" or (self.kind == "" and hosted)

    @property
    def condition(self) -> str:
        """The JQL of the tickets that are handed over."""
        return self.jql or f'labels = "{self.label}"'

    @classmethod
    def load(cls, values: Mapping[str, Any], environment: Mapping[str, str]) -> JiraSettings:
        """Settings with the token of the environment. Raises InvalidSettings with all problems."""
        token = environment.get(TOKEN, "")
        problems = [] if token else [f"{TOKEN} is not set."]
        if "token" in values:
            problems.append(f"jira.token stands among the settings; it belongs into {TOKEN}.")
        try:
            settings = cls.model_validate({**values, "token": SecretStr(token)})
        except ValidationError as error:
            problems += [
                f"{'.'.join(['jira', *map(str, e['loc'])])}: {e['msg']}." for e in error.errors()
            ]
        if problems:
            raise InvalidSettings(
                " ".join(problems), f"Mend firstmile.yml, and export {TOKEN} with an API token."
            )
        return settings

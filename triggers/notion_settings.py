"""Settings of the Notion door: which rows are requests, and what is shown on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from crew.errors import InvalidSettings
from triggers.door import Phase
from triggers.notion_source import identity

TOKEN = "FIRSTMILE_NOTION_TOKEN"
GlossaryField = Literal[
    "name",
    "synonyms",
    "definition",
    "owner",
    "relation",
    "condition",
    "formula",
    "unit",
    "measures",
]
_PRIORITIES = {
    "Urgent": 1, "Critical": 1, "Highest": 1, "High": 2, "Medium": 3, "Normal": 3, "Low": 4,
    "Lowest": 5,
}  # fmt: skip


def _identifier(value: Any) -> str:
    if value != "" and not identity(value):
        raise ValueError("give an id of 32 hexadecimal digits, with or without dashes")
    return identity(value)


Identifier = Annotated[str, BeforeValidator(_identifier)]


class NotionSettings(BaseModel):
    """Where requests come from in Notion. The token comes from the environment alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    data_source: Identifier = ""
    """The data source whose rows are requests."""
    database: Identifier = ""
    """In its place the database that has this one data source alone."""
    status_property: str = Field(default="Status", min_length=1)
    """The property, of type status or select, that says where a row stands."""
    requested: tuple[str, ...] = Field(default=("Requested",), min_length=1)
    """Values of it that hand a row over."""
    cancelled: tuple[str, ...] = ("Cancelled", "Canceled", "Won't do")
    """Values of it that stop the work, beside those of the group Complete."""
    statuses: dict[Phase, str] = {}
    """The value to set, by phase; none is set unless said here."""
    link_property: str = ""
    """The property, of type URL, to put the pull request into."""
    priority_property: str = ""
    """A number from 1 to 5, or a select, status or text that `priorities` knows."""
    priorities: dict[str, Annotated[int, Field(ge=1, le=5)]] = _PRIORITIES
    """Names of priorities as 1 (urgent) to 5; 3 for any other."""
    project_property: str = ""
    """The property that names the dbt project."""
    requester_property: str = ""
    """Who asks: people, created by, or e-mail; else who made the page."""
    glossary: Identifier = ""
    """The data source whose rows are agreed business words."""
    glossary_properties: dict[GlossaryField, str] = {}
    """Its properties by what they hold, where they are not called so."""
    version: str = Field(default="2025-09-03", pattern=r"^20\d\d-\d\d-\d\d$")
    """The version of Notion's API."""
    timeout_seconds: float = Field(default=20, gt=0)
    """How long one call may take."""
    requests_per_second: float = Field(default=3, gt=0)
    """How many calls may begin in a second."""
    url: str = Field(default="https://api.notion.com", pattern=r"^https?://[^\s?#@]+$")
    """Where the API is."""
    token: SecretStr
    """The internal connection's secret."""

    @model_validator(mode="after")
    def _consistent(self) -> NotionSettings:
        if bool(self.data_source) == bool(self.database):
            raise ValueError("give either data_source or database")
        if self.version < "2025-09-03":
            raise ValueError("version must be 2025-09-03 or later, which know data sources")
        for value in (*self.requested, *(v for p, v in self.statuses.items() if p != "cancelled")):
            if self.cancels(value):
                raise ValueError(f"the status {value!r} cannot both hand over or show and cancel")
        return self

    def requests(self, status: str) -> bool:
        """Whether the status hands a row over."""
        return _named(status, self.requested)

    def cancels(self, status: str) -> bool:
        """Whether the status stops the work. What is set on cancelled rows does too, or they would
        come back."""
        return _named(status, (*self.cancelled, self.statuses.get("cancelled", "")))

    def shows(self, status: str) -> bool:
        """Whether the status is one that Firstmile sets on a row that is still wanted."""
        return _named(status, [v for p, v in self.statuses.items() if p != "cancelled"])

    def glossary_property(self, field: GlossaryField) -> str:
        """The name of the property that holds this field of a term."""
        return self.glossary_properties.get(field, field.capitalize())

    @classmethod
    def load(cls, values: Mapping[str, Any], environment: Mapping[str, str]) -> NotionSettings:
        """Settings with the token of the environment. Raises InvalidSettings with all problems."""
        token = environment.get(TOKEN, "").strip()
        problems = [] if token else [f"{TOKEN} is not set."]
        if not all("!" <= c <= "~" for c in token):
            problems.append(f"{TOKEN} holds characters that no token has.")
        if "token" in values:
            problems.append(f"notion.token stands among the settings; it belongs into {TOKEN}.")
        try:
            settings = cls.model_validate({**values, "token": SecretStr(token)})
        except ValidationError as error:
            problems += [
                f"{'.'.join(['notion', *map(str, e['loc'])])}: {e['msg']}." for e in error.errors()
            ]
        if problems:
            raise InvalidSettings(
                " ".join(problems),
                f"Mend firstmile.yml, and export {TOKEN} with the connection's secret.",
            )
        return settings


def _named(status: str, names: tuple[str, ...] | list[str]) -> bool:
    return bool(status) and status.casefold() in (name.casefold() for name in names)

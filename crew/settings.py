"""Settings: `firstmile.yml`, then the environment (`FIRSTMILE_…`), then the command line.

Secrets are never in the file: tokens and keys come from the environment alone.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from crew.artifacts import CompanyCalendar
from crew.budget import BudgetSettings
from crew.errors import InvalidSettings
from crew.language_models import AGENTS, LanguageModel, Prices, Routing, as_chain
from crew.records.trace import TraceSettings

FILE = "firstmile.yml"
Models = Annotated[tuple[LanguageModel, ...], NoDecode, BeforeValidator(as_chain)]
_SECRET = re.compile(r"(token|secret|password|private_key|api_key)$", re.I)


class Section(BaseModel):
    """A part of the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class QueueSettings(Section):
    """How many requests are worked at once, and how soon."""

    per_worker: int = Field(1, ge=1, description="requests at once in one process, each 0.7 GB")
    total: int | None = Field(None, ge=1, description="requests at once over all processes")
    per_hour: int | None = Field(None, ge=1, description="requests begun in an hour, over all")
    poll_seconds: float = Field(10.0, gt=0, description="how often doors are asked what changed")
    retry_minutes: tuple[float, ...] = Field(
        (2, 10, 60), description="pauses after a service did not answer; then the request fails"
    )


class LimitSettings(Section):
    """What people may use; 0 is no limit."""

    per_person_per_day: int = Field(0, ge=0, description="requests of one person in 24 hours")
    runs_per_ticket_per_day: int = Field(30, ge=0, description="runs of one ticket in 24 hours")
    ci_repairs: int = Field(2, ge=0, description="repairs of one ticket after failed checks")


class QuestionSettings(Section):
    """How long an open question stays open."""

    remind_hours: float = Field(24.0, gt=0, description="one reminder after so many hours")
    lay_aside_days: float = Field(7.0, gt=0, description="laid aside after so many days")


class MemorySettings(Section):
    """Long-term memory."""

    url: str = Field("", description="Chroma server for many workers; empty for one of our own")
    embedding: dict[str, Any] = Field(
        {}, description="an embedding provider and its configuration; empty for the local one"
    )
    wait_seconds: float = Field(
        20.0, ge=0, description="how long a request waits for vectors that are being made"
    )

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("an address begins with http:// or https://")
        if "@" in parts.netloc:
            raise ValueError("no user and password here: export FIRSTMILE_CHROMA_TOKEN")
        return url


class GlossarySettings(Section):
    """A glossary kept in a catalog, read over MCP: by a `url`, or by a `command` that serves it."""

    kind: Literal["openmetadata", "atlan", "datahub", "other"] = "other"
    name: str = Field("", description="what its words are said to come from; else the product")
    url: str = Field("", description="address of the MCP server (streamable HTTP)")
    command: str = Field("", description="a program that is an MCP server over stdio")
    args: tuple[str, ...] = Field((), description="arguments of the command")
    token_env: str = Field("", description="the variable that holds the token")
    allow_env: tuple[str, ...] = Field((), description="further variables that the command may see")
    tool: str = Field("", description="tool that lists terms; else the product's own")
    arguments: dict[str, Any] = Field({}, description="its arguments, besides the product's own")
    max_terms: int = Field(200, ge=1, le=2000, description="terms read at most")
    timeout_seconds: float = Field(
        30.0, gt=0, le=120, description="how long it may take, the start of its reader included"
    )
    max_age_minutes: float = Field(60.0, ge=0, le=60, description="how long its words are kept")

    @model_validator(mode="after")
    def _whole(self) -> GlossarySettings:
        if bool(self.url) == bool(self.command):
            raise ValueError("give either a url or a command")
        if self.kind == "other" and not self.tool:
            raise ValueError("give the tool that lists the terms")
        if "@" in self.url.partition("?")[0]:
            raise ValueError("keep user and password out of the url; name a variable in token_env")
        return self


class ServeSettings(Section):
    """Where `firstmile serve` listens."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8717, ge=0, le=65535, description="port to listen on")


class ProjectSettings(Section):
    """One of several dbt projects; what is not given here is as in the settings above."""

    project: str
    subfolder: str = ""
    profiles_dir: Path | None = None
    target: str | None = None
    glossary: Path | None = None
    calendar: CompanyCalendar | None = None
    github: dict[str, Any] | None = None


class Settings(BaseSettings):
    """All switches and limits. Field names are the keys of firstmile.yml."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="FIRSTMILE_", env_nested_delimiter="__"
    )

    project: str = Field(".", description="path or git address of the dbt repository")
    subfolder: str = Field("", description="folder of the dbt project inside the repository")
    profiles_dir: Path | None = Field(None, description="folder of profiles.yml")
    target: str | None = Field(None, description="target of the dbt profile")
    to: Literal["local", "github", "none"] = Field("local", description="where pull requests go")
    llm: Routing = Field("auto", description="when a language model is asked: none, auto, always")
    model: Models = Field(
        (), description="provider/model; several are asked in turn until one answers"
    )
    stronger: Models = Field((), description="asked where a finding comes back")
    agents: dict[str, Models] = Field({}, description="models of their own for single agents")
    prices: dict[str, Prices] = Field({}, description="USD per million tokens, by provider/model")
    budget: BudgetSettings = Field(BudgetSettings(), description="limits of one request")
    staging_incremental_rows: int = Field(
        10_000_000, ge=1, description="tables of more rows are staged incrementally"
    )
    dbt_timeout_seconds: float = Field(300.0, gt=0, description="how long one call of dbt may take")
    glossary: Path | None = Field(
        None, description="glossary file; else glossary.yml of the project"
    )
    glossaries: tuple[GlossarySettings, ...] = Field(
        (), description="glossaries kept in catalogs, read over MCP"
    )
    calendar: CompanyCalendar = Field(
        CompanyCalendar(), description="first day of weeks, first month of fiscal years, time zone"
    )
    allow_env: tuple[str, ...] = Field(
        (), description="variables that dbt may see besides those its profile names"
    )
    state: Path = Field(
        Path(".firstmile"), description="folder for runs, memory and pull request texts"
    )
    github: dict[str, Any] | None = Field(
        None, description="GitHub: repository, base, draft, labels"
    )
    jira: dict[str, Any] | None = Field(None, description="Jira: url, user, label, statuses")
    notion: dict[str, Any] | None = Field(None, description="Notion: data source, properties")
    slack: dict[str, Any] | None = Field(None, description="Slack: command, socket mode")
    projects: dict[str, ProjectSettings] = Field(
        {}, description="several dbt projects, by the name that tickets give"
    )
    default_project: str = Field("", description="which of them, where a ticket names none")
    allowed: tuple[str, ...] = Field(
        (), description="who may ask: accounts, or @example.com; empty for everyone at the doors"
    )
    database_url: str = Field(
        "", repr=False, description="postgresql://… for many machines; empty for SQLite in `state`"
    )
    queue: QueueSettings = Field(QueueSettings(), description="concurrency, pace, retries")
    limits: LimitSettings = Field(LimitSettings(), description="what people may use")
    questions: QuestionSettings = Field(QuestionSettings(), description="reminders")
    progress_seconds: float = Field(
        20.0, gt=0, description="runs longer than this show their steps on the ticket"
    )
    memory: MemorySettings = Field(MemorySettings(), description="long-term memory")
    traces: TraceSettings = Field(TraceSettings(), description="OpenTelemetry traces of requests")
    serve: ServeSettings = Field(ServeSettings(), description="where `firstmile serve` listens")

    @field_validator("llm", mode="before")
    @classmethod
    def _no_model(cls, llm: Any) -> Any:
        if isinstance(llm, str) and "/" in llm:
            raise ValueError(f"it is none, auto or always; {llm!r} belongs into `model`")
        return llm

    @field_validator("agents")
    @classmethod
    def _roles(cls, agents: dict[str, Models]) -> dict[str, Models]:
        if strange := set(agents) - set(AGENTS):
            raise ValueError(f"there is no agent {min(strange)!r}; there are {', '.join(AGENTS)}")
        return agents

    @model_validator(mode="after")
    def _has_a_model(self) -> Settings:
        if self.llm == "always" and not self.models:
            raise ValueError("llm: always needs a `model`, as openai/gpt-5.4-mini")
        if self.stronger and self.llm != "none" and not self.models:
            raise ValueError("stronger: it is asked after a `model`, and there is none")
        return self

    @property
    def models(self) -> dict[str, tuple[LanguageModel, ...]]:
        """The language models by agent; none where there is none, or none may be asked."""
        chains = {agent: self.agents.get(agent) or self.model for agent in AGENTS}
        return {} if self.llm == "none" else {a: chain for a, chain in chains.items() if chain}

    def of_project(self, name: str) -> Settings:
        """These settings with those of one project in their place."""
        chosen = self.projects.get(name or self.default_project)
        if chosen is None:
            return self
        given = chosen.model_dump(exclude_unset=True)
        github = chosen.github and {**(self.github or {}), **chosen.github}
        calendar = chosen.calendar or self.calendar
        return self.model_copy(
            update={**given, "github": github or self.github, "calendar": calendar}
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = InitSettingsSource(settings_cls, init_kwargs=_read(Path(FILE)))
        return init_settings, env_settings, file


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        content = yaml.safe_load(file.read_text("utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidSettings(
            f"{file.name} is not valid YAML: {error}", "Mend the line it names."
        ) from error
    if secret := _secret_in(content):
        raise InvalidSettings(
            f"{file.name} holds a secret: {secret}.",
            "Take it out and export it as the section's page in docs/ says, for GitHub "
            "FIRSTMILE_GITHUB_TOKEN; secrets stay in the environment.",
        )
    if isinstance(content, dict) and "@" in str(content.get("database_url") or ""):
        raise InvalidSettings(
            f"{file.name} holds the address of a database with its user.",
            "Take it out and export FIRSTMILE_DATABASE_URL; secrets stay in the environment.",
        )
    if not isinstance(content, dict):
        raise InvalidSettings(
            f"{file.name} is not a mapping of settings.", "Write `name: value` lines."
        )
    return content


def _secret_in(content: Any, place: str = "") -> str:
    """The place of the first key that names a secret, as `github.token`; empty if there is none."""
    if not isinstance(content, dict):
        return ""
    for name, value in content.items():
        here = f"{place}.{name}".strip(".")
        if place and isinstance(value, str) and _SECRET.search(str(name)):
            return here
        if found := _secret_in(value, here):
            return found
    return ""


def load_settings(**given: Any) -> Settings:
    """Settings of the working directory; `given` (None left out) wins. Raises InvalidSettings."""
    try:
        return Settings(**{k: v for k, v in given.items() if v is not None})
    except SettingsError as error:
        raise InvalidSettings(
            f"A setting of the environment cannot be read: {error}.",
            "Write lists and mappings as JSON, or put them into firstmile.yml.",
        ) from error
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise InvalidSettings(
            "The settings have problems:\n" + "\n".join(f"- {p}" for p in problems),
            f"Mend them in {FILE}, in the environment (FIRSTMILE_<NAME>) or on the command line.",
        ) from error


def project_place(settings: Settings) -> str:
    """What names a project from run to run: its path or address, and the folder inside."""
    path = Path(settings.project).expanduser()
    where = str(path.resolve()) if path.exists() else settings.project
    return f"{where}:{settings.subfolder}"

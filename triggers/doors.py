"""The doors that the settings name, opened: each vendor's package is imported only then."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from crew.settings import Settings
from triggers.desk import Desk
from triggers.door import Door
from triggers.orchestrator import Orchestrator
from triggers.poller import Pulls
from triggers.postman import PullRequests

if TYPE_CHECKING:
    from triggers.slack_app import SlackApp


NAMES = ("jira", "notion", "slack")


class Repository(Pulls, PullRequests, Protocol):
    """The pull requests of one repository: read, answered, closed."""

    def check(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Doors:
    """The open doors by name; `polled` are those that must be asked what changed; `pulls` are the
    pull requests of each repository, by its name."""

    by_name: Mapping[str, Door] = field(default_factory=dict)
    polled: frozenset[str] = frozenset()
    pulls: Mapping[str, Repository] = field(default_factory=dict)
    slack: SlackApp | None = None


def open_doors(
    settings: Settings,
    desk: Desk,
    orchestrator: Orchestrator,
    environment: Mapping[str, str] = os.environ,
) -> Doors:
    """All doors of the settings. Raises InvalidSettings; calls no vendor yet."""
    named = [name for name in NAMES if getattr(settings, name) is not None]
    by_name = {name: open_door(name, settings, environment, desk.remote_of) for name in named}
    polled = frozenset(by_name) - {"slack"}
    slack = None
    if settings.slack is not None:
        from triggers.slack_app import SlackApp
        from triggers.slack_settings import SlackSettings

        slack = SlackApp(SlackSettings.load(settings.slack, environment), orchestrator, desk)
    return Doors(by_name, polled, repositories(settings, environment), slack)


def open_door(
    name: str,
    settings: Settings,
    environment: Mapping[str, str] = os.environ,
    remote_of: Callable[[str, str], str | None] = lambda address, kind: None,
) -> Door:
    """One door of the settings. Raises InvalidSettings; calls no vendor yet."""
    given = getattr(settings, name) or {}
    if name == "jira":
        from triggers.jira_door import JiraDoor
        from triggers.jira_settings import JiraSettings

        return JiraDoor(JiraSettings.load(given, environment))
    if name == "notion":
        from triggers.notion_door import NotionDoor
        from triggers.notion_settings import NotionSettings

        return NotionDoor(NotionSettings.load(given, environment))
    from triggers.slack_door import SlackDoor
    from triggers.slack_settings import SlackSettings

    return SlackDoor(SlackSettings.load(given, environment), remote_of)


def notion_glossary(settings: Settings, environment: Mapping[str, str] = os.environ) -> str:
    """The text of a glossary file, from Notion. Raises InvalidSettings without its settings."""
    from triggers.notion_glossary import glossary_yaml
    from triggers.notion_settings import NotionSettings

    return glossary_yaml(NotionSettings.load(settings.notion or {}, environment))


def repositories(
    settings: Settings, environment: Mapping[str, str] = os.environ
) -> dict[str, Repository]:
    """The repositories on GitHub that pull requests go to. Raises InvalidSettings."""
    if settings.to != "github":
        return {}
    from crew.delivery.github_pulls import GitHubPulls
    from crew.delivery.github_settings import GitHubSettings

    sections = [settings.of_project(name).github for name in settings.projects]
    given = [section for section in (settings.github, *sections) if section]
    loaded = [GitHubSettings.load(section, environment) for section in given]
    return {github.repository: GitHubPulls(github) for github in loaded}

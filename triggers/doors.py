"""The doors that the settings name, opened: each vendor's package is imported only then."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crew.settings import Settings
from triggers.desk import Desk
from triggers.door import Door
from triggers.orchestrator import Orchestrator
from triggers.poller import Pulls
from triggers.postman import PullRequests


@dataclass(frozen=True)
class Doors:
    """The open doors by name; `polled` are those that must be asked what changed."""

    by_name: Mapping[str, Door] = field(default_factory=dict)
    polled: frozenset[str] = frozenset()
    pulls: Pulls | None = None
    pull_requests: PullRequests | None = None
    slack: Any = None


def open_doors(
    settings: Settings,
    desk: Desk,
    orchestrator: Orchestrator,
    environment: Mapping[str, str] = os.environ,
) -> Doors:
    """All doors of the settings. Raises InvalidSettings; calls no vendor yet."""
    by_name: dict[str, Door] = {}
    if settings.jira is not None:
        from triggers.jira_door import JiraDoor
        from triggers.jira_settings import JiraSettings

        by_name["jira"] = JiraDoor(JiraSettings.load(settings.jira, environment))
    return Doors(by_name, frozenset(by_name))

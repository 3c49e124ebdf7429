"""Reads a Jira issue whole: its comments, subtasks, epic, custom fields and CSV attachments."""

from __future__ import annotations

import re
from typing import Any

from crew.errors import TerminalError
from triggers.door import Ticket
from triggers.jira_calls import JiraCalls, Missing
from triggers.jira_settings import JiraSettings
from triggers.jira_source import Surroundings, identity, is_key, to_request
from triggers.payload import mapping, mappings, text, texts
from triggers.rich_text import one_line

_SHORT = "summary,description,labels,status,resolution,issuetype"
_FIELDS = (
    f"{_SHORT},comment,priority,reporter,creator,issuelinks,subtasks,parent,attachment,updated"
)
_EPIC_LINK = "com.pyxis.greenhopper.jira:gh-epic-link"
_MAX_PARTS = 50
_MAX_TABLES = 5
_MAX_TABLE_BYTES = 20_000
# While it stands there, the work goes on, even if Jira counts the status as done.
_UNDERWAY = ("queued", "working", "waiting", "delivered")


class JiraReader:
    """Issues as tickets; what belongs to the site or the account is asked for once."""

    def __init__(self, settings: JiraSettings, calls: JiraCalls) -> None:
        self._settings = settings
        self._calls = calls
        self._account = ""
        self._site = ""
        self._listed: list[dict[str, Any]] | None = None

    def account(self) -> str:
        """What tells our own account from others."""
        if not self._account:
            self._account = identity(self._calls.get("read our own account", "myself"))
        return self._account

    def site(self) -> str:
        """The address people use, which may differ from the API's."""
        if not self._site:
            found = mapping(self._calls.get("read the server's information", "serverInfo"))
            self._site = text(found.get("baseUrl")).rstrip("/") or self._settings.url
        return self._site

    def field_id(self, name: str) -> str:
        """The id of a field by its name or id; empty for one that is not there."""
        named = (f for f in self._fields() if name in (f.get("id"), text(f.get("name"))))
        return next((text(f.get("id")) for f in named), "")

    def brief(self, key: str, fields: str = _SHORT) -> dict[str, Any] | None:
        """An issue with a few of its fields; None if it is gone."""
        try:
            return mapping(self._calls.get(f"read {key}", f"issue/{key}", fields=fields))
        except Missing:
            return None

    def ticket(self, key: str) -> Ticket | None:
        """The whole ticket; None if it is gone."""
        custom = self._custom_fields()
        epic = self._epic_field()
        asked = ",".join(dict.fromkeys([_FIELDS, *custom.values(), *([epic] if epic else [])]))
        issue = self.brief(key, asked)
        if issue is None:
            # To an account that is not known any more every ticket seems to be gone.
            self._calls.get("read our own account", "myself")
            return None
        fields = mapping(issue.get("fields"))
        key = text(issue.get("key"))
        parent = self._parent(fields, epic)
        request = to_request(
            {**issue, "fields": {**fields, **self._repaired(key, fields)}},
            Surroundings(
                account=self.account(),
                site=self.site(),
                fields=tuple((heading, fields.get(id_)) for heading, id_ in custom.items()),
                parts=self._parts(fields),
                parent=parent,
                tables=self._tables(fields),
            ),
        )
        why_not = self.why_not(issue)
        is_part = mapping(fields.get("issuetype")).get("subtask") is True
        is_wanted_above = is_part and bool(parent) and not self.why_not(parent)
        return Ticket(
            request=request,
            address=key,
            version=text(fields.get("updated")),
            wanted=not why_not,
            why_not=why_not,
            person=_person(fields.get("reporter") or fields.get("creator")),
            priority=self._priority(fields),
            project=self._project(fields),
            part_of=text(parent.get("key")) if is_wanted_above else "",
        )

    def is_handed_over(self, issue: dict[str, Any]) -> bool:
        """Whether the issue has the label, or matches the condition that stands for it."""
        if not self._settings.jql:
            labels = texts(mapping(issue.get("fields")).get("labels"))
            return self._settings.label.casefold() in (label.casefold() for label in labels)
        key, id_ = text(issue.get("key")), text(issue.get("id"))
        # Cloud's index lags some seconds behind, but for the issues named to it.
        fresh = {"reconcileIssues": id_} if self._settings.is_cloud and id_.isdigit() else {}
        jql = f'key = "{key}" AND ({self._settings.jql})'
        return any(self._calls.search(jql, "updated", **fresh))

    def why_not(self, issue: dict[str, Any]) -> str:
        """Why the issue is not to be worked, in words; empty if it is."""
        fields, settings = mapping(issue.get("fields")), self._settings
        if not self.is_handed_over(issue):
            return (
                "It does not match the condition in the settings any more."
                if settings.jql
                else f"It does not have the label {settings.label} any more."
            )
        status = one_line(text(mapping(fields.get("status")).get("name")))
        if status.casefold() in (s.casefold() for s in settings.cancelled_statuses):
            return f"Its status is {status}."
        ours = (settings.statuses.get(p, "") for p in _UNDERWAY)  # type: ignore[call-overload]
        if status and status.casefold() in (s.casefold() for s in ours):
            return ""
        if is_done(fields):
            return f"It is done: its status is {status}."
        resolution = one_line(text(mapping(fields.get("resolution")).get("name")))
        return f"It was resolved as {resolution}." if resolution else ""

    def _fields(self) -> list[dict[str, Any]]:
        if self._listed is None:
            self._listed = mappings(self._calls.get("list the fields", "field"))
        return self._listed

    def _custom_fields(self) -> dict[str, str]:
        """Headings with the ids of the fields that are there."""
        known = {
            heading: name if re.fullmatch(r"customfield_\d+", name) else self.field_id(name)
            for heading, name in self._settings.fields.items()
        }
        return {heading: id_ for heading, id_ in known.items() if id_}

    def _epic_field(self) -> str:
        """Data Center keeps the epic in a custom field of its own."""
        if self._settings.is_cloud:
            return ""
        found = (f for f in self._fields() if mapping(f.get("schema")).get("custom") == _EPIC_LINK)
        return next((text(f.get("id")) for f in found), "")

    def _repaired(self, key: str, fields: dict[str, Any]) -> dict[str, Any]:
        """All comments where the issue came with some of them; a title where it has none."""
        found: dict[str, Any] = {}
        page = mapping(fields.get("comment"))
        listed, total = mappings(page.get("comments")), page.get("total")
        if isinstance(total, int) and total > len(listed):
            found["comment"] = {"comments": list(self._calls.comments(key, "created"))}
        if not one_line(text(fields.get("summary"))):
            found["summary"] = key
        return found

    def _parent(self, fields: dict[str, Any], epic: str) -> dict[str, Any]:
        key = text(mapping(fields.get("parent")).get("key")) or text(fields.get(epic))
        return (self.brief(key) or {}) if is_key(key) else {}

    def _parts(self, fields: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        """The subtasks in the order they were made."""
        keys = [
            k for part in mappings(fields.get("subtasks")) if is_key(k := text(part.get("key")))
        ]
        keys.sort(key=lambda k: (k.rpartition("-")[0], int(k.rpartition("-")[2])))
        found = (self.brief(key, "summary,description,status") for key in keys[:_MAX_PARTS])
        return tuple(part for part in found if part and not self._is_cancelled(part))

    def _is_cancelled(self, part: dict[str, Any]) -> bool:
        """Whether a subtask is not to be built; one that is done still describes the whole."""
        status = text(mapping(mapping(part.get("fields")).get("status")).get("name"))
        return status.casefold() in {s.casefold() for s in self._settings.cancelled_statuses}

    def _tables(self, fields: dict[str, Any]) -> tuple[tuple[str, str], ...]:
        """The beginning of each CSV file; one that may not be read is left out."""
        listed = [
            (text(a.get("filename")), str(a.get("id")))
            for a in mappings(fields.get("attachment"))
            if text(a.get("filename")).lower().endswith(".csv")
        ]
        found = []
        for name, id_ in sorted(listed)[:_MAX_TABLES]:
            try:
                content = self._calls.attachment(id_, name, _MAX_TABLE_BYTES)
            except TerminalError:
                found.append((name, "[This file could not be read.]"))
                continue
            shown = content.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
            if len(content) == _MAX_TABLE_BYTES:
                shown = shown.rpartition("\n")[0] + "\n[The rest of this file was cut.]"
            found.append((name, shown.strip()))
        return tuple(found)

    def _priority(self, fields: dict[str, Any]) -> int:
        name = text(mapping(fields.get("priority")).get("name")).casefold()
        known = {n.casefold(): number for n, number in self._settings.priorities.items()}
        return known.get(name, 3)

    def _project(self, fields: dict[str, Any]) -> str:
        prefix = self._settings.project_label_prefix
        labels = (v for v in texts(fields.get("labels")) if v.startswith(prefix))
        return next(labels, "").removeprefix(prefix)


def is_done(fields: dict[str, Any]) -> bool:
    """Whether the status is one of the category Done."""
    category = mapping(mapping(fields.get("status")).get("statusCategory"))
    return category.get("key") == "done"


def _person(person: Any) -> str:
    email = one_line(text(mapping(person).get("emailAddress")))
    return email or one_line(identity(person))

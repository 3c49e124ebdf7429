"""Jira as a place where tickets come from and outcomes go back to, on Cloud and Data Center.

A ticket is handed over by a label. Each that was taken up carries a label of ours, by which it is
still found when the first one is gone. What we write there changes nothing that counts as its
content, so that it never comes back to us as news.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from crew.errors import HostRefused, InvalidInput, InvalidSettings
from triggers.adf_text import adf_to_markdown
from triggers.adf_writer import markdown_to_adf
from triggers.door import Head, Message, Phase, Ticket
from triggers.jira_calls import JiraCalls, Missing
from triggers.jira_reader import JiraReader, is_done
from triggers.jira_settings import JiraSettings
from triggers.jira_source import comment_text, identity, is_key
from triggers.payload import mapping, mappings, text, texts
from triggers.rich_text import clean, one_line, signature, signed_kind
from triggers.wiki_writer import markdown_to_wiki

_OVERLAP_MINUTES = 2
_MOST_MINUTES = 10 * 365 * 24 * 60
_MAX_COMMENT = 30_000
_ENDS: frozenset[Phase] = frozenset({"cancelled", "laid_aside", "merged", "closed"})
_PERMISSIONS = {
    "BROWSE_PROJECTS": "Browse Projects",
    "ADD_COMMENTS": "Add Comments",
    "EDIT_OWN_COMMENTS": "Edit Own Comments",
    "EDIT_ISSUES": "Edit Issues (for the label)",
    "LINK_ISSUES": "Link Issues (for the link to the pull request)",
}


class JiraDoor:
    """Tickets of one Jira site."""

    name = "jira"

    def __init__(self, settings: JiraSettings) -> None:
        self._settings = settings
        self._calls = JiraCalls(settings)
        self._reader = JiraReader(settings, self._calls)

    def changed(self, seconds: float, waiting: Sequence[str] = ()) -> Iterator[Head]:
        """Tickets that changed, the oldest change first; a comment is a change in Jira, so
        `waiting` needs no look. Jira counts the minutes back by its own clock."""
        minutes = math.ceil(min(max(seconds, 0) / 60, _MOST_MINUTES)) + _OVERLAP_MINUTES
        ours = f'({self._settings.condition}) OR labels = "{self._settings.claim_label}"'
        # The newest first: what changes between two pages moves to the front, and pushes nothing
        # out of those still to come.
        jql = f'({ours}) AND updated >= "-{minutes}m" ORDER BY updated DESC'
        found: dict[str, str] = {}
        for issue in self._calls.search(jql, "updated"):
            key = text(issue.get("key"))
            if is_key(key):
                found.setdefault(key, text(mapping(issue.get("fields")).get("updated")))
        yield from (Head(key, version) for key, version in reversed(found.items()))

    def read(self, address: str) -> Ticket | None:
        """The ticket; None if it is gone. Raises InvalidInput for what is no key."""
        return self._reader.ticket(_key(address))

    def write(self, address: str, message: Message, known: str = "") -> str:
        """Write or edit the comment of this kind; gives its id."""
        key = _key(address)
        sign = signature(message.kind, f"{self._reader.site()}/browse/{key}")
        body = self._body(message.text, sign)
        if known:
            try:
                return self._edit(key, known, body)
            except Missing:
                pass  # somebody deleted it
        for raw in self._calls.comments(key, "-created"):
            markdown = comment_text(raw)
            mine = identity(raw.get("author")) == self._reader.account()
            if mine and signed_kind(markdown) == message.kind:
                same = raw.get("body") == body or markdown == adf_to_markdown(body)
                return str(raw.get("id")) if same else self._edit(key, str(raw.get("id")), body)
        made = self._calls.post(f"comment on {key}", f"issue/{key}/comment", {"body": body})
        return str(mapping(made).get("id"))

    def show(self, address: str, phase: Phase, pull_request: str = "", title: str = "") -> None:
        """The claim label, the link to the pull request, and the status if one is configured.
        Raises InvalidSettings, after all else is done, for a status that cannot be reached."""
        key = _key(address)
        issue = self._reader.brief(key, "labels,status")
        if issue is None:
            return  # there is nothing left to show it on
        self._claim(key, issue, phase)
        if pull_request:
            link = {"url": pull_request, "title": one_line(title) or pull_request}
            body = {"globalId": f"firstmile:{pull_request}", "object": link}
            self._calls.post(f"link {key} to its pull request", f"issue/{key}/remotelink", body)
        if target := self._settings.statuses.get(phase, ""):
            self._move(key, mapping(issue.get("fields")), target)

    def check(self) -> tuple[str, ...]:
        """What works, in words. Raises InvalidSettings with everything that lacks."""
        settings, calls = self._settings, self._calls
        server = mapping(calls.get("read the server's information", "serverInfo"))
        about = mapping(calls.get("read our own account", "myself"))
        who = one_line(text(about.get("displayName"))) or identity(about)
        lacks = []
        if (server.get("deploymentType") == "Cloud") != settings.is_cloud:
            kind = "server" if settings.is_cloud else "cloud"
            lacks.append(f"The site says it is of another kind: set jira.kind to {kind}.")
        try:
            found = next(calls.search(f"({settings.condition}) ORDER BY updated", "updated"), {})
        except HostRefused as error:
            lacks.append(f"The condition {settings.condition!r} is not valid: {error.message}")
            found = {}
        on = text(found.get("key"))
        lacks += [f"The account lacks the permission {name}." for name in self._denied(on)]
        for name in settings.fields.values():
            if not self._reader.field_id(name):
                lacks.append(f"There is no field {name!r} (jira.fields).")
        lacks += [f"There is no status {name!r} (jira.statuses)." for name in self._no_statuses()]
        if lacks:
            raise InvalidSettings(
                f"Jira ({settings.url}): {' '.join(lacks)}",
                "docs/jira.md says step by step what the account needs.",
            )
        return (
            f"Jira {text(server.get('version'))} at {self._reader.site()} answers.",
            f"The account is {who}, with the permissions it needs{f' on {on}' if on else ''}.",
            f"Tickets are those with {settings.condition}; {'some are' if on else 'none is'} there.",
        )

    def _body(self, markdown: str, sign: str) -> Any:
        """A comment's body: the text, then the signature, in what the API takes."""
        shown = clean(markdown, _MAX_COMMENT)
        if self._settings.is_cloud:
            body = markdown_to_adf(shown)
            return {**body, "content": [*body["content"], *markdown_to_adf(sign)["content"]]}
        wiki = markdown_to_wiki(shown)
        while len(wiki) > _MAX_COMMENT:  # escapes made it longer
            shown = clean(shown, len(shown) * 3 // 4)
            wiki = markdown_to_wiki(shown)
        return f"{wiki}\n\n{markdown_to_wiki(sign)}"

    def _edit(self, key: str, identifier: str, body: Any) -> str:
        path = f"issue/{key}/comment/{identifier}"
        self._calls.put(f"edit our comment on {key}", path, {"body": body})
        return identifier

    def _claim(self, key: str, issue: dict[str, Any], phase: Phase) -> None:
        """Put our label on a ticket; take it off one that ended and is not handed over any more,
        so that putting the first label on again is news."""
        label = self._settings.claim_label
        there = label in texts(mapping(issue.get("fields")).get("labels"))
        if phase not in _ENDS and not there:
            change = {"add": label}
        elif phase in _ENDS and there and not self._reader.is_handed_over(issue):
            change = {"remove": label}
        else:
            return
        self._calls.put(f"label {key}", f"issue/{key}", {"update": {"labels": [change]}})

    def _move(self, key: str, fields: dict[str, Any], target: str) -> None:
        """Move the ticket to a status. One that is there, or that a person closed, stays."""
        status = text(mapping(fields.get("status")).get("name"))
        if status.casefold() == target.casefold() or is_done(fields):
            return
        path = f"issue/{key}/transitions"
        listed = mappings(
            mapping(self._calls.get(f"list the moves of {key}", path)).get("transitions")
        )
        ways = {text(mapping(t.get("to")).get("name")).casefold(): t for t in listed}
        way = ways.get(target.casefold())
        if way is None:
            names = sorted(text(mapping(t.get("to")).get("name")) for t in listed)
            raise InvalidSettings(
                f"{key} cannot be moved from {status!r} to {target!r}; only to: "
                f"{', '.join(names) or 'nothing'}.",
                "Name one of these in jira.statuses, or add the transition to the workflow.",
            )
        body = {"transition": {"id": str(way.get("id"))}}
        self._calls.post(f"move {key} to {target!r}", path, body)

    def _denied(self, key: str) -> list[str]:
        """The permissions that the account lacks: on this ticket, or anywhere."""
        needed = dict(_PERMISSIONS)
        if self._settings.statuses:
            needed["TRANSITION_ISSUES"] = "Transition Issues"
        on = {"issueKey": key} if key else {}
        path, what = "mypermissions", "read our own permissions"
        found = mapping(self._calls.get(what, path, permissions=",".join(needed), **on))
        granted = mapping(found.get("permissions"))
        return [
            name
            for permission, name in needed.items()
            if mapping(granted.get(permission)).get("havePermission") is not True
        ]

    def _no_statuses(self) -> list[str]:
        if not self._settings.statuses:
            return []
        listed = mappings(self._calls.get("list the statuses", "status"))
        known = {text(s.get("name")).casefold() for s in listed}
        wanted = dict.fromkeys(self._settings.statuses.values())
        return [name for name in wanted if name.casefold() not in known]


def _key(address: str) -> str:
    """Raises InvalidInput for what cannot be a key, before it gets into an address."""
    if not is_key(address):
        raise InvalidInput(f"{address!r} is no Jira issue key.", "Give an issue such as DATA-141.")
    return address

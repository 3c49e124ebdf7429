"""A small stateful Notion on loopback, of either version of its API, which can misbehave. Only what
Firstmile calls is there; anything else is a 404."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.servers.notion_objects import (
    BOT,
    block,
    configured,
    edited_by,
    identifier,
    property_value,
    rich,
    rich_text,
    user,
)
from tests.servers.notion_wire import Answer, Fault, Handler, Problem, problem

ALL = ("read content", "update content", "read comments", "insert comments", "read users")
STATUSES = {"Idea": "To-do", "Requested": "To-do", "Building": "In progress",
            "In review": "In progress", "Cancelled": "In progress", "Done": "Complete"}  # fmt: skip
PROPERTIES = {"Name": "title", "Status": "status", "Pull request": "url", "Priority": "select",
              "Project": "rich_text", "Asked by": "people", "ID": "unique_id"}  # fmt: skip


@dataclass
class NotionServer:
    """`with NotionServer() as notion:`; `calls` are the requests, such as `GET /pages/<id>`."""

    version: str = "2025-09-03"
    token: str = "ntn_secret"
    clock_ahead: timedelta = timedelta()
    page_limit: int = 100
    relative_links: bool = False
    capabilities: set[str] = field(default_factory=lambda: set(ALL))
    source: str = identifier(1)
    database: str = identifier(2)
    sources: dict[str, dict[str, str]] = field(default_factory=dict)
    databases: dict[str, list[str]] = field(default_factory=dict)
    pages: dict[str, dict[str, Any]] = field(default_factory=dict)
    blocks: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    comments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def __enter__(self) -> NotionServer:
        self.sources.setdefault(self.source, dict(PROPERTIES))
        self.databases.setdefault(self.database, [self.source])
        handler = type("NotionHandler", (Handler,), {"notion": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._lock = threading.RLock()
        self._cursors: dict[str, int] = {}
        self._count = 100
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def writes(self) -> list[str]:
        return [c for c in self.calls if not c.startswith("GET") and not c.endswith("/query")]

    # --- what people do ----------------------------------------------------------------------

    def add(self, title: str = "Churn", status: str = "Requested", **values: Any) -> str:
        """A new row, changed just now; gives its id. `values` are further properties by name."""
        source = values.pop("source", self.source)
        id_ = self._new()
        given = {"Name": title, "Status": status, "ID": len(self.pages) + 1, **values}
        self.pages[id_] = {
            "object": "page", "id": id_, "created_time": self.minute(), "in_trash": False,
            "is_locked": False, "url": f"https://www.notion.so/Churn-{id_.replace('-', '')}",
            "public_url": None, "icon": None, "cover": None,
            "parent": {"type": "data_source_id", "data_source_id": source,
                       "database_id": self.database},
            "properties": {name: property_value(kind, name, given.get(name))
                           for name, kind in self.sources[source].items()},
            **edited_by("mara"),
        }  # fmt: skip
        self.blocks[id_], self.comments[id_] = [], []
        self.touch(id_)
        return id_

    def set(self, page: str, name: str, value: Any) -> None:
        """Somebody changes a property."""
        kind = self.sources[self.pages[page]["parent"]["data_source_id"]][name]
        self.pages[page]["properties"][name] = property_value(kind, name, value)
        self.touch(page)

    def value(self, page: str, name: str) -> Any:
        found = self.pages[page]["properties"][name]
        inner = found[found["type"]]
        return inner.get("name") if isinstance(inner, dict) else inner

    def put(self, parent: str, kind: str, said: Any = "", **content: Any) -> str:
        """A block at the end of a page or of another block; gives its id."""
        id_ = self._new()
        new = block(id_, parent, parent in self.pages, kind, said, content, self.minute())
        self.blocks.setdefault(parent, []).append(new)
        self.blocks.setdefault(id_, [])
        return id_

    def say(self, page: str, said: Any, author: str = "mara") -> str:
        """Somebody comments; gives the comment's id. No page changes by that."""
        id_ = self._new()
        name = "Firstmile" if author == BOT else author.title()
        self.comments[page].append({
            "object": "comment", "id": id_, "parent": {"type": "page_id", "page_id": page},
            "discussion_id": self._new(), "created_time": (at := self.minute()),
            "last_edited_time": at, "created_by": user(author),
            "rich_text": rich(said) if isinstance(said, str) else said,
            "display_name": {"type": "integration" if author == BOT else "user",
                             "resolved_name": name},
        })  # fmt: skip
        return id_

    def touch(self, page: str, ago: timedelta = timedelta()) -> None:
        self.pages[page]["last_edited_time"] = self.minute(ago)

    def minute(self, ago: timedelta = timedelta()) -> str:
        """Now by this server's clock, rounded down to the minute as Notion does."""
        return (self.now() - ago).strftime("%Y-%m-%dT%H:%M:00.000Z")

    def now(self) -> datetime:
        return datetime.now(UTC) + self.clock_ahead

    def said(self, page: str) -> list[str]:
        """What stands in the comments, without marks."""
        return ["".join(p["plain_text"] for p in c["rich_text"]) for c in self.comments[page]]

    def _new(self) -> str:
        self._count += 1
        return identifier(self._count)

    # --- what clients get --------------------------------------------------------------------

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> Answer | Fault:
        parts = urlsplit(target)
        call = f"{method} {parts.path.removeprefix('/v1')}"
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        with self._lock:
            self.calls.append(call)
            fault = next((f for f in self.faults if re.fullmatch(f.call, call)), None)
            if fault and fault.spared:
                fault.spared -= 1
                fault = None
            if fault:
                fault.times -= 1
                self.faults = [f for f in self.faults if f.times > 0]
                if not fault.takes_effect and not fault.half:
                    return fault.answer or fault
            try:
                self._admit(headers)
                found = self._route(call, query, json.loads(body or b"{}"))
                answer = Answer(200, self._in_version(found))
            except Problem as refused:
                answer = refused.answer
        if fault and fault.half:
            return Fault(call, answer, half=True)
        return (fault.answer or fault) if fault else answer

    def date(self) -> str:
        return format_datetime(self.now(), usegmt=True)

    def _admit(self, headers: Any) -> None:
        if headers.get("Authorization") != f"Bearer {self.token}":
            raise problem(401, "unauthorized", "API token is invalid.")
        if headers.get("Notion-Version") != self.version:
            raise problem(400, "missing_version", "Notion-Version is not the one expected.")

    def _route(self, call: str, query: dict[str, str], body: Any) -> Any:
        routes: dict[str, Callable[..., Any]] = {
            r"GET /users/me": lambda: user(BOT, whole=True),
            r"GET /users/([\w-]+)": self._user,
            r"GET /databases/([\w-]+)": self._database,
            r"GET /data_sources/([\w-]+)": self._source,
            r"POST /data_sources/([\w-]+)/query": lambda id_: self._query(id_, body),
            r"GET /pages/([\w-]+)": self._page,
            r"PATCH /pages/([\w-]+)": lambda id_: self._update(id_, body),
            r"GET /blocks/([\w-]+)/children": lambda id_: self._below(id_, query),
            r"GET /comments": lambda: self._comments(query),
            r"POST /comments": lambda: self._comment(body),
            r"PATCH /comments/([\w-]+)": lambda id_: self._edit(id_, body),
        }
        for pattern, function in routes.items():
            if found := re.fullmatch(pattern, call):
                return function(*found.groups())
        raise problem(400, "invalid_request_url", f"There is no {call}.")

    def _in_version(self, found: Any) -> Any:
        """`archived` beside `in_trash` before 2026-03-11."""
        if self.version >= "2026-03-11":
            return found
        if isinstance(found, list):
            return [self._in_version(f) for f in found]
        if not isinstance(found, dict):
            return found
        old = {"archived": found["in_trash"]} if "in_trash" in found else {}
        return {**{k: self._in_version(v) for k, v in found.items()}, **old}

    def _need(self, capability: str) -> None:
        if capability not in self.capabilities:
            raise problem(403, "restricted_resource", f"Insufficient permissions: {capability}.")

    def _user(self, id_: str) -> Any:
        self._need("read users")
        if id_ != user("mara")["id"]:
            raise problem(404, "object_not_found", f"Could not find user with ID: {id_}.")
        return user("mara", whole=True)

    def _database(self, id_: str) -> Any:
        if id_ not in self.databases:
            raise problem(404, "object_not_found", f"Could not find database with ID: {id_}.")
        names = [{"id": s, "name": f"Requests {n}"} for n, s in enumerate(self.databases[id_], 1)]
        return {
            "object": "database", "id": id_, "title": [], "description": [], "is_inline": False,
            "in_trash": False, "is_locked": False, "created_time": self.minute(),
            "last_edited_time": self.minute(), "data_sources": names, "icon": None, "cover": None,
            "parent": {"type": "workspace", "workspace": True}, "public_url": None,
            "url": "https://www.notion.so/requests",
        }  # fmt: skip

    def _source(self, id_: str) -> Any:
        if id_ not in self.sources or "read content" not in self.capabilities:
            raise problem(404, "object_not_found", f"Could not find data_source with ID: {id_}.")
        properties = {n: configured(k, n, STATUSES) for n, k in self.sources[id_].items()}
        return {
            "object": "data_source", "id": id_, "title": rich("Requests"), "description": [],
            "parent": {"type": "database_id", "database_id": self.database}, "is_inline": False,
            "database_parent": {"type": "workspace", "workspace": True}, "in_trash": False,
            "created_time": self.minute(), "last_edited_time": self.minute(), "icon": None,
            "cover": None, "properties": properties, "public_url": None,
            "url": "https://www.notion.so/requests", **edited_by("mara"),
        }  # fmt: skip

    def _query(self, id_: str, body: Any) -> Any:
        self._source(id_)
        since = body.get("filter", {}).get("last_edited_time", {}).get("on_or_after", "")
        found = [
            page
            for page in self.pages.values()
            if page["parent"]["data_source_id"] == id_
            and page["in_trash"] == body.get("in_trash", False)
            and str(page["last_edited_time"]) >= since
        ]
        if "sorts" in body:
            assert body["sorts"] == [{"timestamp": "last_edited_time", "direction": "descending"}]
            found.sort(key=lambda p: str(p["last_edited_time"]), reverse=True)
        return self._list("page_or_data_source", found, body)

    def _page(self, id_: str) -> dict[str, Any]:
        if id_ not in self.pages or "read content" not in self.capabilities:
            raise problem(404, "object_not_found", f"Could not find page with ID: {id_}.")
        return self.pages[id_]

    def _update(self, id_: str, body: Any) -> Any:
        page = self._page(id_)
        self._need("update content")
        for name, value in body["properties"].items():
            if name not in page["properties"]:
                raise problem(400, "validation_error", f"{name} is not a property that exists.")
            kind = page["properties"][name]["type"]
            inner = value[kind]["name"] if kind in ("status", "select") else value[kind]
            if kind == "status" and inner not in STATUSES:
                raise problem(400, "validation_error", f"Status option {inner} does not exist.")
            self.set(id_, name, inner)
        return page

    def _below(self, id_: str, query: dict[str, str]) -> Any:
        if id_ not in self.blocks:
            raise problem(404, "object_not_found", f"Could not find block with ID: {id_}.")
        found = [{**b, "has_children": bool(self.blocks[b["id"]])} for b in self.blocks[id_]]
        return self._list("block", found, query)

    def _comments(self, query: dict[str, str]) -> Any:
        self._need("read comments")
        page = self._page(query["block_id"])
        return self._list("comment", self.comments[page["id"]], query)

    def _comment(self, body: Any) -> Any:
        page = self._page(body["parent"]["page_id"])
        self._need("insert comments")
        self.say(page["id"], self._rich(body["rich_text"]), BOT)
        return self.comments[page["id"]][-1]

    def _edit(self, id_: str, body: Any) -> Any:
        self._need("insert comments")
        listed = [c for comments in self.comments.values() for c in comments]
        found = next((c for c in listed if c["id"] == id_), None)
        if found is None or found["created_by"] != user(BOT):
            raise problem(404, "object_not_found", f"Could not find comment with ID: {id_}.")
        found |= {"rich_text": self._rich(body["rich_text"]), "last_edited_time": self.minute()}
        return found

    def _rich(self, parts: Any) -> Any:
        """Rich text as it is stored. The contract leaves out how Notion counts an emoji."""
        for part in parts:
            if len(part["text"]["content"].encode("utf-16-le")) > 4000:
                raise problem(400, "validation_error", "text.content.length should be ≤ `2000`")
        return [rich_text(part, self.relative_links) for part in parts]

    def _list(self, kind: str, found: list[Any], query: Any) -> Any:
        """A page of a list; cursors are words that mean nothing to anybody else."""
        cursor = query.get("start_cursor")
        if cursor and cursor not in self._cursors:
            raise problem(400, "validation_error", "The start_cursor provided is invalid.")
        start = self._cursors[cursor] if cursor else 0
        size = min(int(query.get("page_size", 100)), self.page_limit)
        end, following = start + size, None
        if end < len(found):
            following = str(uuid.uuid4())
            self._cursors[following] = end
        return {
            "object": "list", "type": kind, kind: {}, "results": found[start:end],
            "next_cursor": following, "has_more": following is not None,
        }  # fmt: skip

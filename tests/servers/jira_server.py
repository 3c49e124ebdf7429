"""A small stateful Jira on loopback, Cloud (version 3) or Data Center (version 2), which can
misbehave. Only what Firstmile calls is there; anything else is a 404."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from jsonschema import Draft4Validator

from tests.servers.jql import BadQuery, Query

ADF = Path(__file__).parents[1] / "data/contracts/adf.json"
ALL = ("BROWSE_PROJECTS", "ADD_COMMENTS", "EDIT_OWN_COMMENTS", "EDIT_ISSUES", "LINK_ISSUES",
       "TRANSITION_ISSUES")  # fmt: skip
CATEGORIES = {"To Do": "new", "In Progress": "indeterminate", "Review": "indeterminate",
              "Done": "done", "Cancelled": "indeterminate"}  # fmt: skip
_CONTENT_LIMIT = 32_767


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def problem(status: int, *messages: str, **errors: str) -> Answer:
    return Answer(status, {"errorMessages": list(messages), "errors": errors})


class Problem(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass
class Fault:
    """What goes wrong with the next `times` calls that match: an answer instead, no reply at all,
    or (`half`) half of the right one; before or after the call took effect."""

    call: str
    answer: Answer | None = None
    half: bool = False
    takes_effect: bool = False
    times: int = 1


@dataclass
class JiraServer:
    """`with JiraServer() as jira:`; `calls` are the requests, such as `GET /issue/DATA-1`."""

    kind: str = "cloud"
    user: str = "bot@example.com"
    token: str = "secret-token"
    clock_ahead: timedelta = timedelta()
    page_limit: int = 10_000
    embedded_comments: int = 100
    permissions: set[str] = field(default_factory=lambda: set(ALL))
    visitors_see_nothing: bool = False
    issues: dict[str, dict[str, Any]] = field(default_factory=dict)
    comments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    custom_fields: list[dict[str, Any]] = field(default_factory=list)
    ways: dict[str, tuple[str, ...]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def __enter__(self) -> JiraServer:
        handler = type("Handler", (_Handler,), {"jira": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._lock = threading.RLock()
        self._adf = Draft4Validator(json.loads(ADF.read_text("utf-8")))
        self._last = datetime.now(UTC)
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
        return [call for call in self.calls if not call.startswith("GET")]

    @property
    def version(self) -> int:
        return 3 if self.kind == "cloud" else 2

    # --- what people do ----------------------------------------------------------------------

    def add(self, key: str, summary: str = "Churn", **fields: Any) -> dict[str, Any]:
        """A new ticket with our label, in the status To Do."""
        issue = {
            "id": str(10_000 + len(self.issues)), "key": key,
            "self": f"{self.url}/rest/api/{self.version}/issue/{10_000 + len(self.issues)}",
            "fields": {
                "summary": summary, "description": None, "labels": ["firstmile"],
                "resolution": None, "priority": {"name": "High"}, "issuelinks": [],
                "subtasks": [], "attachment": [], "reporter": self.person("mara"),
                "issuetype": {"name": "Task", "subtask": False}, **fields,
            },
        }  # fmt: skip
        issue["fields"].setdefault("status", self.status("To Do"))
        self.issues[key], self.comments[key] = issue, []
        self.touch(key)
        return issue

    def say(self, key: str, body: Any, author: str = "mara") -> dict[str, Any]:
        """Somebody comments."""
        number = sum(map(len, self.comments.values())) + 1
        comment = {
            "id": str(number), "author": self.person(author), "body": body,
            "self": f"{self.url}/rest/api/{self.version}/issue/{key}/comment/{number}",
            "created": (at := self.tick()), "updated": at,
        }  # fmt: skip
        self.comments[key].append(comment)
        self.touch(key)
        return comment

    def attach(self, key: str, name: str, content: bytes) -> None:
        id_ = str(500 + len(self.files))
        self.files[id_] = content
        attached = {"id": id_, "filename": name, "content": "http://127.0.0.1:9/elsewhere"}
        self.issues[key]["fields"]["attachment"].append(attached)

    def touch(self, key: str, ago: timedelta = timedelta()) -> None:
        self.issues[key]["fields"]["updated"] = self.tick(ago)

    def tick(self, ago: timedelta = timedelta()) -> str:
        """Now, later than ever before."""
        self._last = max(self._last + timedelta(milliseconds=1), datetime.now(UTC))
        at = self._last + self.clock_ahead - ago
        return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"

    def person(self, name: str) -> dict[str, Any]:
        who = {"displayName": name.title(), "active": True, "emailAddress": f"{name}@example.com"}
        if self.kind == "cloud":
            return {**who, "accountId": f"id-{name}", "accountType": "atlassian"}
        return {**who, "name": name, "key": f"JIRAUSER-{name}"}

    def status(self, name: str) -> dict[str, Any]:
        id_ = str(1 + list(CATEGORIES).index(name))
        return {"id": id_, "name": name, "statusCategory": {"key": CATEGORIES[name]}}

    def field(self, key: str, name: str) -> Any:
        return self.issues[key]["fields"][name]

    # --- what clients get --------------------------------------------------------------------

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> Answer | Fault:
        parts = urlsplit(target)
        path = unquote(parts.path).removeprefix(f"/rest/api/{self.version}")
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        call = f"{method} {path}"
        with self._lock:
            self.calls.append(call)
            fault = next((f for f in self.faults if re.fullmatch(f.call, call)), None)
            if fault:
                fault.times -= 1
                self.faults = [f for f in self.faults if f.times > 0]
                if not fault.takes_effect and not fault.half:
                    return fault.answer or fault
            try:
                known = self._knows(headers.get("Authorization", ""))
                answer = self._route(call, query, json.loads(body or b"{}"), known)
            except Problem as found:
                answer = found.answer
        if fault and fault.half:
            return Fault(call, answer, half=True)
        return (fault.answer or fault) if fault else answer

    def _knows(self, authorization: str) -> bool:
        pair = base64.b64encode(f"{self.user}:{self.token}".encode()).decode()
        expected = f"Basic {pair}" if self.kind == "cloud" else f"Bearer {self.token}"
        return authorization == expected

    def _route(self, call: str, query: dict[str, str], body: Any, known: bool) -> Answer:
        if call != "GET /serverInfo" and not known:
            if not self.visitors_see_nothing or call == "GET /myself":
                return problem(401, "Client must be authenticated to access this resource.")
            denied = {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}
            empty = {"issues": [], "isLast": True}
            gone = problem(404, "Issue does not exist or you do not have permission to see it.")
            return (
                Answer(200, empty, denied) if "search" in call else Answer(404, gone.body, denied)
            )
        search = "/search/jql" if self.kind == "cloud" else "/search"
        routes: dict[str, Callable[..., Answer]] = {
            r"GET /serverInfo": self._about,
            r"GET /myself": lambda: Answer(200, self.person("firstmile")),
            r"GET /mypermissions": lambda: self._granted(query),
            r"GET /field": lambda: Answer(200, self.custom_fields),
            r"GET /status": lambda: Answer(200, [self.status(s) for s in CATEGORIES]),
            rf"GET {search}": lambda: self._search(query),
            r"GET /issue/([\w-]+)": lambda key: self._read(key, query),
            r"PUT /issue/([\w-]+)": lambda key: self._label(key, body),
            r"GET /issue/([\w-]+)/comment": lambda key: self._list(key, query),
            r"POST /issue/([\w-]+)/comment": lambda key: self._say(key, body),
            r"PUT /issue/([\w-]+)/comment/(\d+)": lambda key, id_: self._edit(key, id_, body),
            r"POST /issue/([\w-]+)/remotelink": lambda key: self._link(key, body),
            r"GET /issue/([\w-]+)/transitions": self._ways,
            r"POST /issue/([\w-]+)/transitions": lambda key: self._move(key, body),
            r"GET /attachment/content/(\d+)": self._file,
            r"GET /secure/attachment/(\d+)/.+": self._file,
        }
        for pattern, function in routes.items():
            if found := re.fullmatch(pattern, call):
                return function(*found.groups())
        return problem(404, f"There is no {call}.")

    def _about(self) -> Answer:
        kind = "Cloud" if self.kind == "cloud" else "Server"
        return Answer(200, {"baseUrl": self.url, "version": "10.3.0", "deploymentType": kind})

    def _granted(self, query: dict[str, str]) -> Answer:
        asked = query["permissions"].split(",")
        found = {p: {"key": p, "havePermission": p in self.permissions} for p in asked}
        return Answer(200, {"permissions": found})

    def _issue(self, key: str) -> dict[str, Any]:
        if key not in self.issues or "BROWSE_PROJECTS" not in self.permissions:
            raise Problem(
                problem(404, "Issue does not exist or you do not have permission to see it.")
            )
        return self.issues[key]

    def _search(self, query: dict[str, str]) -> Answer:
        try:
            jql = Query(query["jql"], datetime.now(UTC) + self.clock_ahead)
        except BadQuery as bad:
            return problem(400, str(bad))
        found = [i for i in self.issues.values() if jql.matches(i)]
        found.sort(key=lambda i: str(i["fields"]["updated"]), reverse=jql.newest_first)
        size = min(int(query["maxResults"]), self.page_limit)
        start = int(query.get("nextPageToken", query.get("startAt", "0")).removeprefix("page-"))
        page = [self._shown(i, query["fields"]) for i in found[start : start + size]]
        if self.kind == "server":
            body = {"startAt": start, "maxResults": size, "total": len(found), "issues": page}
            return Answer(200, body)
        more = start + size < len(found)
        token = {"nextPageToken": f"page-{start + size}"} if more else {}
        return Answer(200, {"issues": page, "isLast": not more, **token})

    def _shown(self, issue: dict[str, Any], fields: str) -> dict[str, Any]:
        wanted = fields.split(",")
        return {**issue, "fields": {k: v for k, v in issue["fields"].items() if k in wanted}}

    def _read(self, key: str, query: dict[str, str]) -> Answer:
        issue = self._shown(self._issue(key), query["fields"])
        if "comment" in query["fields"].split(","):
            listed = self.comments[key]
            issue["fields"]["comment"] = self._page(
                listed[: self.embedded_comments], 0, len(listed)
            )
        return Answer(200, issue)

    def _page(self, found: list[dict[str, Any]], start: int, total: int) -> dict[str, Any]:
        return {"comments": found, "startAt": start, "maxResults": len(found), "total": total}

    def _list(self, key: str, query: dict[str, str]) -> Answer:
        self._issue(key)
        listed = self.comments[key]
        if query.get("orderBy") == "-created":
            listed = listed[::-1]
        start = int(query["startAt"])
        size = min(int(query["maxResults"]), self.page_limit)
        return Answer(200, self._page(listed[start : start + size], start, len(listed)))

    def _body(self, body: Any) -> Any:
        given = body.get("body")
        text = given if isinstance(given, str) else "".join(_texts(given))
        if len(text) > _CONTENT_LIMIT:
            raise Problem(problem(400, comment="CONTENT_LIMIT_EXCEEDED"))
        wrong = (
            not isinstance(given, str) if self.kind == "server" else [*self._adf.iter_errors(given)]
        )
        if wrong or not text:
            raise Problem(problem(400, comment=f"INVALID_INPUT {wrong}"))
        return given

    def _say(self, key: str, body: Any) -> Answer:
        self._issue(key)
        if "ADD_COMMENTS" not in self.permissions:
            return problem(400, comment="You do not have the permission to comment on this issue.")
        return Answer(201, self.say(key, self._body(body), "firstmile"))

    def _edit(self, key: str, id_: str, body: Any) -> Answer:
        self._issue(key)
        comment = next((c for c in self.comments[key] if c["id"] == id_), None)
        if comment is None:
            return problem(404, f"Can not find a comment for the id: {id_}.")
        comment["body"] = self._body(body)
        self.touch(key)
        return Answer(200, comment)

    def _label(self, key: str, body: Any) -> Answer:
        fields = self._issue(key)["fields"]
        if "EDIT_ISSUES" not in self.permissions:
            return problem(403, "You do not have permission to edit issues in this project.")
        for change in body["update"]["labels"]:
            labels = [v for v in fields["labels"] if v not in change.values()]
            fields["labels"] = labels + ([change["add"]] if "add" in change else [])
        self.touch(key)
        return Answer(204)

    def _link(self, key: str, body: Any) -> Answer:
        self._issue(key)
        if "LINK_ISSUES" not in self.permissions:
            return problem(403, "No Link Issue Permission for issue.")
        created = body["globalId"] not in self.links
        self.links[body["globalId"]] = {"on": key, **body["object"]}
        self.touch(key)
        return Answer(201 if created else 200, {"id": 1, "self": f"{self.url}/remotelink/1"})

    def _ways(self, key: str) -> Answer:
        here = self._issue(key)["fields"]["status"]["name"]
        names = self.ways.get(here, ())
        found = [{"id": str(11 + list(CATEGORIES).index(n)), "name": f"Go {n}", "to": self.status(n)}
                 for n in names]  # fmt: skip
        return Answer(200, {"transitions": found})

    def _move(self, key: str, body: Any) -> Answer:
        target = list(CATEGORIES)[int(body["transition"]["id"]) - 11]
        self._issue(key)["fields"]["status"] = self.status(target)
        self.touch(key)
        return Answer(204)

    def _file(self, id_: str) -> Answer:
        if id_ not in self.files:
            return problem(404, "The attachment does not exist.")
        return Answer(200, self.files[id_], {"Content-Type": "text/csv"})


def _texts(node: Any) -> list[str]:
    if not isinstance(node, dict):
        return []
    inner = [t for child in node.get("content", ()) for t in _texts(child)]
    return [str(node.get("text", "")), *inner]


class _Handler(BaseHTTPRequestHandler):
    jira: JiraServer
    protocol_version = "HTTP/1.1"
    wbufsize = 65_536  # headers and content in one packet: two cost 40 ms

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.jira.answer(self.command, self.path, self.headers, body)
        if isinstance(answer, Fault) and not answer.half:
            self.close_connection = True
            return
        half = isinstance(answer, Fault)
        if isinstance(answer, Fault):
            assert answer.answer is not None
            answer = answer.answer
        content = b"" if answer.body is None else _bytes(answer.body)
        self.send_response_only(answer.status)
        own = {"Content-Type": "application/json;charset=UTF-8", "Date": self.date_time_string()}
        headers = {**own, **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if half else content)
        self.close_connection = self.close_connection or half

    do_GET = do_POST = do_PUT = _serve


def _bytes(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()

"""A small stateful GitHub on loopback over a real bare git repository, which can misbehave.

Object names are git's own. Only what Firstmile calls is there; anything else is a 404. It stays
beside the `emulate` package because it needs no Node, keeps its branches in a repository that
tests look into, and merges, refuses doubles and replies in threads, which `emulate` does not.
"""

from __future__ import annotations

import datetime
import json
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.servers.github_objects import Answer, GitObjects, Problem

BOT = "firstmile-bot"


@dataclass
class Fault:
    """What goes wrong with the next `times` calls that match: a status, or no reply (0)."""

    call: str
    status: int = 0
    takes_effect: bool = True
    message: str = "Server error"
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class GitHubServer:
    """`with GitHubServer(bare) as server:`; `calls` are the requests, such as `POST /pulls`."""

    repository: Path
    token: str = "secret-token"
    calls: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    reviews: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    threads: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    check_runs: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    roles: dict[str, str] = field(default_factory=dict)
    outsiders: set[str] = field(default_factory=set)
    push: bool = True

    def __enter__(self) -> GitHubServer:
        handler = type("Handler", (_Handler,), {"github": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._lock = threading.Lock()
        self._clock = 0
        self._objects = GitObjects(self.repository, f"{self.url}/repos/shop/dbt")
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
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

    def say(self, number: int, author: str, body: str, **thread: Any) -> int:
        """A comment of a person; with `path` one of a review. Gives its id."""
        place = self.threads if thread else self.comments
        return int(self._comment(place, number, author, body, **thread)["id"])

    def review(self, number: int, author: str, state: str, body: str = "") -> int:
        reviews = self.reviews.setdefault(number, [])
        self._touch(number)
        reviews.append({
            "id": self._clock, "user": {"login": author}, "state": state, "body": body,
            "submitted_at": self._now(),
        })  # fmt: skip
        return self._clock

    def merge(self, number: int, commit: str) -> None:
        """The pull request was merged, by `commit` of the base."""
        pull = self.pulls[number - 1]
        pull |= {"state": "closed", "merged": True, "merge_commit_sha": commit}
        pull["merged_at"] = self._now()
        self._touch(number)

    def answer(self, method: str, target: str, body: Any) -> tuple[Answer | None, dict[str, str]]:
        """The answer to a call and its headers; None for no reply at all."""
        parts = urlsplit(target)
        path = unquote(parts.path).removeprefix("/repos/shop/dbt")
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        with self._lock:
            self.calls.append(f"{method} {path}")
            fault = next((f for f in self.faults if re.fullmatch(f.call, self.calls[-1])), None)
            if fault:
                fault.times -= 1
                self.faults = [f for f in self.faults if f.times > 0]
            answer: Answer | None = None
            if not fault or fault.takes_effect:
                try:
                    answer = self._route(method, path, query, body or {})
                except Problem as problem:
                    answer = problem.answer
        if fault:
            answer = (fault.status, {"message": fault.message}) if fault.status else None
        return answer, fault.headers if fault else {}

    def _route(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        git = self._objects
        routes: dict[str, Callable[..., Answer]] = {
            r"GET ": self._about,
            r"GET /branches/(.+)": lambda name: (200, {"name": name, "commit": git.ref(name)[1]}),
            r"GET /git/ref/heads/(.+)": git.ref,
            r"GET /git/commits/(\w+)": lambda sha: (200, git.commit(sha)),
            r"GET /git/trees/(\w+)": git.tree,
            r"GET /commits/(\w+)": lambda sha: (200, git.repository_commit(sha, True)),
            r"GET /commits/(\w+)/check-runs": self._check_runs,
            r"GET /commits/(\w+)/status": self._status,
            r"GET /check-runs/(\d+)/annotations": lambda _: (200, []),
            r"GET /compare/(\w+)\.\.\.(\w+)": git.compare,
            r"GET /contents/(.+)": lambda p: git.contents(p, query["ref"]),
            r"GET /collaborators/(.+)/permission": self._permission,
            r"POST /git/trees": lambda: git.new_tree(body),
            r"POST /git/commits": lambda: git.new_commit(body),
            r"POST /git/refs": lambda: git.new_ref(body),
            r"PATCH /git/refs/heads/(.+)": lambda name: git.move_ref(name, body),
            r"POST /merges": lambda: git.merge(body),
            r"GET /pulls": lambda: self._list_pulls(query),
            r"POST /pulls": lambda: self._new_pull(body),
            r"GET /pulls/(\d+)": lambda n: (200, self._pull(n)),
            r"PATCH /pulls/(\d+)": lambda n: (200, self._pull(n, body)),
            r"GET /pulls/(\d+)/commits": self._commits,
            r"GET /pulls/(\d+)/reviews": lambda n: (200, self.reviews.get(int(n), [])),
            r"GET /pulls/(\d+)/comments": lambda n: (200, self.threads.get(int(n), [])),
            r"POST /pulls/(\d+)/comments/(\d+)/replies": lambda n, id_: self._reply(n, id_, body),
            r"POST /pulls/(\d+)/requested_reviewers": lambda n: self._ask(n, body),
            r"GET /issues/(\d+)/comments": lambda n: (200, self.comments.get(int(n), [])),
            r"POST /issues/(\d+)/comments": lambda n: (
                201, self._comment(self.comments, int(n), BOT, body["body"])
            ),
            r"PATCH /(?:issues|pulls)/comments/(\d+)": lambda id_: self._edit(id_, body),
            r"POST /issues/(\d+)/labels": lambda n: self._label(n, body),
            r"POST /issues/(\d+)/assignees": lambda n: self._assign(n, body),
        }  # fmt: skip
        for pattern, function in routes.items():
            if found := re.fullmatch(pattern, f"{method} {path}"):
                answer: Answer = function(*found.groups())
                return answer
        raise Problem(404, "Not Found")

    def _about(self) -> Answer:
        head = self._objects.git("symbolic-ref", "--short", "HEAD")
        return 200, {
            "url": self._objects.address, "name": "dbt", "full_name": "shop/dbt", "id": 1,
            "owner": {"login": "shop"}, "default_branch": head, "archived": False,
            "permissions": {"pull": True, "push": self.push, "admin": False},
        }  # fmt: skip

    def _list_pulls(self, query: dict[str, str]) -> Answer:
        head = query.get("head", "").removeprefix("shop:")
        found = [p for p in self.pulls if head in ("", p["head"]["ref"])]
        state = query.get("state", "open")
        key = "updated_at" if query.get("sort") == "updated" else "number"
        found.sort(key=lambda p: p[key], reverse=query.get("direction") == "desc")
        return 200, [self._pull(str(p["number"])) for p in found if state in ("all", p["state"])]

    def _new_pull(self, body: Any) -> Answer:
        head, base = body["head"], body["base"]
        if any(p["state"] == "open" and p["head"]["ref"] == head for p in self.pulls):
            raise Problem(422, f"A pull request already exists for shop:{head}.")
        number = len(self.pulls) + 1
        self.pulls.append({
            "number": number, "state": "open", "title": body["title"], "body": body["body"],
            "draft": body["draft"], "labels": [], "user": {"login": BOT}, "assignees": [],
            "requested_reviewers": [], "requested_teams": [], "merged": False,
            "merged_at": None, "merge_commit_sha": None,
            "head": {"ref": head, "repo": {"name": "dbt", "id": 1}},
            "base": {"ref": base, "repo": {"name": "dbt", "id": 1}},
        })  # fmt: skip
        self._touch(number)
        return 201, self._pull(str(number))

    def _pull(self, number: str, changes: dict[str, Any] | None = None) -> dict[str, Any]:
        if not 0 < int(number) <= len(self.pulls):
            raise Problem(404, "Not Found")
        pull = self.pulls[int(number) - 1]
        if changes:
            pull.update(changes)
            self._touch(int(number))
        with suppress(Problem):  # the branch may be deleted
            pull["head"]["sha"] = self._objects.ref(pull["head"]["ref"])[1]["object"]["sha"]
        url = self._objects.address
        return pull | {
            "url": f"{url}/pulls/{number}", "issue_url": f"{url}/issues/{number}",
            "html_url": f"https://github.example/shop/dbt/pull/{number}",
        }  # fmt: skip

    def _commits(self, number: str) -> Answer:
        pull = self._pull(number)
        _, compared = self._objects.compare(
            self._objects.git("rev-parse", pull["base"]["ref"]), pull["head"]["sha"]
        )
        return 200, compared["commits"]

    def _ask(self, number: str, body: Any) -> Answer:
        if self.outsiders & {*body.get("reviewers", []), *body.get("team_reviewers", [])}:
            raise Problem(422, "Reviews may only be requested from collaborators.")
        pull = self.pulls[int(number) - 1]
        pull["requested_reviewers"] += [{"login": name} for name in body.get("reviewers", [])]
        pull["requested_teams"] += [{"slug": name} for name in body.get("team_reviewers", [])]
        return 201, self._pull(number)

    def _label(self, number: str, names: list[str]) -> Answer:
        labels = self.pulls[int(number) - 1]["labels"]
        labels += [{"name": name} for name in names]
        return 200, labels

    def _assign(self, number: str, body: Any) -> Answer:
        pull = self.pulls[int(number) - 1]
        pull["assignees"] += [{"login": name} for name in body["assignees"]]
        return 201, self._pull(number)

    def _comment(
        self,
        place: dict[int, list[dict[str, Any]]],
        number: int,
        author: str,
        body: str,
        **more: Any,
    ) -> dict[str, Any]:
        kind = "pulls" if place is self.threads else "issues"
        self._touch(number)
        comment = {
            "id": self._clock, "user": {"login": author}, "body": body,
            "created_at": self._now(),
            "url": f"{self._objects.address}/{kind}/comments/{self._clock}", **more,
        }  # fmt: skip
        place.setdefault(number, []).append(comment)
        return comment

    def _reply(self, number: str, id_: str, body: Any) -> Answer:
        thread = next((c for c in self.threads.get(int(number), []) if c["id"] == int(id_)), None)
        if thread is None or thread.get("in_reply_to_id"):
            raise Problem(404, "Not Found")
        more = {"in_reply_to_id": thread["id"], "path": thread["path"]}
        return 201, self._comment(self.threads, int(number), BOT, body["body"], **more)

    def _edit(self, id_: str, body: Any) -> Answer:
        for comment in (c for p in (self.comments, self.threads) for cs in p.values() for c in cs):
            if comment["id"] == int(id_):
                comment["body"] = body["body"]
                return 200, comment
        raise Problem(404, "Not Found")

    def _permission(self, login: str) -> Answer:
        if login not in self.roles:
            raise Problem(404, f"{login} is not a user")
        return 200, {"permission": self.roles[login], "role_name": self.roles[login]}

    def _check_runs(self, sha: str) -> Answer:
        runs = [run for run in self.check_runs if run["head_sha"] == sha]
        return 200, {"total_count": len(runs), "check_runs": runs}

    def _status(self, sha: str) -> Answer:
        found = [s for s in self.statuses if s["sha"] == sha]
        return 200, {"sha": sha, "state": "failure", "total_count": len(found), "statuses": found}

    def _touch(self, number: int) -> None:
        """The pull request was updated a moment later than anything before."""
        self._clock += 1
        if 0 < number <= len(self.pulls):
            self.pulls[number - 1]["updated_at"] = self._now()

    def _now(self) -> str:
        """Each change is a second later than the one before."""
        moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=self._clock)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class _Handler(BaseHTTPRequestHandler):
    github: GitHubServer

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        answer: Answer | None = (401, {"message": "Bad credentials"})
        headers: dict[str, str] = {}
        if self.headers.get("Authorization") == f"token {self.github.token}":
            answer, headers = self.github.answer(self.command, self.path, body)
        if answer is None:
            self.close_connection = True
            return
        content = b"" if answer[1] is None else json.dumps(answer[1]).encode()
        self.send_response(answer[0])
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = _handle

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

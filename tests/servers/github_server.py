"""A small stateful GitHub on loopback over a real bare git repository, which can misbehave.

Object names are git's own. Only what Firstmile calls is there; anything else is a 404.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

WHO = {
    "GIT_AUTHOR_NAME": "firstmile-bot", "GIT_AUTHOR_EMAIL": "bot@example.com",
    "GIT_COMMITTER_NAME": "firstmile-bot", "GIT_COMMITTER_EMAIL": "bot@example.com",
}  # fmt: skip
Answer = tuple[int, Any]


class Problem(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.answer: Answer = (status, {"message": message, "documentation_url": ""})


@dataclass
class Fault:
    """What goes wrong with the next `times` calls that match: a status, or no reply (0)."""

    call: str
    status: int = 0
    takes_effect: bool = True
    message: str = "Server error"
    times: int = 1


@dataclass
class GitHubServer:
    """`with GitHubServer(bare) as server:`; `calls` are the requests, such as `POST /pulls`."""

    repository: Path
    token: str = "secret-token"
    calls: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    reviews: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    outsiders: set[str] = field(default_factory=set)

    def __enter__(self) -> GitHubServer:
        handler = type("Handler", (_Handler,), {"github": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._lock = threading.Lock()
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
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

    def git(self, *arguments: str, stdin: str = "", **extra: str) -> str:
        done = subprocess.run(
            ("git", "-c", "core.quotePath=false", "-C", str(self.repository), *arguments),
            input=stdin.encode(), capture_output=True, check=False, env=WHO | extra,
        )  # fmt: skip
        if done.returncode:
            raise Problem(404, "Not Found")
        return done.stdout.decode().strip()

    def answer(self, method: str, target: str, body: Any) -> Answer | None:
        """The answer to a call; None for no reply at all."""
        parts = urlsplit(target)
        path = unquote(parts.path).removeprefix("/repos/shop/dbt")
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        with self._lock:
            self.calls.append(f"{method} {path}")
            fault = next((f for f in self.faults if re.fullmatch(f.call, self.calls[-1])), None)
            if fault:
                fault.times -= 1
                self.faults = [f for f in self.faults if f.times > 0]
            if fault and not fault.takes_effect:
                return (fault.status, {"message": fault.message}) if fault.status else None
            try:
                answer = self._route(method, path, query, body or {})
            except Problem as problem:
                answer = problem.answer
        if fault:
            return (fault.status, {"message": fault.message}) if fault.status else None
        return answer

    def _route(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        routes: dict[str, Callable[..., Answer]] = {
            r"GET ": self._about,
            r"GET /git/ref/heads/(.+)": self._ref,
            r"GET /git/commits/(\w+)": lambda sha: (200, self._commit(sha)),
            r"GET /compare/(\w+)\.\.\.(\w+)": self._compare,
            r"GET /contents/(.+)": lambda p: self._contents(p, query["ref"]),
            r"POST /git/trees": lambda: self._new_tree(body),
            r"POST /git/commits": lambda: self._new_commit(body),
            r"POST /git/refs": lambda: self._new_ref(body),
            r"PATCH /git/refs/heads/(.+)": lambda name: self._move_ref(name, body),
            r"GET /pulls": lambda: self._list_pulls(query),
            r"POST /pulls": lambda: self._new_pull(body),
            r"PATCH /pulls/(\d+)": lambda n: (200, self._pull(n, body)),
            r"GET /pulls/(\d+)/reviews": lambda n: (200, self.reviews.get(int(n), [])),
            r"POST /pulls/(\d+)/requested_reviewers": lambda n: self._ask(n, body),
            r"POST /issues/(\d+)/labels": lambda n: self._label(n, body),
        }
        for pattern, function in routes.items():
            if found := re.fullmatch(pattern, f"{method} {path}"):
                answer: Answer = function(*found.groups())
                return answer
        raise Problem(404, "Not Found")

    def _about(self) -> Answer:
        head = self.git("symbolic-ref", "--short", "HEAD")
        return 200, {
            "url": f"{self.url}/repos/shop/dbt", "name": "dbt", "full_name": "shop/dbt",
            "owner": {"login": "shop"}, "default_branch": head,
        }  # fmt: skip

    def _ref(self, name: str) -> Answer:
        sha = self.git("rev-parse", "--verify", f"refs/heads/{name}")
        url = f"{self.url}/repos/shop/dbt/git/refs/heads/{name}"
        return 200, {"ref": f"refs/heads/{name}", "url": url, "object": {"sha": sha}}

    def _commit(self, sha: str) -> dict[str, Any]:
        self.git("cat-file", "-e", f"{sha}^{{commit}}")
        tree, parents, message = self.git("log", "-1", "--format=%T%n%P%n%B", sha).split("\n", 2)
        return {
            "sha": sha, "message": message, "tree": {"sha": tree},
            "parents": [{"sha": p} for p in parents.split()],
        }  # fmt: skip

    def _compare(self, base: str, head: str) -> Answer:
        fork = self.git("merge-base", base, head)
        status = {"A": "added", "M": "modified", "D": "removed"}
        files = []
        for line in self.git("diff-tree", "-r", "--no-renames", fork, head).splitlines():
            about, name = line.split("\t")
            files.append(
                {"filename": name, "sha": about.split()[3], "status": status[about.split()[4]]}
            )
        commits = self.git("rev-list", "--reverse", head, f"^{base}").split()
        behind = self.git("rev-list", "--count", base, f"^{head}")
        return 200, {
            "url": f"{self.url}/repos/shop/dbt/compare/{base}...{head}",
            "commits": [{"sha": c, "commit": self._commit(c)} for c in commits],
            "files": files, "behind_by": int(behind), "ahead_by": len(commits),
            "total_commits": len(commits), "merge_base_commit": {"sha": fork},
        }  # fmt: skip

    def _contents(self, path: str, ref: str) -> Answer:
        text = self.git("show", f"{ref}:{path}") + "\n"
        content = base64.b64encode(text.encode()).decode()
        return 200, {"type": "file", "path": path, "encoding": "base64", "content": content}

    def _new_tree(self, body: Any) -> Answer:
        with tempfile.TemporaryDirectory() as folder:
            index = f"{folder}/index"
            self.git("read-tree", body["base_tree"], GIT_INDEX_FILE=index)
            for item in body["tree"]:
                blob = self.git("hash-object", "-w", "--stdin", stdin=item["content"])
                line = f"{item['mode']},{blob},{item['path']}"
                self.git("update-index", "--add", "--cacheinfo", line, GIT_INDEX_FILE=index)
            return 201, {"sha": self.git("write-tree", GIT_INDEX_FILE=index)}

    def _new_commit(self, body: Any) -> Answer:
        parents = [part for parent in body["parents"] for part in ("-p", parent)]
        sha = self.git("commit-tree", body["tree"], *parents, "-F", "-", stdin=body["message"])
        return 201, self._commit(sha)

    def _new_ref(self, body: Any) -> Answer:
        try:
            self.git("update-ref", body["ref"], body["sha"], "0" * 40)
        except Problem:
            raise Problem(422, "Reference already exists") from None
        return 201, self._ref(body["ref"].removeprefix("refs/heads/"))[1]

    def _move_ref(self, name: str, body: Any) -> Answer:
        old = self._ref(name)[1]["object"]["sha"]
        if self.git("merge-base", old, body["sha"]) != old and not body.get("force"):
            raise Problem(422, "Update is not a fast forward")
        self.git("update-ref", f"refs/heads/{name}", body["sha"])
        return self._ref(name)

    def _list_pulls(self, query: dict[str, str]) -> Answer:
        found = [p for p in self.pulls if f"shop:{p['head']['ref']}" == query.get("head")]
        state = query.get("state", "open")
        return 200, [self._pull(str(p["number"])) for p in found if state in ("all", p["state"])]

    def _new_pull(self, body: Any) -> Answer:
        head, base = body["head"], body["base"]
        if any(p["state"] == "open" and p["head"]["ref"] == head for p in self.pulls):
            raise Problem(422, f"A pull request already exists for shop:{head}.")
        number = len(self.pulls) + 1
        self.pulls.append({
            "number": number, "state": "open", "title": body["title"], "body": body["body"],
            "draft": body["draft"], "labels": [], "user": {"login": "firstmile-bot"},
            "requested_reviewers": [], "requested_teams": [],
            "head": {"ref": head, "repo": {"name": "dbt"}}, "base": {"ref": base},
        })  # fmt: skip
        return 201, self._pull(str(number))

    def _pull(self, number: str, changes: dict[str, Any] | None = None) -> dict[str, Any]:
        pull = self.pulls[int(number) - 1]
        pull.update(changes or {})
        pull["head"]["sha"] = self._ref(pull["head"]["ref"])[1]["object"]["sha"]
        url = f"{self.url}/repos/shop/dbt"
        return pull | {
            "url": f"{url}/pulls/{number}", "issue_url": f"{url}/issues/{number}",
            "html_url": f"https://github.example/shop/dbt/pull/{number}",
        }  # fmt: skip

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


class _Handler(BaseHTTPRequestHandler):
    github: GitHubServer

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        answer: Answer | None = (401, {"message": "Bad credentials"})
        if self.headers.get("Authorization") == f"token {self.github.token}":
            answer = self.github.answer(self.command, self.path, body)
        if answer is None:
            self.close_connection = True
            return
        content = json.dumps(answer[1]).encode()
        self.send_response(answer[0])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = _handle

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

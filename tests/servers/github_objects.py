"""The git side of the stand-in for GitHub: what its Git Data API does, on a real bare repository."""

from __future__ import annotations

import base64
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WHO = {
    "GIT_AUTHOR_NAME": "firstmile-bot", "GIT_AUTHOR_EMAIL": "bot@example.com",
    "GIT_COMMITTER_NAME": "firstmile-bot", "GIT_COMMITTER_EMAIL": "bot@example.com",
}  # fmt: skip
Answer = tuple[int, Any]
_STATUS = {"A": "added", "M": "modified", "D": "removed"}


class Problem(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.answer: Answer = (status, {"message": message, "documentation_url": ""})


@dataclass
class GitObjects:
    """Answers calls about objects and references of `repository`; `address` is the API's own."""

    repository: Path
    address: str = ""

    def git(self, *arguments: str, stdin: str = "", **extra: str) -> str:
        return self.git_bytes(*arguments, stdin=stdin, **extra).decode().strip()

    def git_bytes(self, *arguments: str, stdin: str = "", **extra: str) -> bytes:
        done = subprocess.run(
            ("git", "-c", "core.quotePath=false", "-C", str(self.repository), *arguments),
            input=stdin.encode(), capture_output=True, check=False, env=WHO | extra,
        )  # fmt: skip
        if done.returncode:
            raise Problem(404, "Not Found")
        return done.stdout

    def ref(self, name: str) -> Answer:
        sha = self.git("rev-parse", "--verify", f"refs/heads/{name}")
        url = f"{self.address}/git/refs/heads/{name}"
        return 200, {"ref": f"refs/heads/{name}", "url": url, "object": {"sha": sha}}

    def commit(self, sha: str) -> dict[str, Any]:
        """A commit as the Git Data API gives it."""
        self.git("cat-file", "-e", f"{sha}^{{commit}}")
        form = "--format=%T%n%P%n%an%n%ae%n%B"
        tree, parents, name, email, message = self.git("log", "-1", form, sha).split("\n", 4)
        return {
            "sha": sha, "message": message, "tree": {"sha": tree},
            "author": {"name": name, "email": email}, "parents": [{"sha": p} for p in parents.split()],
        }  # fmt: skip

    def repository_commit(self, sha: str, with_files: bool = False) -> dict[str, Any]:
        """A commit as lists and comparisons give it; `author` is the account, if there is one."""
        about = self.commit(sha)
        parents = about["parents"]
        found = {
            "sha": sha, "commit": about, "parents": parents, "author": None,
            "url": f"{self.address}/commits/{sha}",
        }  # fmt: skip
        if with_files:
            found["files"] = self.files(parents[0]["sha"] if parents else "", sha)
        return found

    def files(self, before: str, after: str) -> list[dict[str, Any]]:
        command = ("diff-tree", "-r", "--no-renames", "--root", before, after)
        lines = self.git(*(part for part in command if part)).splitlines()
        found = []
        for line in (line for line in lines if "\t" in line):
            about, name = line.split("\t")
            status = _STATUS[about.split()[4]]
            sha = about.split()[2 if status == "removed" else 3]
            found.append({"filename": name, "sha": sha, "status": status})
        return found

    def compare(self, base: str, head: str) -> Answer:
        fork = self.git("merge-base", base, head)
        commits = self.git("rev-list", "--reverse", "--topo-order", head, f"^{base}").split()
        behind = self.git("rev-list", "--count", base, f"^{head}")
        return 200, {
            "url": f"{self.address}/compare/{base}...{head}",
            "commits": [self.repository_commit(c) for c in commits],
            "files": self.files(fork, head), "behind_by": int(behind), "ahead_by": len(commits),
            "total_commits": len(commits), "merge_base_commit": {"sha": fork},
        }  # fmt: skip

    def contents(self, path: str, ref: str) -> Answer:
        content = base64.b64encode(self.git_bytes("show", f"{ref}:{path}")).decode()
        return 200, {"type": "file", "path": path, "encoding": "base64", "content": content}

    def tree(self, sha: str) -> Answer:
        entries = []
        for line in self.git("ls-tree", sha).splitlines():
            about, path = line.split("\t")
            mode, kind, blob = about.split()
            entries.append({"path": path, "mode": mode, "type": kind, "sha": blob})
        return 200, {"sha": sha, "tree": entries, "truncated": False}

    def new_tree(self, body: Any) -> Answer:
        with tempfile.TemporaryDirectory() as folder:
            index = f"{folder}/index"
            self.git("read-tree", body["base_tree"], GIT_INDEX_FILE=index)
            lines = []
            for item in body["tree"]:
                sha, mode = item.get("sha"), item["mode"]
                if "content" in item:
                    sha = self.git("hash-object", "-w", "--stdin", stdin=item["content"])
                elif sha is None:
                    sha, mode = "0" * 40, "0"
                lines.append(f"{mode} {sha}\t{item['path']}\n")
            self.git("update-index", "--index-info", stdin="".join(lines), GIT_INDEX_FILE=index)
            return 201, {"sha": self.git("write-tree", GIT_INDEX_FILE=index)}

    def new_commit(self, body: Any) -> Answer:
        parents = [part for parent in body["parents"] for part in ("-p", parent)]
        sha = self.git("commit-tree", body["tree"], *parents, "-F", "-", stdin=body["message"])
        return 201, self.commit(sha)

    def new_ref(self, body: Any) -> Answer:
        try:
            self.git("update-ref", body["ref"], body["sha"], "0" * 40)
        except Problem:
            raise Problem(422, "Reference already exists") from None
        return 201, self.ref(body["ref"].removeprefix("refs/heads/"))[1]

    def move_ref(self, name: str, body: Any) -> Answer:
        old = self.ref(name)[1]["object"]["sha"]
        if self.git("merge-base", old, body["sha"]) != old and not body.get("force"):
            raise Problem(422, "Update is not a fast forward")
        self.git("update-ref", f"refs/heads/{name}", body["sha"])
        return self.ref(name)

    def merge(self, body: Any) -> Answer:
        base, head = body["base"], body["head"]
        old = self.ref(base)[1]["object"]["sha"]
        if self.git("merge-base", old, head) == head:
            return 204, None
        try:
            tree = self.git("merge-tree", "--write-tree", old, head)
        except Problem:
            raise Problem(409, "Merge conflict") from None
        parents = ("-p", old, "-p", head)
        message = body["commit_message"]
        sha = self.git("commit-tree", tree, *parents, "-F", "-", stdin=message)
        self.git("update-ref", f"refs/heads/{base}", sha)
        return 201, self.repository_commit(sha)

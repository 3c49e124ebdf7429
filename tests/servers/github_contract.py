"""GitHub's own OpenAPI document (npm `@octokit/openapi`), and what differs from it by design."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.servers.contract import Contract, with_long_paths

_FILE = (
    Path(__file__).parents[1] / "node/node_modules/@octokit/openapi/generated/api.github.com.json"
)
_OURS = re.compile(
    r"/app/installations/|/repos/\{owner\}/\{repo\}(?:$|/(?:branches/\{branch\}$|check-runs|collaborators|"
    r"commits|compare|contents|git|issues|merges|pulls))"
)
_ALLOWED = {
    r"^reply ": "replies are those of the stand-in; requests are ours",
    r"/labels: \[.*\] is not valid": "PyGithub sends labels as a bare list, which GitHub takes",
    r"PATCH .*/git/ref/": "the stand-in gives a reference an address that GitHub does not",
}


def github_contract() -> Contract:
    """The part of the document that Firstmile may call; skips the test where it is absent."""
    if not _FILE.is_file():
        pytest.skip("tests/node is not installed; `make install` does it where npm is there.")
    document = json.loads(_FILE.read_text("utf-8"))
    paths = {t: item for t, item in document["paths"].items() if _OURS.match(t)}
    long = {"paths": paths}
    for name in ("ref", "path", "branch"):
        long = with_long_paths(long, name, 4)
    document["paths"] = long["paths"]
    for operation in (o for item in long["paths"].values() for o in item.values()):
        known = document["components"]["parameters"]
        operation["parameters"] = [
            known[p["$ref"].rpartition("/")[2]] if "$ref" in p else p
            for p in operation.get("parameters", [])
        ]
    return Contract(document, _ALLOWED)

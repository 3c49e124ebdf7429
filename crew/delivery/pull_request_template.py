"""The repository's own pull request template, filled in: its headings and checkboxes stay.

https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests/creating-a-pull-request-template-for-your-repository
"""

from __future__ import annotations

import re
from pathlib import Path

from crew.delivery.pull_request_text import MAX_BYTES, joined, shortened
from crew.git import GitFailed, git

_PLACE = re.compile(r"(?:\.github/|docs/)?pull_request_template\.(?:md|txt)", re.I)
_ORDER = (".github/", "", "docs/")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)[ \t]*\n?", re.S)
_HEADING = re.compile(r"^(?:#{1,6}[ \t]+\S.*|\*\*[^*\n]+\*\*:?)$", re.M)
_ASKS = re.compile(r"\b(?:descri\w+|summar\w+|what|why|overview|motivation)\b", re.I)
_MAX_TEMPLATE = 20_000


def read_template(repository: Path, commit: str) -> str:
    """The template of a commit: in `.github/` first, then at the top, then in `docs/`, in upper or
    lower case; empty where there is none."""
    try:
        listed = ("ls-tree", "--full-tree", "-z", "--name-only", commit)
        names = git(repository, *listed) + git(repository, *listed, ".github/", "docs/")
        found = sorted(name for name in names.split("\0") if _PLACE.fullmatch(name))
        if not found:
            return ""
        first = min(found, key=lambda name: _ORDER.index(name[: name.rfind("/") + 1].lower()))
        return git(repository, "show", f"{commit}:{first}")
    except GitFailed:
        return ""


def fit(template: str, text: str, summary: str) -> str:
    """The template with the summary below its first heading that asks for one (else on top), then
    our own sections; below 60 kB. HTML comments of the template are left out, nothing else is."""
    body = _COMMENT.sub("", template.replace("\r\n", "\n"))[:_MAX_TEMPLATE].strip()
    if not body:
        return text
    marker, _, sections = text.partition("\n\n")
    heading = next((h for h in _HEADING.finditer(body) if _ASKS.search(h[0])), None)
    if heading:
        filled = f"{body[: heading.end()]}\n\n{summary}\n\n{body[heading.end() :].lstrip()}"
    else:
        filled = f"{summary}\n\n{body}"
    head = f"{marker}\n\n{filled.strip()}"
    parts = re.split(r"\n\n(?=## )", sections.strip())
    return joined([head, *shortened(parts, MAX_BYTES - len(head.encode()) - 4)])

"""Who owns which file, by GitHub's CODEOWNERS file.

https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
"""

from __future__ import annotations

import re
from collections.abc import Iterable

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")


def owners_of(codeowners: str, paths: Iterable[str]) -> tuple[str, ...]:
    """Owners of any of the paths (`user` or `org/team`, without @), in the order they appear.

    For each path the last line that matches counts; a line without owners takes ownership away.
    E-mail addresses are left out: a review can only be asked of an account.
    """
    rules = [rule for line in codeowners.splitlines() if (rule := _rule(line))]
    found: dict[str, None] = {}
    for path in paths:
        owners = next((names for pattern, names in reversed(rules) if pattern.match(path)), ())
        found.update(dict.fromkeys(owners))
    return tuple(found)


def _rule(line: str) -> tuple[re.Pattern[str], tuple[str, ...]] | None:
    words = re.sub(r"(?<!\\)#.*", "", line).replace("\\ ", "\0").split()
    if not words or words[0].startswith(("!", "[")):
        return None
    owners = tuple(word[1:] for word in words[1:] if word.startswith("@") and len(word) > 1)
    return _pattern(words[0].replace("\0", " ").replace("\\#", "#")), owners


def _pattern(pattern: str) -> re.Pattern[str]:
    """A pattern of gitignore's kind; `docs/*` covers files of that folder only."""
    anchored = "/" in pattern.rstrip("/")
    folder = pattern.endswith("/")
    body = "".join(_part(p) for p in re.split(r"(\*\*/|/\*\*$|\*|\?)", pattern.strip("/")))
    start = "" if anchored else "(?:.*/)?"
    end = "/.*" if folder else "$" if pattern.endswith("/*") else "(?:/.*)?$"
    return re.compile(start + body + end)


def _part(part: str) -> str:
    special = {"**/": "(?:.*/)?", "/**": "/.*", "*": "[^/]*", "?": "[^/]"}
    return special.get(part, re.escape(part))

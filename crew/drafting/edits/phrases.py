"""The phrase lists of `phrases.yml` as patterns."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Any

import yaml


@cache
def phrases() -> dict[str, Any]:
    """The lists, read once."""
    text = resources.files("crew.drafting.edits").joinpath("phrases.yml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@cache
def pattern(name: str) -> re.Pattern[str]:
    """A pattern of any phrase of a list, as whole words."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(phrases()[name])})(?!\w)", re.I)


def says(name: str, text: str) -> bool:
    return bool(pattern(name).search(text))


def named(lists: str, text: str) -> list[tuple[str, int]]:
    """(entry, position) of each entry of a dictionary of lists that the text names."""
    found = []
    for entry, forms in phrases()[lists].items():
        for match in re.finditer(rf"(?<!\w)(?:{'|'.join(forms)})(?!\w)", text, re.I):
            found.append((entry, match.start()))
    return sorted(found, key=lambda f: f[1])

"""dbt's parse and its deprecations, kept between runs (worker process only).

A partial parse names the deprecations of re-parsed files alone, so those of files that did not
change since are remembered by the files' content.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

_PARSE = "partial_parse.msgpack"
_DEPRECATIONS = "deprecations.json"


class Deprecations:
    """file -> (hash of its content, messages); the empty file holds those without one."""

    def __init__(self, project: Path) -> None:
        self._project = project
        self._known: dict[str, tuple[str, list[str]]] = {}

    def update(self, heard: Iterable[tuple[str, str]]) -> None:
        """Take what one parse said; forget files that changed and said nothing more."""
        fresh: dict[str, list[str]] = {}
        for file, message in heard:
            messages = fresh.setdefault(file, [])
            if message not in messages:
                messages.append(message)
        kept = {f: v for f, v in self._known.items() if f and v[0] == self._hash(f)}
        self._known = kept | {f: (self._hash(f), m) for f, m in fresh.items()}

    def lines(self) -> list[str]:
        """`file: message`, sorted by file."""
        return [f"{file}: {m}" for file, (_, found) in sorted(self._known.items()) for m in found]

    def load(self, file: Path) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._known = {k: (v[0], v[1]) for k, v in json.loads(file.read_text()).items()}

    def save(self, file: Path) -> None:
        file.write_text(json.dumps(self._known))

    def _hash(self, file: str) -> str:
        path = self._project / file
        content = path.read_bytes() if file and path.is_file() else b""
        return hashlib.sha256(content).hexdigest()


def restore_parse(cache: Path | None, target: Path, deprecations: Deprecations) -> None:
    """Bring both from the cache; nothing happens where there is none."""
    target.mkdir(parents=True, exist_ok=True)
    (target / _PARSE).unlink(missing_ok=True)
    if cache is not None and (cache / _PARSE).is_file() and (cache / _DEPRECATIONS).is_file():
        shutil.copyfile(cache / _PARSE, target / _PARSE)
        deprecations.load(cache / _DEPRECATIONS)


def store_parse(cache: Path | None, target: Path, deprecations: Deprecations) -> None:
    """Put both into the cache, each in one piece."""
    if cache is None or not (target / _PARSE).is_file():
        return
    cache.mkdir(parents=True, exist_ok=True)
    draft = cache / f"{_PARSE}.{os.getpid()}"
    shutil.copyfile(target / _PARSE, draft)
    draft.replace(cache / _PARSE)
    draft = cache / f"{_DEPRECATIONS}.{os.getpid()}"
    deprecations.save(draft)
    draft.replace(cache / _DEPRECATIONS)

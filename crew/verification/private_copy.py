"""The private copy of a project: a change is written into it and taken out again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from crew.artifacts import FileChange


class PrivateCopy:
    """Remembers what each written path held before, so that nothing of an attempt stays."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._before: dict[str, bytes | None] = {}
        self._made: list[Path] = []

    def texts(self, paths: Iterable[str]) -> dict[str, str]:
        """path -> text now, of those that exist inside the copy."""
        root = self.folder.resolve()
        files = {p: (self.folder / p) for p in paths if p and "\0" not in p}
        inside = {p: f for p, f in files.items() if f.resolve().is_relative_to(root)}
        return {p: f.read_bytes().decode("utf-8") for p, f in inside.items() if f.is_file()}

    def write(self, changes: Iterable[FileChange]) -> None:
        """Write the files of an attempt; their paths have passed the path policy."""
        for change in changes:
            file = self.folder / change.path
            if change.action == "delete":
                self._before.setdefault(change.path, file.read_bytes() if file.is_file() else None)
                file.unlink(missing_ok=True)
                continue
            self._before.setdefault(change.path, file.read_bytes() if file.is_file() else None)
            missing = [p for p in file.parents if not p.exists()]
            file.parent.mkdir(parents=True, exist_ok=True)
            self._made += missing
            file.write_bytes(change.text.encode("utf-8"))

    def restore(self) -> None:
        """Undo all that was written, new folders too. Does nothing the second time."""
        for path, content in self._before.items():
            file = self.folder / path
            if content is None:
                file.unlink(missing_ok=True)
            else:
                file.write_bytes(content)
        for folder in sorted(set(self._made), key=lambda p: len(p.parts), reverse=True):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        self._before, self._made = {}, []

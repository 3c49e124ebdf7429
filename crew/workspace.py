"""Folders of one open project below the state folder: made at the start, gone at the end."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path


def make_workspace(state: Path) -> Path:
    """A folder for one open project; those of processes that were killed are swept away."""
    work = state / "work"
    work.mkdir(parents=True, exist_ok=True)
    if not (state / ".gitignore").exists():
        (state / ".gitignore").write_text("*\n", "utf-8")
    for folder in work.iterdir():
        process = folder.name.partition("-")[0]
        if process.isdigit() and not _is_alive(int(process)):
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=work))


def take_back(paths: Sequence[Path], made: Path | None) -> None:
    """Remove what an opening that failed has made, as long as nobody else works there."""
    if made is None:
        return
    work = paths[0].parent
    others = [p for p in work.iterdir() if p != paths[0]] if work.is_dir() else []
    for path in paths[: 1 if others else None]:
        if path.is_file():
            path.unlink(missing_ok=True)
        else:
            shutil.rmtree(path, ignore_errors=True)
    for folder in (work, work.parent, *work.parent.parents):
        if not folder.is_relative_to(made) or (folder.is_dir() and any(folder.iterdir())):
            return
        with contextlib.suppress(OSError):
            folder.rmdir()


def first_missing(folder: Path) -> Path | None:
    """The topmost folder that has yet to be made on the way to `folder`."""
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    return missing[-1] if missing else None


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

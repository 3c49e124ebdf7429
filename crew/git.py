"""Runs git without prompts, hooks, pagers or endless waits, and keeps secrets out of messages."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from crew.errors import InvalidInput

_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "safe.directory=*",
    "protocol.ext.allow=never",
    "gc.auto=0",
)
_SAFE = tuple(part for setting in _SETTINGS for part in ("-c", setting))
_QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "LC_ALL": "C.UTF-8",
}
_PLACES = {
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE",
    "GIT_COMMON_DIR", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX",
}  # fmt: skip
_SECRET = re.compile(r"(\w[\w+.-]*://)[^/\s@]*@|\b(gh[a-z]_|github_pat_|glpat-)\w+")


class GitFailed(Exception):
    """git ended with an error; its own words, without credentials. Never leaves an adapter."""


def git(
    folder: Path,
    *arguments: str,
    stdin: bytes = b"",
    extra: Mapping[str, str] | None = None,
    timeout_seconds: float = 60,
) -> str:
    """The output of a git command as text, without the last line break. Raises GitFailed."""
    output = git_bytes(folder, *arguments, stdin=stdin, extra=extra, seconds=timeout_seconds)
    return output.decode("utf-8", "surrogateescape").removesuffix("\n")


def git_bytes(
    folder: Path,
    *arguments: str,
    stdin: bytes = b"",
    extra: Mapping[str, str] | None = None,
    seconds: float = 60,
) -> bytes:
    """The output of a git command. Raises GitFailed, InvalidInput if git is not installed."""
    inherited = {k: v for k, v in os.environ.items() if k not in _PLACES}
    ssh = {"GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")}
    try:
        done = subprocess.run(
            ("git", *_SAFE, "-C", str(folder), *arguments),
            input=stdin,
            capture_output=True,
            timeout=seconds,
            env=inherited | _QUIET | ssh | dict(extra or {}),
            check=False,
        )
    except FileNotFoundError as error:
        raise InvalidInput("git is not installed.", "Install git, then try again.") from error
    except subprocess.TimeoutExpired:
        raise GitFailed(f"git took longer than {seconds:g} seconds.") from None
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip() or f"exit {done.returncode}"
        raise GitFailed(without_secrets(words))
    return done.stdout


def without_secrets(text: str) -> str:
    """The text without user names and passwords of addresses, and without tokens."""
    return _SECRET.sub(lambda m: f"{m.group(1)}***@" if m.group(1) else "***", text)

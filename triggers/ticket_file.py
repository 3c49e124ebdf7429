"""Reads a ticket from a file or standard input, in any shape that Firstmile knows.

The key of a file comes from its front matter or name, never from the clock: the same file again
is the same request.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TextIO
from urllib.parse import parse_qsl

import yaml

from crew.artifacts import Request
from crew.errors import InvalidInput
from triggers import jira_source, notion_source, slack_command
from triggers.payload import mapping, text, texts, titled
from triggers.rich_text import one_line

MAX_BYTES = 2_000_000
_SHAPES = (
    "Known are a Jira issue or webhook, a Notion page with blocks and comments, a Slack slash "
    "command, Markdown and plain text."
)
_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.S)
_FORM = re.compile(r"[\w.]+=[^\s&]*(?:&[\w.]+=[^\s&]*)+")
_HEADER = re.compile(r"(From|To|Cc|Subject|Date):[ \t]*(.*)", re.I)
_SOURCES: tuple[tuple[Callable[[Any], bool], Callable[[dict[str, Any]], Request]], ...] = (
    (jira_source.recognizes, jira_source.to_request),
    (notion_source.recognizes, notion_source.to_request),
    (slack_command.recognizes, slack_command.to_request),
)


def read_ticket_file(path_or_dash: str, stdin: TextIO | BinaryIO) -> Request:
    """The request in a file, or on `stdin` for `-`. Raises InvalidInput with what is wrong."""
    if path_or_dash == "-":
        content = _read_stream(stdin)
        named = "stdin-" + hashlib.sha256(content).hexdigest()[:8]
        return _to_request(_decoded(content, "Standard input"), named, "Standard input", "")
    path = Path(path_or_dash)
    where = f"The file {path_or_dash!r}"
    return _to_request(
        _decoded(_read_file(path, where), where), _slug(path.stem), where, path.suffix
    )


def _read_stream(stdin: TextIO | BinaryIO) -> bytes:
    stream: Any = getattr(stdin, "buffer", stdin)
    content = stream.read(MAX_BYTES + 1)
    return content.encode() if isinstance(content, str) else bytes(content)


def _read_file(path: Path, where: str) -> bytes:
    if path.is_dir():
        raise InvalidInput(f"{str(path)!r} is a folder.", "Give the file of one ticket.")
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise InvalidInput(f"There is no file {str(path)!r}.", "Check its name.") from error
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise InvalidInput(f"{where} cannot be read: {words}.", "Check its permissions.") from error


def _decoded(content: bytes, where: str) -> str:
    if len(content) > MAX_BYTES:
        raise InvalidInput(
            f"{where} is larger than {MAX_BYTES // 1_000_000} MB.",
            "Give the ticket without its attachments.",
        )
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    if encoding != "utf-16" and b"\0" in content:
        raise InvalidInput(f"{where} is binary.", f"Give the ticket as text. {_SHAPES}")
    try:
        decoded = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"{where} is not UTF-8 text (byte {error.start}).", "Save it as UTF-8."
        ) from error
    if not decoded.strip():
        raise InvalidInput(f"{where} is empty.", "Describe in it what is to be built.")
    return decoded.replace("\r\n", "\n")


def _to_request(content: str, named: str, where: str, suffix: str) -> Request:
    stripped = content.strip()
    if stripped[0] in "{[" and (suffix == ".json" or not suffix or _is_json(stripped)):
        return _from_payload(_json(stripped, where), where)
    if _FORM.fullmatch(stripped):
        fields = dict(parse_qsl(stripped, keep_blank_values=True))
        if slack_command.recognizes(fields):
            return slack_command.to_request(fields)
    if suffix == ".json":
        raise InvalidInput(f"{where} holds no JSON.", _SHAPES)
    return _from_text(content, named, where)


def _is_json(content: str) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


def _json(content: str, where: str) -> Any:
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise InvalidInput(
            f"{where} is no valid JSON: {error.msg} in line {error.lineno}.",
            "Export the ticket again, or give it as Markdown.",
        ) from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{where} is JSON too odd to be a ticket.", _SHAPES) from error


def _from_payload(payload: Any, where: str) -> Request:
    for recognizes, to_request in _SOURCES:
        if recognizes(payload):
            try:
                return to_request(payload)
            except RecursionError as error:
                raise InvalidInput(f"{where} is nested too deeply.", _SHAPES) from error
    raise InvalidInput(f"{where} is JSON, but no ticket that Firstmile knows.", _SHAPES)


def _from_text(content: str, named: str, where: str) -> Request:
    front: dict[str, Any] = {}
    if found := _FRONT.match(content):
        front = _front_matter(found[1], where)
        content = content[found.end() :]
    headers, content = _headers(content.strip("\n"))
    given = text(front.get("title")) or headers.get("subject", "")
    first, _, rest = content.strip().partition("\n")
    heading = re.fullmatch(r"#{1,6}[ \t]+(.+?)[ \t]*#*", first)
    if heading and not given:
        given, content = heading[1], rest
    elif not given and first:
        given, content = first, rest if rest.strip() else content
    title, body = titled(given, content, where)
    return Request(
        source="file",
        key=one_line(str(front.get("key") or ""), 80) or named,
        title=title,
        body=body or title,
        labels=texts(front.get("labels")),
        requester=one_line(text(front.get("requester")) or headers.get("from", "")),
        url=one_line(text(front.get("url"))),
    )


def _front_matter(content: str, where: str) -> dict[str, Any]:
    try:
        return mapping(yaml.safe_load(content))
    except yaml.YAMLError as error:
        raise InvalidInput(
            f"{where} begins with front matter that is no YAML: {' '.join(str(error).split())}",
            "Mend what stands between the two lines of `---`, or remove it.",
        ) from error


def _headers(content: str) -> tuple[dict[str, str], str]:
    """The head of a mail, if the text begins with one."""
    lines = content.split("\n")
    found: dict[str, str] = {}
    for i, line in enumerate(lines):
        header = _HEADER.fullmatch(line.strip())
        if not header:
            return (found, "\n".join(lines[i:])) if found and not line.strip() else ({}, content)
        found[header[1].lower()] = header[2]
    return found, ""


def _slug(name: str) -> str:
    return re.sub(r"[^\w]+", "-", name.lower()).strip("-_") or "ticket"

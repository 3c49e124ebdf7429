"""Reads the terms of one catalog by CrewAI's adapter for MCP, in a process of its own.

The adapter's calls have no limit in time, and its import takes seconds: whoever starts this kills
it when the time is over. The catalog's settings come in as JSON, one `Reading` goes out.
"""

from __future__ import annotations

import ast
import json
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from crew.agents.catalog_answers import PRODUCTS, Unreadable, records_of, terms_of, urns_of
from crew.agents.crewai_environment import import_crewai
from crew.artifacts import GlossaryTerm, Value
from crew.settings import GlossarySettings

if TYPE_CHECKING:
    from crewai.tools import BaseTool
    from mcp import StdioServerParameters

PAGE = 50


class Reading(Value):
    """What a catalog was found to hold; or the fault why it is not known, in words."""

    terms: tuple[GlossaryTerm, ...] = ()
    fault: str = ""


class Reader(Value):
    """Whom to read, and the folder where commands of the settings are run."""

    glossary: GlossarySettings
    origin: str
    folder: Path


def read(reader: Reader, tell: Callable[[Reading], None]) -> None:
    """Tell all terms, over streamable HTTP or from a server of our own over stdio.

    Raises Unreadable, and whatever the adapter raises.
    """
    from crewai.utilities.string_utils import sanitize_tool_name
    from crewai_tools.adapters.mcp_adapter import MCPServerAdapter

    glossary, product = reader.glossary, PRODUCTS[reader.glossary.kind]
    names = [glossary.tool or product.tool, *(product.details or ())[:1]]
    patience = math.ceil(glossary.timeout_seconds)
    with MCPServerAdapter(_server(reader, os.environ), connect_timeout=patience) as found:
        tools = {tool.name: tool for tool in found}
        if missing := [n for n in names if sanitize_tool_name(n) not in tools]:
            raise Unreadable(f"it has no tool {missing[0]!r}")
        records = _records([tools[sanitize_tool_name(n)] for n in names], glossary)
        tell(Reading(terms=terms_of(records, reader.origin, glossary.max_terms)))


def _server(
    reader: Reader, environment: Mapping[str, str]
) -> StdioServerParameters | dict[str, Any]:
    from mcp import StdioServerParameters

    glossary = reader.glossary
    if glossary.command:
        names = [n for n in (glossary.token_env, *glossary.allow_env) if n]
        given = {n: environment[n] for n in names}
        return StdioServerParameters(
            command=glossary.command, args=list(glossary.args), env=given, cwd=reader.folder
        )
    token = environment.get(glossary.token_env, "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return {"url": glossary.url, "transport": "streamable-http", "headers": headers}


def _records(tools: Sequence[BaseTool], glossary: GlossarySettings) -> list[dict[str, Any]]:
    product = PRODUCTS[glossary.kind]
    records: list[dict[str, Any]] = []
    while len(records) < glossary.max_terms:
        arguments = {**product.arguments, **glossary.arguments}
        if product.offset:
            arguments[product.size] = min(PAGE, glossary.max_terms - len(records))
            arguments[product.offset] = len(records)
        page = _call(tools[0], arguments)
        if not page or page == records[-len(page) :]:
            break
        records += page
        if not product.offset:
            break
    if product.details is None:
        return records
    argument = product.details[1]
    urns = list(dict.fromkeys(urns_of(records)))[: glossary.max_terms]
    found: list[dict[str, Any]] = []
    for start in range(0, len(urns), PAGE):
        found += _call(tools[1], {argument: urns[start : start + PAGE]})
    return found


def _call(tool: BaseTool, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """The records of an answer; the adapter gives its text, or a printed list of its texts."""
    answer = str(tool.run(**arguments))
    try:
        parts = ast.literal_eval(answer)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        parts = answer
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return records_of(answer)
    try:
        return records_of([json.loads(part) for part in parts])
    except (ValueError, RecursionError):
        return records_of(parts)


def main() -> None:
    reader = Reader.model_validate_json(sys.stdin.read())
    signal.alarm(math.ceil(reader.glossary.timeout_seconds) + 5)  # should nobody be left to kill it
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer

    def tell(reading: Reading) -> None:
        if not answer.closed:
            answer.write(reading.model_dump_json())
            answer.close()

    def give_up(error: BaseException | None) -> None:
        tell(Reading(fault=_cause(error)))
        end_children(psutil.Process())
        os._exit(0)

    # The adapter connects in a thread, and waits until its time is over when that has failed.
    threading.excepthook = lambda failed: give_up(failed.exc_value)
    try:
        import_crewai(Path.cwd())
        read(reader, tell)
    except Exception as error:  # whatever a server does wrong is told
        give_up(error)


def end_children(process: psutil.Process) -> None:
    """End what the process started; servers over stdio have process groups of their own."""
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()


def _cause(error: BaseException | None) -> str:
    """What lies at the bottom of the groups that task groups raise."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)[:300] or type(error).__name__


if __name__ == "__main__":
    main()

"""Reads business words of catalogs over MCP; kept for a while, so that nobody waits for long.

The client is that of the `mcp` package, CrewAI's own: CrewAI's adapter for tools has no limit on a
call, and needs a package more. A catalog explains words, so none of its faults stops a request:
what it last said is used, and the log says so.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from crew.agents.catalog_answers import PRODUCTS, Product, Unreadable, records_of, terms_of, urns_of
from crew.artifacts import GlossaryTerm, Value
from crew.settings import GlossarySettings

if TYPE_CHECKING:
    from mcp import ClientSession

_LOG = logging.getLogger(__name__)
PAGE = 50
_ASKED = {"kind", "name", "url", "command", "args", "tool", "arguments", "max_terms"}


class _Kept(Value):
    """What a catalog last said, and when, in seconds since 1970."""

    read_at: float
    terms: tuple[GlossaryTerm, ...]


def read_glossaries(
    glossaries: Sequence[GlossarySettings],
    folder: Path,
    environment: Mapping[str, str] = os.environ,
) -> tuple[GlossaryTerm, ...]:
    """The words of all catalogs, kept in `folder`. They are asked at once, each for no longer than
    its timeout; of one that does not answer, the words it last gave are used."""
    kept = [_kept(_file(g, folder)) for g in glossaries]
    asked: dict[int, Future[tuple[GlossaryTerm, ...]]] = {}
    began = time.monotonic()
    for n, glossary in enumerate(glossaries):
        known = kept[n]
        if known is None or not 0 <= time.time() - known.read_at < 60 * glossary.max_age_minutes:
            asked[n] = _ask(glossary, environment)
    for n, future in asked.items():
        glossary = glossaries[n]
        left = glossary.timeout_seconds - (time.monotonic() - began)
        try:
            terms = future.result(max(0.0, left))
        except Exception as error:  # whatever a server does wrong, requests go on without it
            _LOG.warning("%s", _told(glossary, error, kept[n]))
            continue
        kept[n] = fresh = _Kept(read_at=time.time(), terms=terms)
        _keep(_file(glossary, folder), fresh)
    return tuple(t for known in kept if known for t in known.terms)


def origin_of(glossary: GlossarySettings) -> str:
    """What its words are said to come from."""
    return glossary.name or PRODUCTS[glossary.kind].name


# --- asking ------------------------------------------------------------------------------------


def _ask(
    glossary: GlossarySettings, environment: Mapping[str, str]
) -> Future[tuple[GlossaryTerm, ...]]:
    """Ask in a thread of its own, which is done with its server soon after the answer."""
    answer: Future[tuple[GlossaryTerm, ...]] = Future()

    def work() -> None:
        import anyio

        try:
            anyio.run(_answer, glossary, environment, answer)
        except BaseException as error:
            if not answer.done():
                answer.set_exception(_cause(error))

    threading.Thread(target=work, name=f"glossary {origin_of(glossary)}", daemon=True).start()
    return answer


async def _answer(
    glossary: GlossarySettings,
    environment: Mapping[str, str],
    answer: Future[tuple[GlossaryTerm, ...]],
) -> None:
    import anyio

    with anyio.fail_after(glossary.timeout_seconds):
        async with _session(glossary, environment) as session:
            await session.initialize()
            records = await _records(session, glossary)
            terms = terms_of(records, origin_of(glossary), glossary.max_terms)
            answer.set_result(terms)


@asynccontextmanager
async def _session(
    glossary: GlossarySettings, environment: Mapping[str, str]
) -> AsyncIterator[ClientSession]:
    """A session over streamable HTTP, or with a server of our own over stdio, which sees no
    variables but those that are named."""
    import httpx
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client
    from mcp.client.streamable_http import streamable_http_client

    names = [n for n in (glossary.token_env, *glossary.allow_env) if n]
    if missing := [n for n in names if not environment.get(n)]:
        raise Unreadable(f"the variable {missing[0]} is not set")
    if glossary.command:
        given = {n: environment[n] for n in names}
        server = StdioServerParameters(
            command=glossary.command, args=list(glossary.args), env=given
        )
        with open(os.devnull, "w") as quiet:
            async with (
                stdio_client(server, quiet) as (read, write),
                ClientSession(read, write) as session,
            ):
                yield session
        return
    token = environment.get(glossary.token_env, "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx.AsyncClient(headers=headers, timeout=glossary.timeout_seconds) as client,
        streamable_http_client(glossary.url, http_client=client) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        yield session


async def _records(session: ClientSession, glossary: GlossarySettings) -> list[dict[str, Any]]:
    product = PRODUCTS[glossary.kind]
    records: list[dict[str, Any]] = []
    while len(records) < glossary.max_terms:
        page = await _page(session, glossary, product, len(records))
        if not page or page == records[-len(page) :]:
            break
        records += page
        if not product.offset:
            break
    if product.details is None:
        return records
    tool, argument = product.details
    urns = list(dict.fromkeys(urns_of(records)))[: glossary.max_terms]
    found: list[dict[str, Any]] = []
    for start in range(0, len(urns), PAGE):
        found += await _call(session, tool, {argument: urns[start : start + PAGE]})
    return found


async def _page(
    session: ClientSession, glossary: GlossarySettings, product: Product, start: int
) -> list[dict[str, Any]]:
    arguments = {**product.arguments, **glossary.arguments}
    if product.offset:
        arguments |= {product.size: min(PAGE, glossary.max_terms - start), product.offset: start}
    return await _call(session, glossary.tool or product.tool, arguments)


async def _call(
    session: ClientSession, tool: str, arguments: dict[str, Any]
) -> list[dict[str, Any]]:
    answer = await session.call_tool(tool, arguments)
    texts = [text for part in answer.content if (text := getattr(part, "text", None))]
    if answer.isError:
        raise Unreadable(f"{tool} failed: {' '.join(texts)[:200]!r}")
    if answer.structuredContent is not None:
        return records_of(answer.structuredContent)
    return records_of(texts[0] if len(texts) == 1 else texts)


def _cause(error: BaseException) -> Exception:
    """What lies at the bottom of the groups that task groups raise."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, Exception) else RuntimeError(repr(error))


def _told(glossary: GlossarySettings, error: Exception, known: _Kept | None) -> str:
    why = f"did not answer within {glossary.timeout_seconds:g} s"
    if not isinstance(error, TimeoutError):
        why = f"cannot be read: {str(error)[:300] or type(error).__name__}"
    instead = "None of its words are known"
    if known:
        at = time.strftime("%Y-%m-%d %H:%M", time.localtime(known.read_at))
        instead = f"The {len(known.terms)} words that it gave at {at} are used"
    return f"The glossary of {origin_of(glossary)} {why}. {instead}."


# --- keeping -----------------------------------------------------------------------------------


def _file(glossary: GlossarySettings, folder: Path) -> Path:
    asked = json.dumps(glossary.model_dump(mode="json", include=_ASKED), sort_keys=True)
    return folder / f"{hashlib.sha256(asked.encode()).hexdigest()[:12]}.json"


def _kept(file: Path) -> _Kept | None:
    try:
        return _Kept.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def _keep(file: Path, kept: _Kept) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(f".{os.getpid()}")
        fresh.write_text(kept.model_dump_json(), "utf-8")
        fresh.replace(file)
    except OSError as error:
        _LOG.warning("the words of a catalog cannot be kept: %s", error)

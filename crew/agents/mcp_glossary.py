"""Reads business words of catalogs over MCP; kept for a while, so that nobody waits for long.

CrewAI's adapter for MCP reads them, in a process of its own (`mcp_reader`) that is started only
when the words kept are too old, and ended when its time is over. A catalog explains words, so none
of its faults stops a request: what it last said is used, and people are told.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
from pydantic import ValidationError

from crew.agents.catalog_answers import PRODUCTS
from crew.agents.crewai_environment import SWITCHES
from crew.agents.mcp_reader import Reader, Reading, end_children
from crew.artifacts import GlossaryTerm, Value
from crew.settings import GlossarySettings

_LOG = logging.getLogger(__name__)
_ASKED = {"kind", "name", "url", "command", "args", "tool", "arguments", "max_terms"}
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_PASSED = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "LC_ALL", "TZ", "TMPDIR",
    "SSL_CERT_FILE", "SSL_CERT_DIR", *_PROXIES, *map(str.lower, _PROXIES),
)  # fmt: skip


class _Kept(Value):
    """What a catalog last said, and when, in seconds since 1970."""

    read_at: float
    terms: tuple[GlossaryTerm, ...]


def read_glossaries(
    glossaries: Sequence[GlossarySettings],
    folder: Path,
    environment: Mapping[str, str] = os.environ,
) -> tuple[tuple[GlossaryTerm, ...], tuple[str, ...]]:
    """The words of all catalogs, kept in `folder`, and what people have to know of catalogs that
    cannot be read. They are asked at once, each for no longer than its timeout; of one that does
    not answer, the words it last gave are used."""
    kept = [_kept(_file(g, folder)) for g in glossaries]
    old = [n for n, known in enumerate(kept) if not _is_fresh(known, glossaries[n])]
    faults = []
    with ThreadPoolExecutor(max(1, len(old))) as pool:
        readings = pool.map(lambda n: _read(glossaries[n], environment), old)
        for n, reading in zip(old, readings, strict=True):
            if reading.fault:
                faults.append(_told(glossaries[n], reading.fault, kept[n]))
                _LOG.warning("%s", faults[-1])
                continue
            kept[n] = fresh = _Kept(read_at=time.time(), terms=reading.terms)
            _keep(_file(glossaries[n], folder), fresh)
    return tuple(t for known in kept if known for t in known.terms), tuple(faults)


def origin_of(glossary: GlossarySettings) -> str:
    """What its words are said to come from."""
    return glossary.name or PRODUCTS[glossary.kind].name


# --- asking ------------------------------------------------------------------------------------


def _read(glossary: GlossarySettings, environment: Mapping[str, str]) -> Reading:
    """Ask in a process of its own, which sees no secret but those that the settings name."""
    names = [n for n in (glossary.token_env, *glossary.allow_env) if n]
    if missing := [n for n in names if not environment.get(n)]:
        return Reading(fault=f"cannot be read: the variable {missing[0]} is not set")
    given = {n: os.environ[n] for n in _PASSED if n in os.environ}
    given |= SWITCHES | {n: environment[n] for n in names}
    reader = Reader(glossary=glossary, origin=origin_of(glossary), folder=Path.cwd())
    with tempfile.TemporaryDirectory(prefix="firstmile-") as home:
        answer = _answer(reader, given, home)
    if answer is None:
        return Reading(fault=f"did not answer within {glossary.timeout_seconds:g} s")
    try:
        reading = Reading.model_validate_json(answer)
    except ValidationError:
        return Reading(fault="cannot be read: its reader died")
    return Reading(fault=f"cannot be read: {reading.fault}") if reading.fault else reading


def _answer(reader: Reader, environment: dict[str, str], home: str) -> bytes | None:
    """What the process told; None if it took too long. Nothing that it started is left."""
    process = subprocess.Popen(
        [sys.executable, "-m", "crew.agents.mcp_reader"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=home,
        env=environment | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        start_new_session=True,
    )
    try:
        given = reader.model_dump_json().encode()
        return process.communicate(given, reader.glossary.timeout_seconds)[0]
    except subprocess.TimeoutExpired:
        _end(process)
        return process.communicate()[0] or None  # it had answered, but its server does not end
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        end_children(psutil.Process(process.pid))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _told(glossary: GlossarySettings, fault: str, known: _Kept | None) -> str:
    instead = "None of its words are known"
    if known:
        at = time.strftime("%Y-%m-%d %H:%M", time.localtime(known.read_at))
        instead = f"The {len(known.terms)} words that it gave at {at} are used"
    return f"The glossary of {origin_of(glossary)} {fault}. {instead}."


# --- keeping -----------------------------------------------------------------------------------


def _file(glossary: GlossarySettings, folder: Path) -> Path:
    asked = json.dumps(glossary.model_dump(mode="json", include=_ASKED), sort_keys=True)
    return folder / f"{hashlib.sha256(asked.encode()).hexdigest()[:12]}.json"


def _is_fresh(known: _Kept | None, glossary: GlossarySettings) -> bool:
    return known is not None and 0 <= time.time() - known.read_at < 60 * glossary.max_age_minutes


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

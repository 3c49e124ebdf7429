"""The dbt worker itself: reads calls as JSON lines, answers each with one line.

dbt prints to stdout, so the answers have a private copy of it and everything printed goes to the
log. The process ends when its parent's end of the pipe closes, however busy it is.
"""

from __future__ import annotations

import os
import queue
import resource
import sys
import threading
import traceback
from typing import Any, BinaryIO

from crew.errors import FirstmileError, InvalidProject
from crew.verification.worker_values import from_line, to_line


def main() -> None:
    """Serve until `close` or until the parent is gone."""
    calls, answers = _take_pipes(sys.argv[1])
    _limit()
    messages: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_read, args=(calls, messages), daemon=True).start()
    from crew.verification.dbt_session import DbtSession  # imports dbt: seconds

    session = DbtSession()
    while (message := messages.get())["call"] != "close":
        answers.write(to_line(_answer(session, message)))
        answers.flush()
    session.close()
    os._exit(0)  # dbt and DuckDB leave threads behind


def _take_pipes(log: str) -> tuple[BinaryIO, BinaryIO]:
    """The protocol's private ends; file descriptors 0, 1, 2 become harmless."""
    calls = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    printed = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, descriptor in ((nothing, 0), (printed, 1), (printed, 2)):
        os.dup2(source, descriptor)
    return calls, answers


def _limit() -> None:
    """No core files and a bounded number of open files; address space cannot be bounded,
    as DuckDB reserves more than it uses (its memory is bounded by its own setting)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    bound = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (bound, bound))


def _read(calls: BinaryIO, messages: queue.Queue[dict[str, Any]]) -> None:
    closing = False
    for line in calls:
        message = from_line(line)
        closing = message["call"] == "close"
        messages.put(message)
    if not closing:
        os._exit(0)


def _answer(session: Any, message: dict[str, Any]) -> dict[str, Any]:
    call = message.pop("call")
    try:
        return {"ok": True, "value": getattr(session, call)(**message)}
    except FirstmileError as error:
        kind, text, cure = type(error).__name__, error.message, error.cure
    except Exception as error:  # one bad call must not end the worker; the log has the trace
        traceback.print_exc()
        first = str(error).strip() or type(error).__name__
        kind, text, cure = InvalidProject.__name__, f"dbt failed at {call!r}: {first}", ""
    return {"ok": False, "error": kind, "message": text, "cure": cure}


if __name__ == "__main__":
    main()

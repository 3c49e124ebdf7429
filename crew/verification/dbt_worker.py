"""A warm dbt in a process of its own: started early, scrubbed, limited, killed when it hangs.

dbt is not thread-safe, prints to stdout, takes seconds to import and runs the project's Jinja;
hence another process, which keeps the parsed project and answers in a tenth of a second.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crew import errors
from crew.ports import Rows
from crew.verification.worker_environment import (
    child_environment,
    find_profiles,
    named_variables,
)
from crew.verification.worker_values import (
    CompileResult,
    NodeResult,
    ParseResult,
    ProjectInfo,
    from_line,
    to_line,
)

_GONE_CURE = "Try again; what dbt said last is in {log}."


class DbtWorker:
    """The client. One call at a time; calls from several threads wait for each other.

    `home` is the worker's own folder (log, HOME). Every call but `start` and `close` raises
    WorkerLost when the process died or needed longer than `timeout_seconds`. `seconds` sums up
    how long each kind of call took, waiting for the process to warm up included.
    """

    def __init__(
        self, home: Path, timeout_seconds: float = 300, allow_env: Sequence[str] = ()
    ) -> None:
        self._home = home
        self._timeout_seconds = timeout_seconds
        self._allow_env = tuple(allow_env)
        self._user_home = os.environ.get("HOME", "")  # imports elsewhere may change it for a while
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""
        self._lock = threading.Lock()
        self._scratch: Path | None = None
        self.seconds: dict[str, float] = {}

    @property
    def log(self) -> Path:
        """What dbt printed."""
        return self._home / "worker.log"

    def start(self) -> None:
        """Start the process; returns at once while it imports dbt. Does nothing if it runs."""
        if self._process is not None and self._process.poll() is None:
            return
        self._home.mkdir(parents=True, exist_ok=True)
        self._home = self._home.resolve()
        self._buffer = b""
        code = Path(__file__).resolve().parents[2]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "crew.verification.dbt_worker_process", str(self.log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._home,
            env=child_environment(self._home, os.environ, code),
            start_new_session=True,
        )

    def open(
        self,
        project: Path,
        profiles: Path | None,
        target: str | None,
        origin: Path,
        scratch: Path,
        cache: Path | None = None,
    ) -> ProjectInfo:
        """Parse the untouched project and make its scratch target.

        `project` is the private copy, `origin` the folder it came from, `profiles` the folder of
        profiles.yml (None: as dbt looks for it), `scratch` a folder of our own, `cache` a folder
        that keeps dbt's parse between runs. Raises InvalidProject, WarehouseBusy.
        """
        self.start()
        environment = {**os.environ, "HOME": self._user_home}
        if not (project / "dbt_project.yml").is_file():
            raise errors.InvalidProject(
                f"{str(origin)!r} holds no dbt_project.yml.",
                "Give the folder of the dbt project itself.",
            )
        folder = find_profiles(profiles, project, origin, environment)
        if self._scratch is not None and self._scratch != scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch = scratch
        info = self._call(
            "open",
            project=str(project.resolve()),
            profiles=str(folder),
            target=target,
            origin=str(origin.resolve()),
            scratch=str(scratch.resolve()),
            cache=str(cache.resolve()) if cache else None,
            here=os.getcwd(),
            home=self._user_home,
            env=named_variables(folder, origin, environment, self._allow_env)
            | named_variables(folder, project, environment, self._allow_env),
        )
        relations = frozenset((schema, name) for schema, name in info.pop("relations"))
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in info.items()
        }
        return ProjectInfo(relations=relations, **values)

    def parse(self) -> ParseResult:
        """Parse the project as it lies on disk now; forgets what earlier builds put in scratch."""
        found = self._call("parse")
        return ParseResult(
            Path(found["manifest"]), tuple(found["errors"]), tuple(found["deprecations"])
        )

    def compile(self, select: Sequence[str]) -> CompileResult:
        """SQL of the selected nodes, parents read where they lie."""
        found = self._call("compile", select=list(select))
        return CompileResult(found["compiled"], tuple(found["errors"]))

    def build(self, select: Sequence[str], full_refresh: bool = False) -> tuple[NodeResult, ...]:
        """Build the selected nodes in scratch and run their tests.

        The first build of a node since `parse` starts from nothing, later ones are incremental
        where the model is. Raises InvalidInput if dbt refuses the whole run.
        """
        found = self._call("build", select=list(select), full_refresh=full_refresh)
        return tuple(NodeResult(**item) for item in found)

    def build_in_two(
        self, model: str, source: str, rows: str, first: str
    ) -> tuple[tuple[str, str], tuple[NodeResult, ...]]:
        """Build a model (unique id) beside itself, over `rows` (a SELECT) in the place of a source:
        whole, and from nothing over `first` (another one), then again over all rows.

        Returns the relations of both and what dbt said. DuckDB only: raises InvalidInput elsewhere.
        """
        found = self._call("build_in_two", model=model, source=source, rows=rows, first=first)
        results = tuple(NodeResult(**item) for item in found["results"])
        return (found["whole"], found["twice"]), results

    def ensure_built(self, unique_ids: Sequence[str] | None = None) -> tuple[NodeResult, ...]:
        """Build in scratch what the warehouse lacks of these nodes and their ancestors.

        None means all of the project. Returns what failed, with dbt's words; nothing if all is
        well. Tests are not run.
        """
        ids = None if unique_ids is None else list(unique_ids)
        return tuple(NodeResult(**item) for item in self._call("ensure_built", unique_ids=ids))

    def relation_names(self) -> dict[str, str]:
        """unique_id -> the quoted relation to read it from now: the real one or scratch."""
        return dict(self._call("relation_names"))

    def query(self, sql: str, limit: int = 1000) -> Rows:
        """Run one SELECT. Raises InvalidInput with the database's own words."""
        found = self._call("query", sql=sql, limit=limit)
        return Rows(tuple(found["columns"]), tuple(tuple(row) for row in found["rows"]))

    def close(self) -> None:
        """End the process and drop the scratch. Does nothing the second time."""
        process, self._process = self._process, None
        if process is not None and self._scratch is None:
            _kill(process)  # it was never told to open anything: it may be importing dbt still
        elif process is not None:
            with contextlib.suppress(OSError):
                assert process.stdin is not None
                process.stdin.write(to_line({"call": "close"}))
                process.stdin.close()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                _kill(process)
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def __enter__(self) -> DbtWorker:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, call: str, **arguments: Any) -> Any:
        with self._lock:
            process = self._process
            if process is None or process.poll() is not None:
                raise self._lost(f"The dbt worker does not run (at {call!r}).")
            assert process.stdin is not None
            try:
                process.stdin.write(to_line({"call": call, **arguments}))
                process.stdin.flush()
            except OSError as error:
                raise self._lost(f"The dbt worker died before {call!r}.") from error
            began = time.monotonic()
            answer = from_line(self._read_line(process, call))
            self.seconds[call] = self.seconds.get(call, 0.0) + time.monotonic() - began
        if answer["ok"]:
            return answer["value"]
        raise getattr(errors, answer["error"])(answer["message"], answer["cure"])

    def _read_line(self, process: subprocess.Popen[bytes], call: str) -> bytes:
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        end = time.monotonic() + self._timeout_seconds
        while b"\n" not in self._buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                _kill(process)
                raise self._lost(f"dbt needed over {self._timeout_seconds:g} s for {call!r}.")
            piece = os.read(descriptor, 1 << 20)
            if not piece:
                _kill(process)
                raise self._lost(f"The dbt worker died during {call!r}.")
            self._buffer += piece
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line

    def _lost(self, message: str) -> errors.WorkerLost:
        return errors.WorkerLost(message, _GONE_CURE.format(log=self.log))


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

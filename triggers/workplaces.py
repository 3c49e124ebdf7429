"""The dbt projects that a worker has open: kept warm, each used by one run at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from crew.assemble import Workplace, open_workplace
from crew.catalog.checkout import head_of
from crew.errors import FirstmileError, TransientError
from crew.settings import Settings

_LOG = logging.getLogger(__name__)


@dataclass
class _Open:
    project: str
    commit: str
    place: Workplace
    stack: ExitStack
    busy: bool = True


@dataclass
class Workplaces:
    """At most `limit` open projects. A project that moved on is opened anew."""

    settings: Settings
    limit: int
    _open: list[_Open] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def head(self, project: str) -> str:
        """The project's last commit now."""
        return head_of(self.settings.of_project(project).project)

    @contextmanager
    def at(self, project: str, commit: str) -> Iterator[Workplace]:
        """The project at a commit, for this run alone. Raises the errors of `crew.errors`."""
        opened = self._take(project, commit)
        try:
            yield opened.place
        except FirstmileError as error:
            if isinstance(error, TransientError):
                self._close(opened)  # its dbt worker may be lost
            raise
        finally:
            self._give_back(opened)

    def close(self) -> None:
        with self._changed:
            while self._open:
                self._open.pop().stack.close()

    def _take(self, project: str, commit: str) -> _Open:
        with self._changed:
            while True:
                idle = [o for o in self._open if not o.busy]
                fits = next((o for o in idle if (o.project, o.commit) == (project, commit)), None)
                if fits and commit:
                    fits.busy = True
                    return fits
                if len(self._open) < self.limit:
                    break
                if idle:
                    self._open.remove(idle[0])
                    idle[0].stack.close()
                    break
                self._changed.wait()
            # One opening at a time: it imports and warms up for seconds.
            return self._enter(project, commit)

    def _enter(self, project: str, commit: str) -> _Open:
        stack = ExitStack()
        settings = self.settings.of_project(project)
        place = stack.enter_context(open_workplace(settings, commit))
        opened = _Open(project, commit, place, stack)
        self._open.append(opened)
        _LOG.info("opened %s at %s", project or settings.project, commit[:10] or "no commit")
        return opened

    def _close(self, opened: _Open) -> None:
        with self._changed:
            if opened in self._open:
                self._open.remove(opened)
                opened.stack.close()

    def _give_back(self, opened: _Open) -> None:
        with self._changed:
            opened.busy = False
            self._changed.notify_all()

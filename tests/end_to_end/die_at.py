"""Works a ticket and kills itself at a given point: `die_at.py PROJECT STATE TICKET POINT`.

A point is `started STEP`, `finished STEP`, or `branch written`: the branch is there, its text not.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from crew.artifacts import ChangeSet, Cost
from crew.assemble import open_workplace
from crew.delivery.local_git_host import LocalGitHost
from crew.settings import load_settings
from triggers.ticket_file import read_ticket_file


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class DyingListener:
    point: str

    def step_started(self, name: str) -> None:
        if self.point == f"started {name}":
            die()

    def delivering(self, branch: str) -> None:
        return None

    def step_finished(self, name: str, found: str, seconds: float, cost: Cost) -> None:
        if self.point == f"finished {name}":
            die()


class DyingHost(LocalGitHost):
    """Dies once the branch is written."""

    def _write(self, change: ChangeSet, text: str, commit: str) -> None:
        die()


def main() -> None:
    project, state, ticket, point = sys.argv[1:]
    request = read_ticket_file(ticket, io.BytesIO())
    with open_workplace(load_settings(project=project, state=Path(state))) as place:
        if point == "branch written":
            assert place.checkout.repository is not None
            dying = DyingHost(place.checkout.repository, place.checkout.prefix, place.state)
            place = replace(place, host=dying)
        place.work(request, DyingListener(point))


if __name__ == "__main__":
    main()

"""The postman: brings to the doors what the desk wants told, until it is told.

A notice that could not be delivered stays due. One that was delivered before a crash is delivered
again, which changes nothing: doors look for what they wrote before.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from crew.artifacts import Question
from crew.errors import FirstmileError, InvalidSettings, TransientError
from triggers.desk import Desk, Notice
from triggers.door import Door, Message

_LONGEST_SECONDS = 900.0
_REFUSALS = 12
_LOG = logging.getLogger(__name__)


class PullRequests(Protocol):
    """What is told at a code host, in one repository."""

    def close_pull_request(self, branch: str, reason: str) -> bool: ...

    def answer(self, number: int, remark: str, author: str, text: str) -> None: ...

    def note(self, branch: str, text: str) -> None: ...


@dataclass(frozen=True)
class Postman:
    """Delivers notices at the doors that this process can reach."""

    desk: Desk
    doors: Mapping[str, Door]
    pulls: Mapping[str, PullRequests] = field(default_factory=dict)
    hold_seconds: float = 90.0

    @property
    def reachable(self) -> list[str]:
        return [*self.doors, *(["github"] if self.pulls else [])]

    def deliver(self, door: str) -> bool:
        """Deliver one notice that is due at a door; false if none is, or if it failed. One at a
        time, so that none waits behind another for longer than it is held. Raises TransientError
        where the door asks to wait."""
        notice = self.desk.claim_notice(door, self.hold_seconds)
        if notice is None:
            return False
        try:
            remote = self._deliver(notice)
        except TransientError as error:
            wait = error.retry_after or min(2.0 ** min(notice.tries, 10), _LONGEST_SECONDS)
            self.desk.not_told(notice, error.message, wait)
            if error.retry_after:
                raise  # it concerns the whole door
            _LOG.warning("%s: %s", notice.ticket, error.message)
        except FirstmileError as error:
            self._refused(notice, error)
        except Exception:
            _LOG.exception("%s: %s could not be told", notice.ticket, notice.kind)
            self.desk.not_told(notice, "an error of ours", min(60.0 * 2**notice.tries, 900.0))
        else:
            self.desk.told(notice, remote)
            return True
        return False

    def _refused(self, notice: Notice, error: FirstmileError) -> None:
        _LOG.error("%s: %s %s", notice.ticket, error.message, error.cure)
        # What the operator can mend (a token, a permission) is waited for, however long it takes.
        final = not isinstance(error, InvalidSettings)
        if final and notice.refusals + 1 >= _REFUSALS:
            self.desk.give_up(notice, error.message)
        else:
            wait = min(30.0 * 2 ** min(notice.tries, 5), _LONGEST_SECONDS)
            self.desk.not_told(notice, error.message, wait, refused=final)

    def _deliver(self, notice: Notice) -> str:
        payload = notice.payload
        match payload["type"]:
            case "message":
                message = _message(notice.kind, payload)
                return self.doors[notice.door].write(notice.address, message, notice.remote)
            case "show":
                door = self.doors[notice.door]
                door.show(notice.address, payload["phase"], payload["url"], payload["title"])
            case "close":
                pulls = self._pulls(payload["repository"])
                pulls.close_pull_request(payload["branch"], payload["reason"])
            case "note":
                self._pulls(payload["repository"]).note(payload["branch"], payload["text"])
            case "answer":
                pulls = self._pulls(payload["repository"])
                number, remark = payload["number"], payload["remark"]
                pulls.answer(number, remark, payload["author"], payload["text"])
        return notice.remote

    def _pulls(self, repository: str) -> PullRequests:
        if repository not in self.pulls:
            raise InvalidSettings(
                f"The repository {repository!r} is none of the settings' any more.",
                "Add it to `github` or `projects`.",
            )
        return self.pulls[repository]


def _message(kind: str, payload: dict[str, Any]) -> Message:
    questions = tuple(Question.model_validate(q) for q in payload["questions"])
    return Message(kind, payload["text"], questions)

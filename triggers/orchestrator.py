"""What happens to a ticket between its door and the queue, and back.

Every piece of news comes to one of these methods, as often and in whatever order it likes: each
compares what is with what the desk knows, and changes the desk in one transaction.

    receive    a ticket was read at its door       answer    words came for a waiting ticket
    begin      a worker takes a run                follow    its pull request was read
    finish     a run has its outcome               cancel    somebody stops it
    postpone   a run could not reach a service     sweep     time has passed
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from crew.artifacts import Choice, Comment, Cost, Finding, Question, Request
from crew.delivery.pulls import Pull
from crew.settings import Settings
from triggers import messages
from triggers.desk import AtWork, Change, Desk, Record, Remarked, ticket_id
from triggers.door import Phase, Ticket
from triggers.replies import choices_in

_STATES: dict[str, Phase] = {
    "delivered": "delivered",
    "needs_answers": "waiting",
    "already_exists": "answered",
    "refused": "refused",
    "failed": "failed",
}
_DAY = 86_400.0
_STUCK_SECONDS = 3600.0
_BEGINNINGS = 2
_OVER: frozenset[Phase] = frozenset({"merged", "closed", "cancelled"})


class Superseded(Exception):
    """The run is not the one that counts any more: its ticket changed or was cancelled."""


@dataclass(frozen=True)
class Orchestrator:
    """The rules between doors, desk and queue."""

    desk: Desk
    settings: Settings

    # --- from the doors ----------------------------------------------------------------------

    def receive(self, ticket: Ticket) -> Record | None:
        """A ticket as its door shows it now; None for one that is none of ours."""
        id_ = ticket_id(ticket.request.source, ticket.request.key)
        with self.desk.change() as change:
            record = change.ticket(id_)
            if record is None:
                if not ticket.wanted or ticket.part_of:
                    return None
                record = self._take_up(change, id_, ticket)
            else:
                record = self._compare(change, record, ticket)
            change.note_read(id_, ticket.version)
            return record

    def _take_up(self, change: Change, id_: str, ticket: Ticket) -> Record:
        record = Record(
            id=id_,
            source=ticket.request.source,
            address=ticket.address,
            request=ticket.request,
            since=change.now,
            person=ticket.person,
            priority=ticket.priority,
            project=ticket.project,
        )
        if not change.add(record):  # another process was faster
            known = change.ticket(id_)
            assert known is not None
            return self._compare(change, known, ticket)
        return self._queue(change, record)

    def _compare(self, change: Change, record: Record, ticket: Ticket) -> Record:
        """What to do about a ticket that is known: mostly nothing."""
        if not ticket.wanted or ticket.part_of:
            why = ticket.why_not or f"It is worked as a part of {ticket.part_of}."
            return change.save(self._stop(change, record, why), unwanted=True)
        news = {
            "request": ticket.request,
            "address": ticket.address,
            "person": ticket.person,
            "priority": ticket.priority,
            "project": ticket.project,
        }
        choices = _chosen(record, ticket.request)
        before, record = record, record.model_copy(update={**news, "choices": choices})
        if record.unwanted:  # and now it is wanted again
            change.withdraw(record, "close")
            fresh = {**_FRESH, "reopen": bool(record.branch)}
            return self._queue(change, record.model_copy(update=fresh))
        same = record.wanted.revision == before.revision and record.project == before.project
        if record.state in _OVER or same:
            return change.save(record) if record != before else before
        return self._queue(change, record)

    def answer(
        self, id_: str, author: str, text: str, event: str = "", choice: Choice | None = None
    ) -> Record | None:
        """Words for a ticket whose door keeps none itself (Slack), or the `choice` of a button.
        The same `event` counts once."""
        with self.desk.change() as change:
            record = change.ticket(id_)
            if record is None or record.state in _OVER:
                return record
            if event and not change.first_time(event):
                return record
            asked = Comment(author="Firstmile", body="", ours=True)
            said = Comment(author=author, body=text)
            comments = (*record.request.comments, asked, said)
            request = record.request.model_copy(update={"comments": comments})
            chosen = _merged(record.choices, [choice]) if choice else _chosen(record, request)
            news = {"request": request, "choices": chosen}
            return self._queue(change, record.model_copy(update=news))

    def cancel(self, id_: str, who: str) -> Record | None:
        """Stop the work in any state, close an open draft."""
        with self.desk.change() as change:
            record = change.ticket(id_)
            if record is None:
                return None
            return self._stop(change, record, f"Stopped by {who}.")

    def _queue(self, change: Change, record: Record) -> Record:
        """Queue what is wanted now, unless a rule stands against it: each with its message."""
        if refusal := self._refusal(record):
            record = change.save(
                record, state="refused", reason=refusal, run="", revision=record.wanted.revision
            )
            change.tell(record, messages.cut_short(record, refusal))
            change.show(record)
            return self._answer_remarks(change, record, unchanged=True)
        begins, reason = self._earliest(change, record)
        record = change.enqueue(record, begins - change.now, reason=reason, retries=0)
        ahead = 0 if begins > change.now else change.ahead_of(record)
        change.tell(record, messages.queued(record, ahead, begins, change.now))
        change.show(record)
        return record

    def _refusal(self, record: Record) -> str:
        projects = self.settings.projects
        if record.project and record.project not in projects:
            known = ", ".join(sorted(projects)) or "only the one of the settings, without a name"
            return f"There is no dbt project {record.project!r} here. Known: {known}."
        if projects and not record.project and not self.settings.default_project:
            return f"Name the dbt project this is for, one of: {', '.join(sorted(projects))}."
        if not self.may_ask(record.person):
            return f"{record.person or 'This account'} may not ask here; the setting `allowed` names who may."
        return ""

    def may_ask(self, person: str) -> bool:
        """Whether the setting `allowed` lets an account ask for something."""
        allowed, name = self.settings.allowed, person.lower()
        return not allowed or any(
            name == a.lower() or (a.startswith("@") and name.endswith(a.lower())) for a in allowed
        )

    def _earliest(self, change: Change, record: Record) -> tuple[float, str]:
        """When it may begin by the limits, and why so late."""
        limits, now = self.settings.limits, change.now
        rules = (
            ("person", record.person, limits.per_person_per_day, "requests of one person a day"),
            ("ticket", record.id, limits.runs_per_ticket_per_day, "runs of one ticket a day"),
        )
        begins, reason = now, ""
        for column, value, limit, name in rules:
            earlier = change.runs_since(column, value, now - _DAY) if value else []
            if limit and len(earlier) >= limit:
                free = earlier[len(earlier) - limit] + _DAY
                if free > begins:
                    begins, reason = free, f"Over the limit of {limit} {name}."
        return begins, reason

    def _stop(self, change: Change, record: Record, why: str) -> Record:
        """Cancel it, close its open draft, say so. What ended before stays as it is."""
        if record.state in _OVER:
            return record
        silent = record.state in ("refused", "failed", "answered", "laid_aside")
        record = change.save(record, state="cancelled", reason=why, run="", finding=None)
        self._close(change, record, why)
        if not silent:
            change.tell(record, messages.cut_short(record, why))
        change.show(record)
        return record

    def _close(self, change: Change, record: Record, why: str, run: str = "") -> None:
        """Have its pull request closed; once more for a `run` that delivered meanwhile."""
        if record.branch and self.settings.to == "github":
            payload = {"type": "close", "repository": self._repository(record),
                       "branch": record.branch, "reason": why, "run": run}  # fmt: skip
            change.notify(record, "close", "github", record.branch, payload)

    # --- from the workers --------------------------------------------------------------------

    def begin(self, id_: str, run: str) -> Record:
        """The ticket of a run that is about to be worked. Raises Superseded."""
        with self.desk.change() as change:
            record = self._current(change, id_, run)
            if record.state != "working":
                record = change.save(record, state="working")
                change.show(record)
            return record

    def progress(self, id_: str, run: str, step: str, seconds: float, cost: dict[str, Any]) -> None:
        """A step began. Raises Superseded, so that a cancelled run stops before its next step."""
        every = self.settings.progress_seconds
        with self.desk.change() as change:
            record = self._current(change, id_, run)
            if seconds >= every:
                told = messages.working(record, step, seconds, cost, change.now)
                change.tell(record, told)

    def will_deliver(self, id_: str, run: str, branch: str) -> None:
        """A run is about to write its branch: from now on it can be closed. Raises Superseded."""
        with self.desk.change() as change:
            change.save(self._current(change, id_, run), branch=branch)

    def superseded(self, id_: str, run: str) -> None:
        """A run that does not count any more has stopped. It may have delivered after its ticket
        was cancelled: then that is closed, too."""
        with self.desk.change() as change:
            record = change.ticket(id_)
            if record and record.state == "cancelled":
                self._close(change, record, record.reason, run)

    def finish(self, id_: str, run: str, result: dict[str, Any]) -> Record | None:
        """Store the outcome and tell it; None if the run does not count any more."""
        with self.desk.change() as change:
            change.end_run(run, result["outcome"], Cost.model_validate(result["cost"]))
            try:
                record = self._current(change, id_, run)
            except Superseded:
                known = change.ticket(id_)
                if known and known.state == "cancelled":
                    self._close(change, known, known.reason, run)
                return None
            unchanged = bool(result["commit"]) and result["commit"] == record.commit
            asked_before, finding = record.result.get("questions"), record.finding
            record = change.save(record, **_after(record, result))
            change.tell(record, messages.outcome(record, result, unchanged, finding))
            if record.state == "waiting":
                asked = tuple(Question.model_validate(q) for q in result["questions"])
                again = asked_before == result["questions"]
                kind = messages.question_kind(record, asked)
                record = change.save(record, question_kind=kind, asked=asked)
                change.tell(record, messages.question(asked, kind, again))
            change.show(record)
            red = finding if unchanged and finding and finding.check == messages.CHECKS else None
            record = self._note_on_pull_request(change, record, red)
            return self._answer_remarks(change, record, unchanged)

    def postpone(self, id_: str, run: str, reason: str) -> Record | None:
        """A service did not answer: the run begins again later. None once that was tried enough."""
        with self.desk.change() as change:
            try:
                record = self._current(change, id_, run)
            except Superseded:
                return None
            pauses = self.settings.queue.retry_minutes
            if record.retries >= len(pauses):
                return None
            seconds = pauses[record.retries] * 60
            change.end_run(run, "postponed")
            retries = record.retries + 1
            record = change.enqueue(record, seconds, reason=reason, retries=retries)
            change.tell(record, messages.queued(record, 0, change.now + seconds, change.now))
            change.show(record)
            return record

    def _current(self, change: Change, id_: str, run: str) -> Record:
        record = change.ticket(id_)
        if record is None or record.run != run or not record.at_work:
            raise Superseded(run)
        return record

    def _note_on_pull_request(self, change: Change, record: Record, red: Finding | None) -> Record:
        """Have the pull request say that it is behind its request, or that its checks stay red;
        and that this is over."""
        behind = record.delivered is not None and record.state != "delivered"
        if not (behind or red or record.stale) or self.settings.to != "github":
            return record
        text = messages.note_on_pull_request(record, behind, red)
        payload = {"type": "note", "repository": self._repository(record),
                   "branch": record.branch, "text": text}  # fmt: skip
        change.notify(record, "note", "github", record.branch, payload)
        return change.save(record, stale=behind or red is not None)

    def _answer_remarks(self, change: Change, record: Record, unchanged: bool) -> Record:
        for remark, author in record.open_remarks:
            text = messages.answer_to_remark(record, record.commit, unchanged)
            self._reply(change, record, remark, author, text)
        if record.state == "waiting" or not record.open_remarks:
            return record
        return change.save(record, open_remarks=())

    def _reply(self, change: Change, record: Record, remark: str, author: str, text: str) -> None:
        """Have a remark on the pull request answered."""
        payload = {"type": "answer", "repository": self._repository(record),
                   "number": record.number, "remark": remark, "author": author, "text": text}  # fmt: skip
        change.notify(record, f"answer-{remark}", "github", str(record.number), payload)

    def _repository(self, record: Record) -> str:
        return str((self.settings.of_project(record.project).github or {}).get("repository", ""))

    # --- from the pull requests --------------------------------------------------------------

    def follow(self, pull: Pull) -> Record | None:
        """A pull request as it is now: what was said of it, how its checks fared, how it ended."""
        known = self.desk.ticket_on(pull.branch)
        if known is None:
            return None
        with self.desk.change() as change:
            record = change.ticket(known.id)
            assert record is not None
            change.note_looked_at(record)
            if record.number != pull.number and record.pull_request not in ("", pull.url):
                return None  # an earlier one from the same branch, or another repository's
            if pull.state != "open":
                # One that was closed is opened again by the run that is at work.
                waits = record.at_work and record.reopen and pull.state == "closed"
                return record if waits else self._ended(change, record, pull)
            record = change.save(record, number=pull.number, pull_request=pull.url)
            if record.state == "closed":  # somebody opened it again
                record = change.save(record, state="delivered")
                change.show(record)
            if record.state in _OVER:
                return record
            return self._repair(change, record, pull)

    def _ended(self, change: Change, record: Record, pull: Pull) -> Record:
        if record.state in _OVER:
            return record
        state: Phase = "merged" if pull.state == "merged" else "closed"
        record = change.save(record, state=state, run="", number=pull.number, finding=None)
        words = f"The pull request was {state}. For more, hand the ticket over again: take the "
        words += "label (or the status) off, then put it on."
        change.tell(record, messages.cut_short(record, words))
        change.show(record)
        return self._answer_remarks(change, record, unchanged=True)

    def _repair(self, change: Change, record: Record, pull: Pull) -> Record:
        """Queue what reviewers asked for, and what their checks found, each once."""
        asked: list[Remarked] = []
        open_remarks = list(record.open_remarks)
        for remark in pull.remarks:
            digest = hashlib.sha256(remark.text.encode()).hexdigest()[:8]
            event = f"remark:{pull.url}:{remark.id}:{digest}"
            if not remark.addressed or not change.first_time(event):
                continue
            if not remark.may_write:
                text = "Only people who may write to this repository can ask for changes here."
                self._reply(change, record, remark.id, remark.author, text)
                continue
            where = f" ({remark.path})" if remark.path else ""
            said = Comment(author=f"{remark.author}{where}", body=remark.text)
            asked.append(Remarked(id=remark.id, comment=said))
            open_remarks.append((remark.id, remark.author))
        repairs = record.ci_repairs
        finding = self._ci_finding(change, record, pull)
        moved = pull.conflicts and change.first_time(f"conflict:{pull.number}:{pull.head}")
        if not asked and finding is None and not moved:
            return record
        if asked:
            words = "\n".join(r.comment.body for r in asked)
            finding = Finding(check="review", text=words, blame="requirement")
        edited = {r.id for r in asked}
        news = {
            "remarks": (*(r for r in record.remarks if r.id not in edited), *asked),
            "open_remarks": tuple(open_remarks),
            "finding": finding or record.finding,
            "ci_repairs": repairs + (finding is not None and not asked),
        }
        return self._queue(change, record.model_copy(update=news))

    def _ci_finding(self, change: Change, record: Record, pull: Pull) -> Finding | None:
        """Failed checks of the last commit, once for each commit and a few times at most."""
        if record.state != "delivered" or not pull.failures:
            return None
        new = [f for f in pull.failures if change.first_time(f"ci:{pull.url}:{pull.head}:{f.id}")]
        if not new:
            return None
        if record.ci_repairs >= self.settings.limits.ci_repairs:
            return None
        text = "\n\n".join(f"{f.name}: {f.summary}" for f in pull.failures)
        return Finding(check=messages.CHECKS, text=text, blame="model")

    # --- from the clock ----------------------------------------------------------------------

    def sweep(self, alive: Callable[[Sequence[str]], set[str]]) -> list[Record]:
        """Remind of questions, lay old ones aside, queue again what was lost; gives what changed.

        `alive` tells which of some runs the queue still holds.
        """
        now, settings = self.desk.now(), self.settings.questions
        changed: list[Record] = []
        for record in self.desk.tickets("waiting", before=now - settings.remind_hours * 3600):
            changed += self._nag(record)
        at_work = self.desk.at_work(before=now - 60)
        held = alive([ticket.run for ticket in at_work])
        for ticket in at_work:
            stuck = ticket.state == "working" and now - ticket.since > _STUCK_SECONDS
            if stuck or ticket.run not in held:
                changed += self._begin_again(ticket)
        self.desk.forget_events(now - 30 * _DAY)
        return changed

    def _begin_again(self, lost: AtWork) -> Sequence[Record]:
        """Queue a run anew that the queue lost, or that never ends; a few times at most."""
        with self.desk.change() as change:
            record = change.ticket(lost.id)
            if record is None or record.run != lost.run or record.state != lost.state:
                return ()
            if record.retries < _BEGINNINGS:
                return (change.enqueue(record, retries=record.retries + 1),)
            why = (
                f"It was begun {_BEGINNINGS + 1} times and never ended. The worker's log has more."
            )
            record = change.save(record, state="failed", reason=why, run="")
            change.tell(record, messages.cut_short(record, why))
            change.show(record)
            return (record,)

    def _nag(self, waiting: Record) -> Sequence[Record]:
        settings = self.settings.questions
        with self.desk.change() as change:
            record = change.ticket(waiting.id)
            if record is None or record.state != "waiting" or record.since != waiting.since:
                return ()
            if change.now - record.since >= settings.lay_aside_days * _DAY:
                why = f"No answer came within {settings.lay_aside_days:g} days. Answer, and it goes on."
                record = change.save(record, state="laid_aside", reason=why)
                change.tell(record, messages.cut_short(record, why))
                change.show(record)
                return (record,)
            if record.reminded:
                return ()
            left = settings.lay_aside_days - (change.now - record.since) / _DAY
            change.tell(record, messages.reminder(record, left))
            return (change.save(record, reminded=True),)


def _chosen(record: Record, request: Request) -> tuple[Choice, ...]:
    """The options taken so far, and those that new comments take of what was asked last."""
    known = [(c.author, c.body) for c in record.request.comments]
    new = [c for c in request.comments if not c.ours and (c.author, c.body) not in known]
    waits = record.state in ("waiting", "laid_aside")
    found = [choice for c in new for choice in choices_in(record.asked, c.body, waits)]
    return _merged(record.choices, found)


def _merged(before: Sequence[Choice], later: Sequence[Choice]) -> tuple[Choice, ...]:
    return tuple({c.question: c for c in (*before, *later)}.values())


_FRESH: dict[str, Any] = {
    "remarks": (), "open_remarks": (), "finding": None, "commit": "", "delivered": None,
    "result": {}, "ci_repairs": 0, "unwanted": False, "asked": (), "choices": (),
}  # fmt: skip


def _after(record: Record, result: dict[str, Any]) -> dict[str, Any]:
    """The fields of a ticket once a run has ended."""
    state = _STATES[result["outcome"]]
    after = {"state": state, "reason": result["reason"], "finding": None, "result": result}
    if state == "delivered":
        after |= {
            "delivered": record.wanted,
            "branch": result["branch"] or "",
            "pull_request": result["pull_request"] or "",
            "commit": result["commit"] or "",
            "number": record.number if result["pull_request"] == record.pull_request else 0,
            "reopen": False,
        }
    return after

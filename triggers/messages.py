"""What people read on their tickets, in Markdown. Every text that comes from a ticket, a model or a
code host is made inert first."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from crew.artifacts import Finding, Question
from crew.delivery.safe_markdown import code, link, shown
from triggers.desk import Record
from triggers.door import Message

STATUS = "status"
CHECKS = "checks of the pull request"
_LONG = 600
_EDIT = "Edit the ticket"
_AGAIN = {"slack": "Mention me in this thread with other words", "notion": "Edit the page"}


def queued(record: Record, ahead: int, begins: float, now: float) -> Message:
    """The acknowledgement: where the request stands in the queue."""
    if begins > now:
        wait = f"It begins at {_clock(begins)}."
    else:
        wait = f"{ahead} before it." if ahead else "It begins at once."
    return _status(f"**Queued** · {_request(record)} · {_clock(now)}", record.reason, wait)


def working(record: Record, step: str, seconds: float, cost: dict[str, Any], now: float) -> Message:
    """Progress: the step that just began, and that somebody is alive."""
    said = f"Now: {shown(step, 60)}, after {seconds:.0f} s{_cost(cost)}. Last seen {_clock(now)}."
    return _status(f"**Working** · {_request(record)}", said)


def cut_short(record: Record, why: str) -> Message:
    """A request that is not worked, in any state; always with the reason."""
    name = {"cancelled": "Cancelled", "refused": "Not taken up", "failed": "Failed",
            "laid_aside": "Laid aside", "closed": "Closed", "merged": "Merged"}  # fmt: skip
    return _status(f"**{name.get(record.state, record.state)}** · {_request(record)}", why)


def outcome(
    record: Record, result: dict[str, Any], unchanged: bool, finding: Finding | None = None
) -> Message:
    """The end of a run, whatever it is; `finding` is what it was to mend."""
    spent = (
        f"_{result['seconds']:.0f} s{_cost(result['cost'])} · run {code(result['run'] or '', 80)}_"
    )
    said = shown(result["reason"], _LONG)
    match result["outcome"]:
        case "delivered":
            head, parts = _delivered(result, unchanged, finding)
        case "needs_answers":
            count = len(result["questions"])
            head = f"**Waiting for {'an answer' if count == 1 else f'{count} answers'}**"
            parts = ["The question stands in a comment of its own. Answer below it, in any words."]
        case "already_exists":
            models = ", ".join(code(m, 80) for m in result["models"])
            head, parts = f"**There already** · {models}", [said]
        case "refused":
            head, parts = (
                "**Not taken up**",
                [said, f"{_AGAIN.get(record.source, _EDIT)}, and it is looked at again."],
            )
        case _:
            head, parts = (
                "**Failed**",
                [said, f"{_AGAIN.get(record.source, _EDIT)} for another try."],
            )
    if record.delivered is not None and record.state != "delivered" and record.pull_request:
        where = _place(record.pull_request)
        parts.append(f"The {where} is of the request as it was before, without this change.")
    return _status(f"{head} · {_request(record)}", *parts, spent)


def _delivered(
    result: dict[str, Any], unchanged: bool, finding: Finding | None
) -> tuple[str, list[str]]:
    where = _place(str(result["pull_request"] or ""))
    made = "**No change was needed**" if unchanged else "**Ready for review**"
    parts = [f"{where} · " + ", ".join(code(m, 80) for m in result["models"])]
    if unchanged and finding and finding.check == CHECKS:
        made = "**Checks fail, and I found no repair**"
        parts.append(shown(finding.text, _LONG))
    elif unchanged:
        parts.append("What was said since does not change what was built.")
    counted = [c["status"] for c in result["checks"]]
    tallies = [f"{counted.count(s)} {s}" for s in ("passed", "warned", "skipped") if s in counted]
    parts.append("Checks: " + ", ".join(tallies) + "." if tallies else "")
    unread = [f"- {shown(n, 300)}" for n in result["notes"] if n.startswith("Not ")]
    if unread:
        parts.append("Not taken up:\n\n" + "\n".join(unread[:8]))
    taken = [f"- {shown(a, 300)}" for a in result["assumptions"][:5]]
    if taken:
        parts.append("Taken for granted:\n\n" + "\n".join(taken))
    return made, parts


def question(questions: Sequence[Question], kind: str = "", again: bool = False) -> Message:
    """What must be decided, with what each answer would give; `again` after words that did not
    settle it."""
    parts = ["What was said did not settle it for me."] if again else []
    parts += [
        "**Please decide**, in a reply below:" if len(questions) > 1 else "**Please decide:**"
    ]
    for number, asked in enumerate(questions, start=1):
        mark = f"{number}. " if len(questions) > 1 else ""
        lines = [f"{mark}{shown(asked.text, 1000)}"]
        for option in asked.options:
            effect = f" → {shown(option.effect, 200)}" if option.effect else ""
            default = " _(suggested)_" if option.label == asked.default else ""
            lines.append(
                f"- **{shown(option.label, 80)}**: {shown(option.meaning, 300)}{effect}{default}"
            )
        parts.append(lines[0] + ("\n\n" + "\n".join(lines[1:]) if lines[1:] else ""))
    return Message(kind, "\n\n".join(parts), tuple(questions))


def question_kind(record: Record, questions: Sequence[Question]) -> str:
    """One comment for the same questions after the same words: asked again after others, it is a
    comment of its own, so that somebody is told."""
    said = sum(not c.ours for c in record.wanted.comments)
    return f"question-{_digest(questions)}-{said}"


def reminder(record: Record, days: float) -> Message:
    text = (
        "**Still waiting for an answer** to the question above. "
        f"Without one this request is laid aside in {days:.0f} day{'s' if days >= 1.5 else ''}."
    )
    return Message(record.question_kind.replace("question", "reminder"), text)


def answer_to_remark(record: Record, commit: str, unchanged: bool) -> str:
    """What a reviewer reads below the remark that asked for a change."""
    unread = [shown(n, 300) for n in record.result.get("notes", ()) if n.startswith("Not read")]
    left = f" {' '.join(unread[:5])}" if unread else ""
    if record.state == "delivered" and not unchanged:
        return f"Done in {commit[:10]}: the request was worked again with this remark.{left}"
    reason = shown(record.reason, _LONG)
    if record.state == "delivered":
        return (
            "No change was made: worked again with this remark, the request gives the same files. "
            "If that is not what you mean, say it in other words, or name the column, the filter or "
            f"the model that should be different.{left}"
        )
    if record.state == "waiting":
        return f"I have a question first; it stands on the ticket {_request(record)}."
    return f"Nothing was changed. {reason}"


def note_on_pull_request(record: Record, behind: bool, red: Finding | None) -> str:
    """What reviewers read on the pull request itself, in a comment that is edited."""
    if behind:
        why = {"waiting": "a question about it is open", "answered": shown(record.reason, _LONG)}
        told = why.get(record.state, shown(record.reason, _LONG))
        return (
            "**Behind its request.** The request changed after this was made, and the change is not "
            f"in here: {told} See the ticket {_request(record)} before you merge."
        )
    if red:
        return f"**Checks fail, and I found no repair.** Over to you.\n\n{shown(red.text, _LONG)}"
    return "This pull request is up to date with its request."


def _status(*parts: str) -> Message:
    return Message(STATUS, "\n\n".join(p for p in parts if p))


def _place(address: str) -> str:
    return link("pull request", address) if address.startswith("http") else code(address, 300)


def _request(record: Record) -> str:
    return code(record.request.key, 60)


def _cost(cost: dict[str, Any]) -> str:
    if not cost.get("llm_calls"):
        return ", no language model"
    tokens = cost["prompt_tokens"] + cost["completion_tokens"]
    unknown = f" (price of {cost['unpriced_calls']} calls unknown)" * bool(cost["unpriced_calls"])
    return f", {cost['llm_calls']} calls, {tokens:,} tokens, ${cost['usd']:.3f}{unknown}"


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%d %b %H:%M UTC")


def _digest(questions: Sequence[Question]) -> str:
    content = "\0".join(q.model_dump_json() for q in questions)
    return hashlib.sha256(content.encode()).hexdigest()[:8]

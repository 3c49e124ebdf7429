"""Answers given on the command line, read against the questions as they were shown there.

Options are told by letters, and the next run may list them in another order: so each answer is
read against the questions of the run that showed them.
"""

from __future__ import annotations

from collections.abc import Sequence

from crew.artifacts import Choice, NeedsAnswers, Question, Request
from crew.drafting.questions import is_option
from crew.records.run_store import RunStore
from triggers.replies import choices_in


def choices_of(
    store: RunStore, request: Request, answers: Sequence[str]
) -> tuple[Choice, ...] | None:
    """The options that the answers to a request take, in the order both came; None where the runs
    that asked are not at hand. `request` is the one without the answers."""
    shown = _shown(store, request, answers)
    found: dict[str, Choice] = {}
    given = 0
    while given < len(answers):
        if given not in shown:
            return None
        later = [n for n in shown if given < n < len(answers)]
        until = min(later, default=len(answers))
        for choice in _read(shown[given], answers[given:until]):
            found[choice.question] = choice
        given = until
    return tuple(found.values())


def _shown(
    store: RunStore, request: Request, answers: Sequence[str]
) -> dict[int, tuple[Question, ...]]:
    """After how many of these answers which questions were shown; the latest run of each counts."""
    found: dict[int, tuple[Question, ...]] = {}
    said = [c.body for c in request.comments if not c.ours]
    for name, earlier in store.requests():
        same = (earlier.source, earlier.key, earlier.title, earlier.body) == (
            request.source, request.key, request.title, request.body,
        )  # fmt: skip
        before = [c.body for c in earlier.comments if not c.ours]
        count = len(before) - len(said)
        if not same or count < 0 or before != [*said, *answers[:count]]:
            continue
        outcome = store.outcome(name)
        if isinstance(outcome, NeedsAnswers):
            found[count] = outcome.questions
    return found


def _read(questions: Sequence[Question], answers: Sequence[str]) -> list[Choice]:
    """Bare letters answer the questions in their order; anything else says which one it means."""
    if len(questions) > 1 and len(answers) <= len(questions) and all(map(is_option, answers)):
        pairs = zip(questions, answers, strict=False)
        return [c for question, answer in pairs for c in choices_in([question], answer, True)]
    return [c for answer in answers for c in choices_in(questions, answer, True)]

"""A finished run as one JSON object: what `--json` prints and what is kept with the run."""

from __future__ import annotations

from typing import Any

from crew.artifacts import (
    AlreadyExists,
    Cost,
    Delivered,
    Failed,
    NeedsAnswers,
    Outcome,
    Refused,
    Request,
)
from crew.records.run_store import dumped

EXIT_CODES = {"delivered": 0, "failed": 1, "needs_answers": 3, "already_exists": 4, "refused": 5}


def result_of(
    run: str, request: Request, outcome: Outcome, cost: Cost, seconds: float
) -> dict[str, Any]:
    """The keys are the same for every outcome; what does not apply is null or empty."""
    spec, report = outcome.spec, outcome.report
    asked = {"source": request.source, "key": request.key, "title": request.title}
    result = empty_result() | {
        "outcome": outcome.outcome,
        "run": run,
        "request": asked,
        "questions": [dumped(q) for q in spec.questions] if spec else [],
        "assumptions": [a.text for a in spec.assumptions] if spec else [],
        "notes": list(spec.notes) if spec else [],
        "checks": [
            {"name": c.name, "status": c.status, "finding": c.finding}
            for c in (report.checks if report else ())
        ],
        "cost": dumped(cost),
        "seconds": round(seconds, 3),
    }
    match outcome:
        case Delivered():
            result |= _delivered(outcome)
        case NeedsAnswers():
            result["questions"] = [dumped(q) for q in outcome.questions]
        case AlreadyExists():
            result |= {"models": [outcome.model], "reason": outcome.explanation}
        case Refused() | Failed():
            result["reason"] = outcome.reason
    return result


def empty_result() -> dict[str, Any]:
    """All keys, as they are for a run that could not even begin."""
    return {
        "outcome": "failed",
        "run": None,
        "request": None,
        "branch": None,
        "base": None,
        "commit": None,
        "pull_request": None,
        "files": [],
        "models": [],
        "questions": [],
        "assumptions": [],
        "notes": [],
        "checks": [],
        "reason": "",
        "cost": dumped(Cost()),
        "calls": [],
        "seconds": 0.0,
    }


def _delivered(outcome: Delivered) -> dict[str, Any]:
    change, sent = outcome.change_set, outcome.pull_request
    spec = outcome.spec
    return {
        "branch": change.branch,
        "base": change.base,
        "commit": sent.commit if sent else None,
        "pull_request": sent.location if sent else None,
        "files": [{"path": f.path, "action": f.action} for f in change.files],
        "models": [spec.model] if spec and spec.model else [],
    }

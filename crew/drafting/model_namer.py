"""Names a new model after what it shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from crew.artifacts import Dimension, Evidence, LookBack, Metric, TimeAxis

_OWN = re.compile(
    r"\b(?:new|own|separate|dedicated|standalone|additional|another)\s+(?:\w+\s+)?"
    r"(?:models?|tables?|marts?|views?|data ?sets?)\b"
    r"|\b(?:models?|tables?|marts?|views?)\s+of\s+(?:its|their|our|my)\s+own\b"
    r"|\b(?:call|called|name|named)\s+(?:it\s+)?[`\"']?[a-z][a-z0-9]*_\w+",
    re.I,
)


def asks_for_its_own(texts: Iterable[str]) -> bool:
    """Whether a model of its own is asked for: a new or separate one, or one of a name given."""
    return any(_OWN.search(text) for text in texts)


def model_name(
    evidence: Evidence,
    metrics: Sequence[Metric],
    dimensions: Sequence[Dimension],
    time: TimeAxis | None,
    back: LookBack | None,
) -> str:
    """A free name by the project's own pattern: `fct_weekly_orders_by_channel`."""
    adjective = {
        "hour": "hourly",
        "day": "daily",
        "week": "weekly",
        "month": "monthly",
        "quarter": "quarterly",
        "year": "yearly",
    }
    name = (
        "_and_".join(m.name for m in metrics[:2])
        if len(metrics) < 3
        else f"{metrics[0].name}_and_more"
    )
    parts = [adjective[time.grain]] if time and not name.startswith(adjective[time.grain]) else []
    parts.append(name)
    if dimensions:
        parts.append("by_" + "_and_".join(d.name.removesuffix("_name") for d in dimensions[:3]))
    if back and not time:
        parts.append(
            f"{back.calendar}_{back.unit}" if back.calendar else f"last_{back.count}_{back.unit}s"
        )
    base = evidence.conventions.mart_pattern.replace("{name}", "_".join(parts))[:60].strip("_")
    name, n = base, 2
    while name in evidence.model_names:
        name, n = f"{base}_{n}", n + 1
    return name

"""Do the model's figures equal those of the sources? Computed twice, in two ways, and compared.

The sources' side comes from `SourceTotals`: no joins, a scalar subquery for each foreign value.
Additive figures are compared per period, then per cell (period and dimension values), others per
cell alone. A dimension value that the sources do not know counts as none, so that
`coalesce(region, 'unknown')` is no difference.
"""

from __future__ import annotations

from collections.abc import Callable

from crew.artifacts import (
    Check,
)
from crew.drafting.join_planner import AmbiguousJoin, NoJoin
from crew.verification.check_context import CheckContext, skipped
from crew.verification.reconcile_change import changed
from crew.verification.reconcile_history import history
from crew.verification.reconcile_new_model import new_model
from crew.verification.reconcile_staging import staged
from crew.verification.reconciliation_card import Card


def reconciliation(context: CheckContext) -> Check:
    """Figures of the built model beside those of its sources, and why rows were left out."""
    kinds: dict[str, Callable[[Card], None]] = {
        "new_model": new_model, "stage_source": staged, "change_model": changed,
    }  # fmt: skip
    kind, model = context.spec.kind, context.main_model
    if kind not in kinds:
        return skipped("reconciliation", f"nothing is counted for {kind.replace('_', ' ')}")
    relation = context.relation_names.get(model.name) if model else None
    if not relation:
        return skipped("reconciliation", "no model was built")
    card = Card(context, relation)
    try:
        (history if context.spec.history else kinds[kind])(card)
    except (NoJoin, AmbiguousJoin) as error:
        card.warned.append(f"The sources cannot be asked in a second way: {error}.")
    return card.check()

"""Do the model's figures equal those of the sources? Computed twice, in two ways, and compared.

The sources' side comes from `SourceTotals`: no joins, a scalar subquery for each foreign value.
Additive figures are compared per period first, then per cell (period and dimension values);
figures that do not add up per cell alone. A dimension value that the sources do not know counts
as none, so that `coalesce(region, 'unknown')` is no difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from sqlglot import exp

from crew.artifacts import Check, Dimension, Grounding, Measure, Metric, Table
from crew.drafting.join_planner import AmbiguousJoin, JoinPlanner, NoJoin
from crew.drafting.scope import qualified
from crew.drafting.sql_compiler import formula_tree
from crew.verification.check_context import CheckContext, cell, skipped
from crew.verification.source_totals import COUNTED, FILTERED, LOST, UNDATED, UNKNOWN, Cut, SourceTotals

"""Proof of an edit: each model before and after it, on today's data.

What an edit does not ask for must not differ: rows and values of the models it touches and of all
models further on are compared, column by column under their names now. What it does ask for is
counted and said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crew.artifacts import (
    AddColumn,
    AddFilter,
    AddToGrain,
    ChangeGrain,
    Check,
    DropColumn,
    DropModel,
    Edit,
    FillEmpty,
    FollowSource,
    MakeIncremental,
    MakeUnique,
    Merge,
    MoveRows,
    RenameColumn,
    RenameModel,
    Retype,
    Split,
    Table,
)
from crew.drafting.dialects import differ
from crew.errors import InvalidInput
from crew.verification.check_context import CheckContext, cell, read_manifest, skipped
from crew.verification.model_diff import apart

MAX_MODELS = 60
"""Models that are compared; those further away are only named."""
_FLOATS = ("double", "float", "real")
_NUMBERS = ("tinyint", "smallint", "integer", "bigint", "hugeint", "decimal", "numeric", *_FLOATS)
_LOOKED_AT = (MakeUnique, ChangeGrain, AddToGrain)
_ROWS_CHANGE = (AddFilter, MoveRows, MakeUnique, ChangeGrain, AddToGrain)


def edited(context: CheckContext) -> tuple[str, ...]:
    """Names of models that an edit touches and of all further on, near ones first."""
    names = [m.name for m in context.draft.models]
    return and_below(read_manifest(context), context.info.name, names)


def and_below(manifest: Mapping[str, Any], project: str, names: Sequence[str]) -> tuple[str, ...]:
    """Models by name and all that read them, near ones first; at most `MAX_MODELS`."""
    own = f"model.{project}."
    frontier = [f"{own}{name}" for name in names]
    found: dict[str, None] = {}
    while frontier:
        found |= dict.fromkeys(u for u in frontier if u in manifest["nodes"])
        frontier = [
            c for u in frontier for c in manifest["child_map"].get(u, ())
            if c.startswith("model.") and c not in found
        ]  # fmt: skip
    return tuple(u.rsplit(".", 1)[-1] for u in list(found)[:MAX_MODELS] if u.startswith(own))


def name_before(edits: Sequence[Edit], model: str) -> str:
    """What a model was called before the edits."""
    return next((e.model for e in edits if isinstance(e, RenameModel) and e.to == model), model)


@dataclass
class _Compared:
    """One model, before and after."""

    model: str
    rows_before: int = 0
    rows_after: int = 0
    columns: list[str] = field(default_factory=list)
    differs: list[str] = field(default_factory=list)
    expected: bool = False


def edit_is_proven(context: CheckContext) -> Check:
    """What the edit leaves alone is the same; what it changes is just what was asked for."""
    proof = _Proof(context)
    findings = proof.findings()
    rows = tuple(
        (
            c.model, cell(c.rows_before), cell(c.rows_after), ", ".join(c.columns) or "",
            "; ".join(c.differs) or "identical",
        )
        for c in proof.compared
    )  # fmt: skip
    table = Table(columns=("model", "rows before", "rows after", "columns", "values"), rows=rows)
    if findings:
        return Check(
            name="edit", status="failed", finding="\n".join(findings), table=table, blame="model"
        )
    if not proof.compared and not proof.told:
        return skipped("edit", "no model holds other rows or columns")
    expected = [c for c in proof.compared if c.differs and c.expected]
    told = [*proof.told, *(f"{c.model}: {'; '.join(c.differs)}" for c in expected)]
    same = len([c for c in proof.compared if not c.differs])
    told.append(f"{same} models hold the same rows and values as before" if same else "")
    status = "warned" if expected else "passed"
    finding = "\n".join(t for t in told if t)
    return Check(name="edit", status=status, finding=finding, table=table if rows else None)


class _Proof:
    def __init__(self, context: CheckContext) -> None:
        self.context, self.edits = context, context.spec.edits
        self.compared: list[_Compared] = []
        self.told: list[str] = []
        self.renamed = {e.column.lower(): e.to for e in self.edits if isinstance(e, RenameColumn)}
        self.dropped = {e.column.lower() for e in self.edits if isinstance(e, DropColumn)}
        self.added = {
            old.lower() for e in self.edits if isinstance(e, FollowSource) for old, _ in e.columns
        } | {e.column.lower() for e in self.edits if isinstance(e, AddColumn | AddToGrain)}
        self.changes_rows = any(isinstance(e, _ROWS_CHANGE) for e in self.edits)
        self.made = {m.name for m in context.draft.models if m.action == "create"}

    def findings(self) -> list[str]:
        found: list[str] = []
        for model in edited(self.context):
            before = self.context.base.compiled.get(
                f"model.{self.context.info.name}.{name_before(self.edits, model)}"
            )
            if model in self.made or not before or model not in self.context.relation_names:
                continue
            found += self._model(model, f"({before.rstrip().rstrip(';')}\n)")
        for edit in self.edits:
            found += self._own(edit)
        return found

    # --- one model ---------------------------------------------------------------------------

    def _model(self, model: str, old: str) -> list[str]:
        new = self.context.relation_names[model]
        try:
            before = _types(self.context, old)
        except InvalidInput as error:
            self.told.append(
                f"{model} could not be read before the change: {error.message.splitlines()[0]}"
            )
            return []
        after = _types(self.context, new)
        compared = _Compared(model)
        self.compared.append(compared)
        names, findings = self._names(model, before, after, compared)
        where = self._where(model)
        old = f"(select * from {old} as o where {where})" if where else old
        old = self._filled(model, old, before)
        compared.rows_before, compared.rows_after = self._count(old), self._count(new)
        if model in {e.model for e in self.edits if isinstance(e, _LOOKED_AT)}:
            return findings  # those are looked at by themselves
        compared.differs = self._differences(model, old, new, names, before, after)
        fills = {e.model for e in self.edits if isinstance(e, FillEmpty)}
        changed = (self.changes_rows and not where) or bool(fills and model not in fills)
        compared.expected = changed
        if compared.differs and not changed:
            findings.append(f"{model}: {'; '.join(compared.differs)}")
        return findings

    def _names(
        self, model: str, before: dict[str, str], after: dict[str, str], compared: _Compared
    ) -> tuple[dict[str, str], list[str]]:
        """Old name → new name of the columns that stay, and what is not as asked for."""
        names, findings = {}, []
        lowered = {c.lower(): c for c in after}
        grains = {e.column.lower() for e in self.edits if isinstance(e, ChangeGrain)}
        for column in before:
            to = self.renamed.get(column.lower(), "")
            if column.lower() in lowered:
                names[column] = lowered[column.lower()]
            elif to.lower() in lowered:
                names[column] = lowered[to.lower()]
                compared.columns.append(f"{column} is {to}")
            elif column.lower() in self.dropped or self._goes_with(model, column):
                compared.columns.append(f"{column} is gone")
            elif column.lower() not in grains:
                findings.append(f"{model} has lost the column {column}.")
        new = set(lowered.values()) - set(names.values())
        come = sorted(c for c in new if c.lower() in self.added)
        compared.columns += [f"{c} is new" for c in come]
        new -= set(come)
        if new and not grains:
            findings.append(f"{model} has gained {', '.join(sorted(new))}, which nobody asked for.")
        return names, findings

    def _goes_with(self, model: str, column: str) -> bool:
        """Whether the notes of the edit say that the column goes with a dropped one."""
        return f"`{model}.{column}` is made of it and goes too" in self.context.draft.rationale

    def _where(self, model: str) -> str:
        """The condition that old rows of a filtered model must meet."""
        conditions = [
            f"({e.condition})" for e in self.edits
            if isinstance(e, AddFilter) and e.model == model and not e.relation
        ]  # fmt: skip
        conditions += [
            f"({e.rest})" for e in self.edits if isinstance(e, MoveRows) and e.model == model
        ]
        return re.sub(
            r"\{\{\s*ref\('(\w+)'\)\s*\}\}",
            lambda m: self.context.relation(m[1]) or m[1],
            " and ".join(conditions),
        )

    def _filled(self, model: str, old: str, before: dict[str, str]) -> str:
        """The old rows with the values that empty ones are to get."""
        fills = {
            e.column.lower(): e for e in self.edits if isinstance(e, FillEmpty) and e.model == model
        }
        if not fills:
            return old
        columns = []
        for column in before:
            name = self.context.quote(column)
            if edit := fills.get(column.lower()):
                value = f"nullif({name}, '')" if edit.blanks else name
                name = f"coalesce({value}, {edit.value}) as {name}"
            columns.append(name)
        return f"(select {', '.join(columns)} from {old} as f)"

    def _differences(
        self,
        model: str,
        old: str,
        new: str,
        names: dict[str, str],
        before: dict[str, str],
        after: dict[str, str],
    ) -> list[str]:
        """How many rows differ, matched as whole rows; types that nobody asked for."""
        retyped = {
            c.lower() for c in names if before[c] != after[names[c]]
        }  # fmt: skip
        asked = any(isinstance(e, Retype) for e in self.edits)
        told = [
            f"{c} is {after[names[c]]} instead of {before[c]}" for c in names
            if c.lower() in retyped and not asked
        ]  # fmt: skip
        days = {
            e.column.lower() for e in self.edits if isinstance(e, Retype) and e.data_type == "date"
        }
        left = [self._value(c, before[c], is_day=c.lower() in days) for c in names]
        right = [
            self._value(n, before[c], cast=c.lower() in retyped, is_day=c.lower() in days)
            for c, n in names.items()
        ]
        if not left:
            return told
        counts = self.context.worker.query(apart((left, old), (right, new))).rows[0]
        if counts[0]:
            told.append(f"{counts[0]:,} rows are no longer there as they were")
        if counts[1]:
            told.append(f"{counts[1]:,} rows are new or differ")
        return told

    def _value(self, column: str, type_: str, cast: bool = False, is_day: bool = False) -> str:
        name = self.context.quote(column)
        if is_day:  # of a moment that is to be a day, the time is to go
            return f"cast({name} as date)"
        value = f"cast({name} as {type_})" if cast and type_ else name
        if type_.lower().startswith(_FLOATS):  # sums of floats depend on their order
            return f"round(cast({value} as double), 6)"
        return value

    def _count(self, relation: str) -> int:
        return int(self.context.worker.query(f"select count(*) from {relation} as r").rows[0][0])

    # --- what each kind promises -------------------------------------------------------------

    def _own(self, edit: Edit) -> list[str]:
        if isinstance(edit, MakeUnique):
            return self._unique(edit)
        if isinstance(edit, ChangeGrain | AddToGrain):
            return self._grain(edit)
        if isinstance(edit, AddColumn):
            return self._added(edit)
        if isinstance(edit, Split):
            return self._split(edit)
        if isinstance(edit, MoveRows):
            return self._moved(edit)
        if isinstance(edit, Merge):
            return self._merge(edit)
        if isinstance(edit, MakeIncremental):
            return self._incremental(edit)
        if isinstance(edit, DropModel):
            self.told.append(f"{edit.model} is gone, and nothing reads it.")
        if isinstance(edit, RenameColumn):
            return self._is_named(edit)
        if isinstance(edit, FollowSource):
            return self._gives_the_same(edit)
        return []

    def _relations(self, model: str) -> tuple[str, str] | None:
        """(rows before, rows after) of a model."""
        old = self.context.base.compiled.get(f"model.{self.context.info.name}.{model}")
        new = self.context.relation_names.get(model)
        return (f"({old.rstrip().rstrip(';')}\n)", new) if old and new else None

    def _is_named(self, edit: RenameColumn) -> list[str]:
        to = {e.model: e.to for e in self.edits if isinstance(e, RenameModel)}
        new = self.context.relation_names.get(to.get(edit.model, edit.model))
        if new and edit.to.lower() not in {c.lower() for c in self.context.columns(new)}:
            return [f"{edit.model} has no column {edit.to}."]
        return []

    def _gives_the_same(self, edit: FollowSource) -> list[str]:
        """The model is there again, with the columns it had."""
        new = self.context.relation_names.get(edit.model)
        if not new:
            return [f"{edit.model} was not built."]
        card = self.context.evidence.relation(edit.model)
        have = {c.lower() for c in self.context.columns(new)}
        lost = [c.name for c in card.columns if c.name.lower() not in have] if card else []
        self.told.append(f"{edit.model} is built again: {self._count(new):,} rows.")
        return [f"{edit.model} has lost {', '.join(lost)}."] if lost else []

    def _unique(self, edit: MakeUnique) -> list[str]:
        both = self._relations(edit.model)
        if both is None:
            return [f"{edit.model} was not built."]
        keys = ", ".join(self.context.quote(k) for k in edit.key)
        doubled = self._count(f"(select {keys} from {both[1]} group by {keys} having count(*) > 1)")
        lost = self._count(
            f"(select {keys} from {both[0]} as o except select {keys} from {both[1]})"
        )
        new = self._count(f"(select * from {both[1]} except select * from {both[0]} as o)")
        gone = self._count(both[0]) - self._count(both[1])
        self.told.append(f"{edit.model}: {gone:,} repeated rows go, each key stays once.")
        found = [f"{doubled} keys of {edit.model} still repeat."] if doubled else []
        found += [f"{lost} keys of {edit.model} are lost."] if lost else []
        return found + ([f"{new} rows of {edit.model} were not there before."] if new else [])

    def _grain(self, edit: ChangeGrain | AddToGrain) -> list[str]:
        both = self._relations(edit.model)
        if both is None:
            return [f"{edit.model} was not built."]
        card = self.context.evidence.relation(edit.model)
        additive = {c.name.lower() for c in card.columns if c.is_additive} if card else set()
        types = _types(self.context, both[0])
        figures = [
            c for c, t in types.items()
            if t.lower().startswith(_NUMBERS) and c.lower() in additive
            and not c.lower().endswith(("_id", "_key"))
        ]  # fmt: skip
        found = []
        for column in figures:
            name = self.context.quote(column)
            old, new = (
                self.context.worker.query(f"select sum({name}) from {r} as r").rows[0][0]
                for r in both
            )
            if abs(float(old or 0) - float(new or 0)) > 1e-6 * (1 + abs(float(old or 0))):
                found.append(f"{edit.model}: {column} adds up to {new} instead of {old}.")
        rows = (self._count(both[0]), self._count(both[1]))
        self.told.append(
            f"{edit.model}: {rows[0]:,} rows become {rows[1]:,}, one per {_grain_of(edit)}; totals of "
            f"{', '.join(figures) or 'no figure'} stay."
        )
        return found

    def _added(self, edit: AddColumn) -> list[str]:
        """Each row has the value that it gets when it is looked up or added up by itself."""
        to = {e.model: e.to for e in self.edits if isinstance(e, RenameModel)}
        new = self.context.relation_names.get(to.get(edit.model, edit.model))
        if new is None:
            return [f"{edit.model} was not built."]
        column = f"r.{self.context.quote(edit.column)}"
        empty = self._count(f"(select 1 from {new} as r where {column} is null)")
        self.told.append(
            f"{edit.model}.{edit.column}: {empty:,} of {self._count(new):,} rows are empty."
        )
        if edit.like:
            like = f"r.{self.context.quote(edit.like)}"
            odd = f"({like} is null) <> ({column} is null)"
            wrong = self._count(f"(select 1 from {new} as r where {odd})")
            return [f"{wrong} rows have one of {edit.like}, {edit.column} only."] if wrong else []
        wanted = edit.expression
        if edit.relation:
            wanted = self._by_itself(edit)
        if self.context.info.dialect == "duckdb" and _is_float(self.context, new, edit.column):
            column, wanted = (f"round(cast({x} as double), 6)" for x in (column, wanted))
        sql = f"(select 1 from {new} as r where"
        sql += f" {differ(column, wanted, self.context.info.dialect)})"
        wrong = self._count(sql)
        return [f"{wrong:,} rows of {edit.model} have another {edit.column}."] if wrong else []

    def _by_itself(self, edit: AddColumn) -> str:
        """The value of one row `r`, as a query of its own."""
        quote = self.context.quote
        conditions = [f"o.{quote(theirs)} = r.{quote(own)}" for own, theirs in edit.keys]
        if edit.valid:
            moment, start, end = (quote(v) for v in edit.valid)
            conditions += [
                f"o.{start} <= r.{moment}",
                f"coalesce(o.{end} > r.{moment}, o.{end} is null)",
            ]
        if edit.where:
            conditions.append(f"({edit.where})")
        relation = self.context.relation(edit.relation) or edit.relation
        value = f"(select {edit.expression} from {relation} as o where {' and '.join(conditions)})"
        return f"coalesce({value}, {edit.empty})" if edit.empty else value

    def _moved(self, edit: MoveRows) -> list[str]:
        """The new model has just the old rows that were to be moved."""
        new = self.context.relation_names.get(edit.to, "")
        before = self.context.base.compiled.get(f"model.{self.context.info.name}.{edit.model}")
        if not new or not before:
            return [f"{edit.to} was not built."]
        old = f"(select * from ({before.rstrip().rstrip(';')}\n) as o where {edit.condition})"
        gone = self._count(f"(select * from {old} as a except all select * from {new})")
        more = self._count(f"(select * from {new} except all select * from {old} as b)")
        self.told.append(f"{self._count(new):,} rows of {edit.model} are in {edit.to}.")
        found = [f"{gone} rows that were to be moved are not in {edit.to}."] if gone else []
        return [*found, *([f"{more} rows of {edit.to} were not to be moved."] if more else [])]

    def _split(self, edit: Split) -> list[str]:
        parts = [self.context.relation_names.get(p, "") for p in edit.parts]
        old = self.context.relation(edit.model)
        if not all(parts) or not old:
            return [f"Not all parts of {edit.model} were built."]
        if not edit.conditions:
            counts = [self._count(p) for p in parts]
            whole = self._count(old)
            self.told.append(f"Each part has the {whole:,} rows of {edit.model}.")
            return [f"A part has {n} rows instead of {whole}." for n in counts if n != whole]
        union = " union all ".join(f"select * from {p}" for p in parts)
        apart = self._count(f"(select * from {old} except all ({union}))")
        more = self._count(f"(({union}) except all select * from {old})")
        self.told.append(f"The parts together are the {self._count(old):,} rows of {edit.model}.")
        found = [f"{apart} rows of {edit.model} are in no part."] if apart else []
        return found + ([f"{more} rows of the parts are not in {edit.model}."] if more else [])

    def _merge(self, edit: Merge) -> list[str]:
        new = self.context.relation_names.get(edit.to, "")
        olds = [self.context.relation(m) or "" for m in edit.models]
        if not new or not all(olds):
            return [f"{edit.to} was not built."]
        if edit.key:
            keys = ", ".join(self.context.quote(k) for k in edit.key)
            union = " union ".join(f"select {keys} from {o}" for o in olds)
            wanted = self._count(f"({union})")
        else:
            wanted = sum(self._count(o) for o in olds)
        have = self._count(new)
        self.told.append(f"{edit.to} has {have:,} rows, as {' and '.join(edit.models)} have.")
        return [] if have == wanted else [f"{edit.to} has {have} rows instead of {wanted}."]

    def _incremental(self, edit: MakeIncremental) -> list[str]:
        """A second run, incremental now, must change nothing."""
        context, both = self.context, self._relations(edit.model)
        if both is None:
            return [f"{edit.model} was not built."]
        results = context.worker.build([edit.model])
        bad = [f"{r.unique_id}: {r.message}" for r in results if not r.ok and r.resource_type == "model"]  # fmt: skip
        if bad:
            return bad
        types = _types(context, both[0])
        columns = {c: c for c in types}
        again = self._differences(edit.model, both[0], both[1], columns, types, types)
        if not again:
            self.told.append(
                f"{edit.model}: a second, incremental run leaves the rows of a full one."
            )
        return [f"After a second run of {edit.model}: {w}." for w in again]


def _grain_of(edit: ChangeGrain | AddToGrain) -> str:
    return edit.grain if isinstance(edit, ChangeGrain) else f"{edit.column} besides"


def _is_float(context: CheckContext, relation: str, column: str) -> bool:
    types = {c.lower(): t for c, t in _types(context, relation).items()}
    return types.get(column.lower(), "").lower().startswith(_FLOATS)


def _types(context: CheckContext, relation: str) -> dict[str, str]:
    """Column → type; types are empty where the database has no simple way to tell."""
    if context.info.dialect != "duckdb":
        return {c: "" for c in context.columns(relation)}
    rows = context.worker.query(f"describe select * from {relation} as r", limit=5000).rows
    return {str(row[0]): str(row[1]) for row in rows}

"""Proof, by running things: all checks on one attempt, in order, in a private copy."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from crew.artifacts import (
    Check,
    Evidence,
    FileChange,
    ModelDraft,
    RequirementSpec,
    TestSuite,
    ValidationReport,
    files_digest,
)
from crew.errors import InvalidInput, PolicyViolation
from crew.verification.check_context import BaseState, CheckContext, CheckFunction, skipped, verdict
from crew.verification.data_checks import grain_is_unique, joins_do_not_fan_out, sample_rows
from crew.verification.dbt_checks import (
    builds,
    compiles,
    no_new_deprecations,
    parses,
    tests_pass,
    unit_tests_pass,
)
from crew.verification.dbt_worker import DbtWorker
from crew.verification.documentation_checks import (
    docs_are_complete,
    keys_are_tested,
    names_follow_conventions,
)
from crew.verification.downstream_check import downstream_works
from crew.verification.edit_proof import and_below, edit_is_proven, edited, name_before
from crew.verification.example_rows import example_rows
from crew.verification.model_diff import model_diff
from crew.verification.mutants import mutants
from crew.verification.private_copy import PrivateCopy
from crew.verification.static_checks import (
    compiled_sql_allowed,
    jinja_allowed,
    macros_kept,
    paths_allowed,
    sql_allowed,
)
from crew.verification.worker_values import ProjectInfo

STATIC: tuple[tuple[str, CheckFunction], ...] = (
    ("paths", paths_allowed),
    ("jinja policy", jinja_allowed),
    ("sql policy", sql_allowed),
)
DBT = ("dbt parse", "deprecations", "dbt compile", "compiled sql policy", "unit tests",
       "dbt build", "tests")  # fmt: skip
ON_DATA: tuple[tuple[str, CheckFunction], ...] = (
    ("grain", grain_is_unique),
    ("join fan-out", joins_do_not_fan_out),
    ("example rows", example_rows),
)
ON_CHANGE: tuple[tuple[str, CheckFunction], ...] = (
    ("model diff", model_diff),
    ("downstream", downstream_works),
    ("names", names_follow_conventions),
    ("docs", docs_are_complete),
    ("key tests", keys_are_tested),
    ("mutants", mutants),
    ("sample rows", sample_rows),
)
ON_EDIT: tuple[tuple[str, CheckFunction], ...] = (
    ("edit", edit_is_proven),
    ("sample rows", sample_rows),
)
"""An edit has no specification of figures: it is compared with what was there."""


class ProjectVerifier:
    """Runs the checks. `extra` are further checks on the built models: reconciliation and such.

    `worker` has `project` (the private copy) open as `info` says. `allow_macros` are macros of
    the project that generated SQL may call.
    """

    def __init__(
        self,
        worker: DbtWorker,
        project: Path,
        info: ProjectInfo,
        extra: Sequence[CheckFunction] = (),
        allow_macros: Sequence[str] = (),
    ) -> None:
        self._worker = worker
        self._info = info
        self._copy = PrivateCopy(project)
        self._extra = tuple((_title(f), f) for f in extra)
        self._allow_macros = tuple(allow_macros)
        self._bases: dict[tuple[str, ...], BaseState] = {}

    def verify(
        self,
        spec: RequirementSpec,
        draft: ModelDraft,
        tests: TestSuite,
        evidence: Evidence,
        files: tuple[FileChange, ...],
    ) -> ValidationReport:
        """All checks in order; those that depend on a failed one are skipped.

        The files stay in the private copy until the next call or `restore`. Raises WorkerLost.
        """
        self.restore()
        context = CheckContext(
            spec, draft, tests, evidence, files, self._worker, self._info, self._copy.folder,
            originals=self._copy.texts([f.path for f in files]), allow_macros=self._allow_macros,
        )  # fmt: skip
        if spec.kind == "edit":
            context = replace(context, allow_macros=(*self._allow_macros, *macros_kept(context)))
        run = _Run()
        for name, check in STATIC:
            run.check(name, check, context)
        if run.failed is None:
            context = self._by_dbt(run, context)
        else:
            run.skip(DBT)
        groups = (ON_EDIT,) if spec.kind == "edit" else (ON_DATA, self._extra, ON_CHANGE)
        for group in groups:
            for name, check in group:
                if run.stopped or run.failed_before_data:
                    run.skip([name])
                else:
                    run.check(name, check, context)
        return ValidationReport(files=files_digest(files), checks=tuple(run.checks))

    def restore(self) -> None:
        """Bring the private copy back to its base."""
        self._copy.restore()

    def _by_dbt(self, run: _Run, context: CheckContext) -> CheckContext:
        """dbt's own checks; the context afterwards knows what was built where."""
        base = self._base(context)
        names = {m.name: f"model.{self._info.name}.{m.name}" for m in context.draft.models}
        old = {n: base.compiled[u] for n, u in names.items() if u in base.compiled}
        context = replace(context, base=base, base_compiled=old)
        self._copy.write(context.files)
        parsed = self._worker.parse()
        run.check("dbt parse", lambda c: parses(c, parsed), context)
        if run.failed is None:
            context = replace(
                context, manifest=parsed.manifest, located=self._worker.relation_names()
            )
            run.check("deprecations", lambda c: no_new_deprecations(c, parsed), context)
        if run.failed is not None:
            run.skip(DBT)
            return context
        return self._compiled_and_built(run, context, names)

    def _compiled_and_built(
        self, run: _Run, context: CheckContext, names: dict[str, str]
    ) -> CheckContext:
        select = (context.spec.kind == "edit" and edited(context)) or context.touched
        if not select:
            run.skip(DBT, "nothing to build")
            return context
        began = time.monotonic()
        found = self._worker.compile(select)
        compiled = {n: found.compiled[u] for n, u in names.items() if u in found.compiled}
        compiled |= {u: s for u, s in found.compiled.items() if _is_singular(context, u)}
        context = replace(context, compiled=compiled)
        run.check("dbt compile", lambda _: compiles(found), context, began)
        run.check("compiled sql policy", compiled_sql_allowed, context)
        if run.failed is not None:
            run.skip(DBT)
            return context
        began = time.monotonic()
        try:
            results = self._worker.build(select)
        except InvalidInput as error:
            words = error.message
            run.check("dbt build", lambda _: verdict("dbt build", [words], "model"), context, began)
            run.skip(DBT)
            return context
        located = self._worker.relation_names()
        built = {r.unique_id for r in results if r.ok and r.resource_type == "model"}
        own = {u.rsplit(".", 1)[-1]: located[u] for u in built if u in located}
        context = replace(context, results=results, located=located, relation_names=own)
        unit = run.check("unit tests", unit_tests_pass, context)
        run.check("dbt build", lambda c: builds(c, unit), context, began)
        run.stopped = not set(select) <= set(own)
        run.check("tests", tests_pass, context)
        return context

    def _base(self, context: CheckContext) -> BaseState:
        """The untouched project: compiled SQL of what changes, its tests and children."""
        changed = tuple(sorted(m.name for m in context.changed_models)) or context.touched
        if context.spec.kind == "edit":
            changed = tuple(name_before(context.spec.edits, name) for name in changed)
        if changed not in self._bases:
            parsed = self._worker.parse()
            compiled: dict[str, str] = {}
            known = self._worker.relation_names()
            select = [n for n in changed if f"model.{self._info.name}.{n}" in known]
            if select:
                self._worker.ensure_built([f"model.{self._info.name}.{n}" for n in select])
                if context.spec.kind == "edit":
                    manifest = json.loads(parsed.manifest.read_text("utf-8"))
                    select = list(and_below(manifest, self._info.name, select))
                else:
                    select = [f"{n}+1" for n in select]
                compiled = self._worker.compile(select).compiled
            self._bases[changed] = BaseState(compiled, frozenset(parsed.deprecations))
        return self._bases[changed]


class _Run:
    """The checks so far. `stopped` says that the models could not be built."""

    def __init__(self) -> None:
        self.checks: list[Check] = []
        self.stopped = False

    @property
    def failed(self) -> Check | None:
        return next((c for c in self.checks if c.status == "failed"), None)

    @property
    def failed_before_data(self) -> bool:
        """Whether anything failed that leaves no built models to look at."""
        before = {name for name, _ in STATIC} | (set(DBT) - {"tests"})
        return any(c.status == "failed" and c.name in before for c in self.checks)

    def check(
        self,
        name: str,
        function: Callable[[CheckContext], Check],
        context: CheckContext,
        began: float | None = None,
    ) -> Check:
        """Run one check and keep it with its seconds; a query it fails on is its finding."""
        began = time.monotonic() if began is None else began
        try:
            check = function(context)
        except (InvalidInput, PolicyViolation) as error:
            check = verdict(name, [error.message], "model")
        seconds = round(time.monotonic() - began, 3)
        self.checks.append(check.model_copy(update={"seconds": seconds}))
        return check

    def skip(self, names: Sequence[str], reason: str = "") -> None:
        """Note those of `names` that did not run."""
        done = {c.name for c in self.checks}
        because = reason or (f"not run, as {self.failed.name!r} failed" if self.failed else "")
        for name in names:
            if name not in done:
                self.checks.append(skipped(name, because or "not run, as no model was built"))


def _title(function: CheckFunction) -> str:
    name = getattr(function, "__name__", type(function).__name__)
    return str(name).strip("_").replace("_", " ")


def _is_singular(context: CheckContext, unique_id: str) -> bool:
    names = {t.name for t in context.tests.singular}
    parts = unique_id.split(".")
    return parts[0] == "test" and len(parts) > 2 and parts[2] in names

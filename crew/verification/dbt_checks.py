"""Checks by dbt itself: parse, deprecations, compile, build, tests."""

from __future__ import annotations

import re
from collections.abc import Iterable

from crew.artifacts import Blame, Check, Table
from crew.errors import InvalidInput
from crew.verification.check_context import CheckContext, passed, skipped, verdict
from crew.verification.worker_values import CompileResult, NodeResult, ParseResult

_ROWS = 5
_GRAIN_TESTS = re.compile(r"\.(\w+\.)*(dbt_utils_)?unique_")


def parses(context: CheckContext, result: ParseResult) -> Check:
    """dbt reads the changed project."""
    if result.ok:
        return passed("dbt parse")
    words = "\n".join(result.errors)
    blame: Blame = "model"
    if re.search(r"\.ya?ml\b", words) and not re.search(r"\.sql\b", words):
        blame = "tests"
    elif any(f.path in words for f in context.files if f.path.endswith(".md")):
        blame = "docs"
    return Check(name="dbt parse", status="failed", finding=words, blame=blame)


def no_new_deprecations(context: CheckContext, result: ParseResult) -> Check:
    """No file of the change uses what dbt will drop, unless it did so before."""
    new = [d for d in result.deprecations if d not in context.base.deprecations]
    own = [d for d in new if any(f.path in d for f in context.files)]
    only_yaml = all(not re.search(r"\.sql\b", d) for d in own)
    return verdict("deprecations", own, "tests" if only_yaml else "model")


def compiles(result: CompileResult) -> Check:
    """dbt resolves all references."""
    tests = all(re.search(r"\bin (data_|unit[ _])?test\b", words) for words in result.errors)
    good = f"{len(result.compiled)} nodes"
    return verdict("dbt compile", result.errors, "tests" if tests else "model", good)


def builds(context: CheckContext, unit_tests: Check) -> Check:
    """The database accepts the models."""
    models = [r for r in context.results if r.resource_type not in ("test", "unit_test")]
    errors = [f"{_name(r)}: {r.message}" for r in models if r.status == "error"]
    unbuilt = [_name(r) for r in models if r.status == "skipped"]
    if not errors and unbuilt and unit_tests.status == "failed":
        return skipped("dbt build", f"{', '.join(unbuilt)} not built, as a unit test failed")
    errors += [f"{name}: not built, as something it needs failed" for name in unbuilt if not errors]
    good = f"{', '.join(_name(r) for r in models)} built in scratch"
    return verdict("dbt build", errors, "model", good)


def unit_tests_pass(context: CheckContext) -> Check:
    """dbt's unit tests, which run before the model is built; one that cannot run was made wrong."""
    ran = [r for r in context.results if r.resource_type == "unit_test"]
    if not ran:
        return skipped("unit tests", "there are none")
    bad = [f"{_name(r)} ({r.status}): {r.message}" for r in ran if r.status in ("fail", "error")]
    blame: Blame = "model" if any(r.status == "fail" for r in ran) else "tests"
    return verdict("unit tests", bad, blame, f"{len(ran)} passed")


def tests_pass(context: CheckContext) -> Check:
    """Generic and singular tests, those of existing models among them.

    A test that fails as often on today's models is a warning, not this change's fault.
    """
    ran = [r for r in context.results if r.resource_type == "test"]
    bad = [r for r in ran if r.status in ("fail", "error")]
    if not ran:
        return skipped("tests", "there are none")
    known = [r for r in bad if _failed_before(context, r)]
    new = [r for r in bad if r not in known]
    if not new:
        skipped_ = [_name(r) for r in ran if r.status == "skipped"]
        text = f"{len(ran) - len(known) - len(skipped_)} of {len(ran)} tests passed"
        if known:
            text += f"; these fail on today's models too: {', '.join(map(_name, known))}"
        return Check(name="tests", status="warned" if known else "passed", finding=text)
    return Check(
        name="tests",
        status="failed",
        finding="\n".join(f"{_name(r)}: {r.message}" for r in new),
        table=_failing_rows(context, new[0]),
        blame=_blame(new),
    )


def _blame(failed: Iterable[NodeResult]) -> Blame:
    """Keys that repeat are the model's fault; any other expectation was the tests' own."""
    grain = any(_GRAIN_TESTS.search(r.unique_id) for r in failed if r.status == "fail")
    return "model" if grain else "tests"


def _failing_rows(context: CheckContext, result: NodeResult) -> Table | None:
    if not result.compiled_sql:
        return None
    try:
        return context.table(context.worker.query(result.compiled_sql, limit=_ROWS), _ROWS)
    except InvalidInput:
        return None


def _failed_before(context: CheckContext, result: NodeResult) -> bool:
    sql = context.base.compiled.get(result.unique_id)
    if not sql or result.status != "fail":
        return False
    try:
        rows = context.worker.query(sql, limit=(result.failures or 0) + 1).rows
    except InvalidInput:
        return False
    return len(rows) >= (result.failures or 1)


def _name(result: NodeResult) -> str:
    parts = result.unique_id.split(".")
    return parts[2] if len(parts) > 2 else result.unique_id

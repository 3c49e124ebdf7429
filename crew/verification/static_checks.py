"""Checks that run nothing: paths, Jinja and SQL of the files of a change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from crew.artifacts import Check, FileChange, RenameModel, ReplaceMacro
from crew.verification.check_context import CheckContext, skipped, verdict
from crew.verification.jinja_policy import check_jinja
from crew.verification.jinja_stand_ins import JinjaVerdict
from crew.verification.path_policy import check_paths
from crew.verification.sql_policy import check_sql
from crew.verification.yaml_policy import check_yaml

_BUILT_IN = frozenset(
    {"ref", "source", "config", "var", "env_var", "run_query", "statement", "is_incremental", "doc",
     "log", "print", "return", "range", "fromjson", "tojson", "fromyaml", "toyaml", "zip", "set",
     "load_result", "execute", "caller", "call", "if", "in", "and", "or", "not", "local_md5"}
)  # fmt: skip
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.S)


def paths_allowed(context: CheckContext) -> Check:
    """Only .sql, .yml and .md below the project's model, test and doc paths."""
    info = context.info
    macros = (*info.macro_paths, "dbt_packages")
    allowed = dict.fromkeys((*info.model_paths, *info.test_paths, *_doc_paths(context)))
    findings = check_paths([f.path for f in context.files], context.project, (*allowed,), macros)
    for file in context.files:
        if file.action == "create" and file.path in context.originals:
            findings.append(f"{file.path!r} exists already; it may only be updated.")
        if file.action != "create" and file.path not in context.originals:
            findings.append(f"{file.path!r} does not exist; it cannot be {file.action}d.")
    return verdict("paths", findings, "model", f"{len(context.files)} files, all where they may be")


def _doc_paths(context: CheckContext) -> Iterator[str]:
    """Doc paths that hold nothing but docs; dbt's default lists every folder of the project."""
    others = {*context.info.macro_paths, *context.info.seed_paths, "analyses", "snapshots"}
    yield from (p for p in context.info.docs_paths if p not in {*others, "functions"})


def jinja_allowed(context: CheckContext) -> Check:
    """Jinja of SQL files, and YAML, hold only what generated files may."""
    findings: list[str] = []
    blames: set[str] = set()
    for file in context.files:
        if file.action == "delete":
            continue
        if file.path.endswith(".sql"):
            found = list(_jinja(context, file).findings)
            blame = "tests" if _is_test(context, file) else "model"
        elif file.path.endswith((".yml", ".yaml")):
            found = check_yaml(file.text, context.originals.get(file.path, ""))
            blame = "tests"
        else:
            continue
        findings += [f"{file.path}: {f}" for f in found]
        blames |= {blame} if found else set()
    return verdict("jinja policy", findings, "tests" if blames == {"tests"} else "model")


def sql_allowed(context: CheckContext) -> Check:
    """Each SQL file, its Jinja replaced by stand-ins, is one harmless SELECT."""
    findings: list[str] = []
    wrong_tests, judged = True, 0
    for file in context.files:
        if not file.path.endswith(".sql") or file.action == "delete":
            continue
        jinja = _jinja(context, file)
        judged += bool(jinja.masked)
        found = [
            f"{file.path}: {finding}"
            for sql in jinja.masked
            for finding in check_sql(sql, context.info.dialect, set(jinja.relations))
        ]
        if found and (
            text := _text_before(context, file)
        ):  # what stood there before is not this change's
            before = _jinja(context, file.model_copy(update={"text": text}))
            known = {
                f"{file.path}: {finding}"
                for sql in before.masked
                for finding in check_sql(sql, context.info.dialect, set(before.relations))
            }
            found = [f for f in found if f not in known]
        wrong_tests &= not found or _is_test(context, file)
        findings += dict.fromkeys(found)
    if not judged and not findings:
        return skipped("sql policy", "no SQL that can be judged before dbt compiles it")
    return verdict("sql policy", findings, "tests" if wrong_tests else "model")


def compiled_sql_allowed(context: CheckContext) -> Check:
    """What dbt made of the SQL is still one harmless SELECT over the project's relations."""
    findings: list[str] = []
    for model, sql in context.compiled.items():
        old = _compiled_findings(context, context.base_compiled.get(model, ""))
        new = [f for f in _compiled_findings(context, sql) if f not in old]
        findings += [f"{model} (compiled): {f}" for f in new]
    return verdict("compiled sql policy", findings, "model")


def _compiled_findings(context: CheckContext, sql: str) -> list[str]:
    if not sql:
        return []
    names = set(context.located.values())
    for name in [n for n in names if "(" in n or n.startswith("'")]:  # files read as sources
        sql = sql.replace(name, "external_source")
        names.discard(name)
    return check_sql(sql, context.info.dialect, names | {"external_source"})


def macros_kept(context: CheckContext) -> tuple[str, ...]:
    """Macros that an edit may call: those its files call already, and one that takes their place."""
    texts = " ".join(" ".join(_JINJA.findall(text)) for text in context.originals.values())
    called = list(dict.fromkeys(re.findall(r"(\w+(?:\.\w+)?)\s*\(", texts)))
    called = [name for name in called if name not in _BUILT_IN]
    return (*called, *(e.new for e in context.spec.edits if isinstance(e, ReplaceMacro)))


def _jinja(context: CheckContext, file: FileChange) -> JinjaVerdict:
    base = _text_before(context, file)
    return check_jinja(file.text, base, context.info.vars, context.allow_macros)


def _text_before(context: CheckContext, file: FileChange) -> str:
    """What a file held; of a model that is renamed, what its old file held."""
    path = PurePosixPath(file.path)
    moved = [
        e.model for e in context.spec.edits if isinstance(e, RenameModel) and e.to == path.stem
    ]
    names = [file.path, *(str(path.with_name(f"{m}.sql")) for m in moved)]
    return next((context.originals[n] for n in names if n in context.originals), "")


def _is_test(context: CheckContext, file: FileChange) -> bool:
    return any(file.path.startswith(f"{folder}/") for folder in context.info.test_paths)

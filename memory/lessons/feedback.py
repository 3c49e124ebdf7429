"""What reviewers taught: the difference between what was proposed and what was merged, as lessons.

Only what is certain becomes a lesson; what is not understood yields none. Nothing is read but the
change's own files and what was said on its pull request. All of it is untrusted: bounded in size,
free of what looks personal or secret, and remarks wait for a person.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from sqlglot.errors import SqlglotError

from crew.artifacts import (
    ColumnNamed,
    Correction,
    Delivered,
    FileChange,
    Layer,
    Lesson,
    Materialized,
    MeasureChanged,
    ModelNamed,
    ModelPlaced,
    Remarked,
    RequirementSpec,
    RowsLeftOut,
    TestChanged,
    Verdict,
    Worded,
)
from memory.lessons.model_entries import Entry, ModelEntry, model_entry, names_of_models
from memory.lessons.model_shape import ModelShape, materialization_of, read_shape
from memory.lessons.plain_sql import columns_in
from memory.lessons.sql_lessons import Told, measures_changed, renamed_columns, rows_left_out
from memory.lessons.unsafe_text import is_approval, is_unsafe

_MAX_SENTENCE = 240
_MAX_TEXT = 500
_MAX_REMARKS = 10
_MERGED, _CONTRADICTED, _CLOSED = 0.15, -0.35, -0.1
_RETIRED_BELOW = 0.3


def distill(
    delivered: Delivered,
    request: str,
    became: Mapping[str, tuple[str, str] | None],
    verdict: Verdict,
    dialect: str,
) -> tuple[Lesson, ...]:
    """The lessons of a pull request that was merged, or of what was said on one that was closed.

    `request` is the ticket's key; `became` says for each file of the change its path and text in
    the merged state (None: dropped). Never raises for what people wrote.
    """
    if verdict.state not in ("merged", "closed"):
        return ()
    told: list[Told] = []
    if verdict.state == "merged":
        for model in _models(delivered, became):
            told += model.told(dialect)
    told += _remarks(delivered, became, verdict)
    lessons: dict[str, Lesson] = {}
    for sentence, correction in told:
        if len(sentence) <= _MAX_SENTENCE:
            made = _lesson(sentence, correction, request, verdict)
            lessons.setdefault(made.id, made)
    return tuple(lessons.values())


def undone(
    lessons_followed: Sequence[Lesson],
    delivered: Delivered,
    became: Mapping[str, tuple[str, str] | None],
    dialect: str,
) -> frozenset[str]:
    """Ids of followed lessons whose condition was taken out again, or whose test was put back:
    what no new lesson says."""
    models = list(_models(delivered, became))
    return frozenset(
        lesson.id
        for lesson in lessons_followed
        if any(model.undoes(lesson.correction, dialect) for model in models)
    )


def judge(
    lessons_followed: Sequence[Lesson],
    distilled: Sequence[Lesson],
    merged: bool,
    undone: Collection[str] = (),
) -> tuple[Lesson, ...]:
    """The followed lessons with their new trust: more when it was merged, less when it was closed
    unmerged, much less when it is `undone` or a new lesson says otherwise."""
    judged = []
    for lesson in lessons_followed:
        against = lesson.id in undone or any(_contradicts(new, lesson) for new in distilled)
        step = _CONTRADICTED if against else _MERGED if merged else _CLOSED
        trust = round(min(1.0, max(0.0, lesson.trust + step)), 4)
        state = "retired" if trust < _RETIRED_BELOW else lesson.state
        judged.append(lesson.model_copy(update={"trust": trust, "state": state}))
    return tuple(judged)


def chained(new: Lesson, followed: Sequence[Lesson]) -> Lesson:
    """A new lesson on what a followed one led to, told of what the draft says: who renamed `a` to
    `b`, and then `b` to `c`, calls `a` `c`."""
    for old in followed:
        now, was = new.correction, old.correction
        told: Correction | None = None
        sentence = new.sentence
        if isinstance(now, ColumnNamed) and isinstance(was, ColumnNamed) and now.was == was.name:
            told = now.model_copy(update={"was": was.was})
            sentence = f"What we called `{was.was}` is called `{now.name}`."
        elif (
            isinstance(now, MeasureChanged)
            and isinstance(was, MeasureChanged)
            and (now.label, now.relation, now.was) == (was.label, was.relation, was.expression)
        ):
            told = now.model_copy(update={"was": was.was})
        if told is not None:
            return new.model_copy(update={"correction": told, "sentence": sentence})
    return new


def _contradicts(new: Lesson, old: Lesson) -> bool:
    """Whether a new lesson says otherwise on the same subject, or changes what the old one led to."""
    now, was = new.correction, old.correction
    if now == was:
        return False
    if isinstance(now, ColumnNamed) and isinstance(was, ColumnNamed):
        return now.was in (was.was, was.name)
    if isinstance(now, MeasureChanged) and isinstance(was, MeasureChanged):
        about = (now.label, now.relation) == (was.label, was.relation)
        return about and now.was in (was.was, was.expression)
    return new.subject == old.subject


def _lesson(sentence: str, correction: Correction, request: str, verdict: Verdict) -> Lesson:
    lesson = Lesson(
        id="-",
        sentence=sentence,
        correction=correction,
        request=request,
        learned_from=verdict.location or verdict.commit,
        state="proposed" if isinstance(correction, Remarked) else "active",
    )
    content = "\0".join([request, lesson.subject, correction.model_dump_json()])
    digest = hashlib.sha256(content.encode()).hexdigest()[:10]
    return lesson.model_copy(update={"id": f"lesson-{digest}"})


# --- One model ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Model:
    """A model of the change: its file as proposed and as merged (path, text), its YAML entries."""

    spec: RequirementSpec | None
    file: FileChange
    path: str
    text: str
    proposed: ModelEntry | None
    merged: ModelEntry | None

    def told(self, dialect: str) -> Iterator[Told]:
        ours, theirs = read_shape(self.file.text, dialect), read_shape(self.text, dialect)
        renamed: dict[str, str] = {}
        if ours and theirs:
            try:
                renamed = renamed_columns(ours, theirs, dialect)
                by_sql = [
                    *rows_left_out(ours, theirs),
                    *measures_changed(ours, theirs, self.spec, dialect),
                ]
            except (SqlglotError, RecursionError):
                renamed, by_sql = {}, []
            yield from by_sql
        for was, name in renamed.items():
            yield (
                f"What we called `{was}` is called `{name}`.",
                ColumnNamed(was=was, name=name),
            )
        if self.file.action == "create":
            yield from self._name()
            yield from self._folder(theirs or ours)
        yield from self._materialization()
        if self.proposed and self.merged:
            yield from _entries(self.proposed, self.merged, renamed)

    def undoes(self, correction: Correction, dialect: str) -> bool:
        """Whether a reviewer surely took back what was done because of a lesson: columns of the
        condition are named no more, or the test is there again."""
        if isinstance(correction, RowsLeftOut):
            columns = columns_in(correction.condition, dialect)
            ours, theirs = (set(re.findall(r"\w+", t.lower())) for t in (self.file.text, self.text))
            return bool(columns) and columns <= ours and columns.isdisjoint(theirs)
        if isinstance(correction, TestChanged) and self.proposed and self.merged:
            ours, theirs = (
                set(page.columns.get(correction.column, Entry()).tests)
                for page in (self.proposed, self.merged)
            )
            return correction.change == "removed" and correction.test in theirs - ours
        return False

    def _name(self) -> Iterator[Told]:
        old, new = PurePosixPath(self.file.path).stem, PurePosixPath(self.path).stem
        prefix, found, suffix = new.partition(old)
        whole = (not prefix or prefix.endswith("_")) and (not suffix or suffix.startswith("_"))
        if old != new and found and whole:
            layer = _layer(self.file.path, self.spec)
            around = [f"begin with `{prefix}`"] * bool(prefix) + [f"end with `{suffix}`"] * bool(
                suffix
            )
            yield (
                f"Names of {layer} models {' and '.join(around)}: `{old}` became `{new}`.",
                ModelNamed(layer=layer, prefix=prefix, suffix=suffix),
            )

    def _folder(self, shape: ModelShape | None) -> Iterator[Told]:
        old, new = PurePosixPath(self.file.path).parent, PurePosixPath(self.path).parent
        relation = _main_relation(self.spec, shape)
        if old != new and relation and old.parts[:1] == new.parts[:1]:
            yield (
                f"A model that reads `{relation}` belongs in `{new}`, not in `{old}`.",
                ModelPlaced(relation=relation, folder=str(new)),
            )

    def _materialization(self) -> Iterator[Told]:
        sql = (materialization_of(self.file.text), materialization_of(self.text))
        entries = [e.materialization if e else "" for e in (self.proposed, self.merged)]
        ours, theirs = sql[0] or entries[0], sql[1] or entries[1]
        if theirs in ("table", "view") and theirs != ours:  # others need more than a name
            folder = str(PurePosixPath(self.path).parent)
            yield (
                f"Models in `{folder}` are materialized as {theirs}.",
                Materialized(folder=folder, materialization=theirs),
            )


def _models(delivered: Delivered, became: Mapping[str, tuple[str, str] | None]) -> Iterator[_Model]:
    """The models of the change that were kept: those that its YAML describes or that were asked."""
    files = delivered.change_set.files
    pages = [
        (f.text, there[1]) for f in files if (there := became.get(f.path)) and _is_yaml(f.path)
    ]
    spec = delivered.spec
    known = {name for f in files if _is_yaml(f.path) for name in names_of_models(f.text)}
    known |= {spec.model, spec.target} if spec else set()
    for file in files:
        there = became.get(file.path)
        path = PurePosixPath(file.path)
        if there is None or path.suffix != ".sql" or path.stem not in known:
            continue
        name = PurePosixPath(there[0]).stem
        proposed = [e for ours, _ in pages if (e := model_entry(ours, path.stem))]
        merged = [e for _, theirs in pages if (e := model_entry(theirs, name))]
        yield _Model(
            spec=spec,
            file=file,
            path=there[0],
            text=there[1],
            proposed=proposed[0] if len(proposed) == 1 else None,
            merged=merged[0] if len(merged) == 1 else None,
        )


def _is_yaml(path: str) -> bool:
    return path.endswith((".yml", ".yaml"))


def _layer(path: str, spec: RequirementSpec | None) -> Layer:
    folders = PurePosixPath(path).parent.parts
    if (spec and spec.kind == "stage_source") or "staging" in folders:
        return "staging"
    return "intermediate" if "intermediate" in folders else "mart"


def _main_relation(spec: RequirementSpec | None, shape: ModelShape | None) -> str:
    """The relation that a model is about: that of its measures, else the one it selects from."""
    measured = {m.relation for metric in spec.metrics for m in metric.measures} if spec else set()
    if measured:
        return measured.pop() if len(measured) == 1 else ""
    return shape.rows.driver if shape else ""


# --- YAML --------------------------------------------------------------------------------------


def _entries(
    proposed: ModelEntry, merged: ModelEntry, renamed: Mapping[str, str]
) -> Iterator[Told]:
    for was, ours in proposed.columns.items():
        name = renamed.get(was.lower(), was)
        theirs = merged.columns.get(name)
        if theirs is not None:
            yield from _tests(name, ours, theirs)
            yield from _wording(name, ours, theirs)


def _tests(column: str, ours: Entry, theirs: Entry) -> Iterator[Told]:
    # A test of another name may have taken its place, as a constraint may.
    replaced = bool(set(theirs.tests) - set(ours.tests))
    for test, severity in ours.tests.items():
        if test not in theirs.tests:
            if not replaced and test not in theirs.constraints:
                yield (
                    f"`{column}` is not tested for `{test}`.",
                    TestChanged(column=column, test=test, change="removed"),
                )
        elif theirs.tests[test] == "warn" != severity:
            yield (
                f"The test `{test}` of `{column}` only warns.",
                TestChanged(column=column, test=test, change="warn"),
            )


def _wording(column: str, ours: Entry, theirs: Entry) -> Iterator[Told]:
    text = theirs.description
    if not text or "{{" in text or is_unsafe(text) or _essence(text) == _essence(ours.description):
        return
    bounded = _cut(text, _MAX_TEXT)
    yield (
        f"`{column}` is described as “{_cut(bounded, _MAX_SENTENCE - len(column) - 24)}”.",
        Worded(column=column, description=bounded),
    )


def _essence(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: max(0, limit - 1)].rstrip() + "…"


# --- Remarks -----------------------------------------------------------------------------------


def _remarks(
    delivered: Delivered, became: Mapping[str, tuple[str, str] | None], verdict: Verdict
) -> list[Told]:
    """What was said, by those first who may write; on our own files or on the whole."""
    ours = [file.path for file in delivered.change_set.files]
    paths = {*ours, *(there[0] for path in ours if (there := became.get(path)))}
    told: list[Told] = []
    for remark in sorted(verdict.remarks, key=lambda r: not r.may_write):
        place = next((p for p in paths if f"/{remark.path}".endswith(f"/{p}")), "")
        text = " ".join(remark.text.split())
        if (remark.path and not place) or not text or is_approval(text) or is_unsafe(text):
            continue
        text = _cut(text, _MAX_TEXT)
        told.append(
            (_cut(f"A reviewer said: “{text}”", _MAX_SENTENCE), Remarked(text=text, path=place))
        )
    return told[:_MAX_REMARKS]

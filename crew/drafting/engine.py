"""The drafting engine: for each agent's task a draft, made from evidence alone.

Where a check failed, the draft changes only by rule: a test that the data contradicts is dropped
and said; a wrong model is not guessed at a second time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from crew.artifacts import (
    DocSet,
    Evidence,
    Finding,
    ModelDraft,
    PastAnswer,
    Request,
    RequirementSpec,
    SingularTest,
    TestSuite,
)
from crew.drafting.answered_words import read_with_answers
from crew.drafting.change_compiler import compile_change
from crew.drafting.doc_writer import write_docs
from crew.drafting.docs_reader import documentation_request
from crew.drafting.edits.edit_drafts import edit_docs, edit_draft, edit_spec, edit_tests
from crew.drafting.edits.project_view import ProjectView
from crew.drafting.example_tables import take_examples, with_examples
from crew.drafting.extension_compiler import compile_extension
from crew.drafting.figure_tests import RANGE_TESTS
from crew.drafting.freshness_reader import freshness_request
from crew.drafting.history_compiler import compile_history
from crew.drafting.history_reader import history_request
from crew.drafting.interpreter import interpret
from crew.drafting.join_planner import AmbiguousJoin, JoinPlanner, NoJoin
from crew.drafting.json_columns import read_in_place, with_named_keys
from crew.drafting.lessons import (
    follow_in_docs,
    follow_in_draft,
    follow_in_spec,
    follow_in_tests,
)
from crew.drafting.likeness import Similar, nothing_similar
from crew.drafting.model_text import CannotEdit
from crew.drafting.scope import UnknownColumn
from crew.drafting.sql_compiler import AggregateCompiler
from crew.drafting.staging_compiler import compile_staging
from crew.drafting.staging_reader import staging_request
from crew.drafting.state_reader import with_states
from crew.drafting.test_suggester import suggest_tests
from crew.drafting.tracking_reader import tracking_request
from crew.drafting.unit_test_writer import OF_THE_REQUEST
from crew.errors import NoValidAnswer
from crew.ports import Warehouse
from crew.verification.related_relations import with_related

_EXPECTATIONS = {"not_null", "accepted_values", "relationships", *RANGE_TESTS}


@dataclass(frozen=True)
class DraftingEngine:
    """Drafts. `warehouse` is asked what the options of a question would give; `project` is what
    edits of existing models are made in, `similar` ranks columns that a question offers."""

    warehouse: Warehouse | None = None
    project: ProjectView | None = None
    similar: Similar = nothing_similar

    def spec(
        self, request: Request, evidence: Evidence, advised: Sequence[PastAnswer] = ()
    ) -> RequirementSpec:
        """The specification of a request; `advised` are answers to its open questions that a
        language model read out of it or of the evidence."""
        if advised:
            answers = (*evidence.remembered.answers, *advised)
            remembered = evidence.remembered.model_copy(update={"answers": answers})
            evidence = evidence.model_copy(update={"remembered": remembered})
        past, glossary = evidence.remembered.answers, evidence.glossary
        return read_with_answers(lambda r: self._spec(r, evidence), request, past, glossary)

    def _spec(self, request: Request, evidence: Evidence) -> RequirementSpec:
        if fresh := freshness_request(request, evidence, self.warehouse):
            return fresh
        if tracked := tracking_request(request, evidence):
            return tracked
        if history := history_request(request, evidence, self.warehouse):
            return history
        if staging := staging_request(request, evidence, self.warehouse):
            return staging
        documentation, is_all = documentation_request(request, evidence)
        if documentation and is_all:
            return documentation
        if self.project is not None:
            edit = edit_spec(request, evidence, self.project, self.warehouse)
            if edit is not None:
                return edit
        if documentation:
            return documentation
        plain, tables = take_examples(request)
        spec = self._read(plain, evidence)
        if tables:
            spec = with_examples(spec, tables, self._inputs(spec, evidence), evidence)
        return follow_in_spec(spec, request, evidence)

    def _read(self, request: Request, evidence: Evidence) -> RequirementSpec:
        seen, keys = with_named_keys(evidence, f"{request.title}\n{request.body}")
        states = with_states(request, seen, self.warehouse)
        spec = interpret(states.request, states.evidence, self.warehouse, self.similar)
        if not states.is_empty and spec.kind != "new_model":
            # what exists is changed by its own rules
            spec = interpret(request, seen, self.warehouse, self.similar)
            return read_in_place(spec, keys, evidence)
        return states.settled(read_in_place(spec, keys, evidence))

    def _inputs(self, spec: RequirementSpec, evidence: Evidence) -> tuple[str, ...]:
        """What the model of a specification reads; nothing while it cannot be drafted."""
        if spec.questions or spec.kind != "new_model":
            return ()
        try:
            return self._compiled(spec, evidence).models[0].relations
        except NoValidAnswer:
            return ()

    def model(self, spec: RequirementSpec, evidence: Evidence) -> ModelDraft:
        """Raises NoValidAnswer where the specification cannot be compiled."""
        return follow_in_draft(self._compiled(spec, evidence), spec, evidence)

    def _compiled(self, spec: RequirementSpec, evidence: Evidence) -> ModelDraft:
        if spec.kind in {"tests", "documentation"}:
            return ModelDraft(models=(), rationale="No SQL changes.")
        try:
            if spec.kind == "edit":
                return edit_draft(spec, self.project, evidence)
            if spec.kind == "stage_source":
                return ModelDraft(
                    models=(compile_staging(spec, evidence, staging_path(spec, evidence)),)
                )
            planner = JoinPlanner(evidence)
            if spec.kind == "change_model":
                target = evidence.relation(spec.target)
                if target is None:
                    raise NoValidAnswer(f"There is no model {spec.target!r} in the evidence.")
                compiled = compile_extension if spec.extends else compile_change
                return ModelDraft(models=(compiled(spec, evidence, planner, target),))
            path = f"{mart_folder(spec, evidence)}/{spec.model}.sql"
            if spec.history:
                return ModelDraft(models=(compile_history(spec, evidence, path),))
            evidence = with_related(evidence, spec.related)
            planner = JoinPlanner(evidence)
            return ModelDraft(models=(AggregateCompiler(spec, evidence, planner).compile(path),))
        except (NoJoin, AmbiguousJoin, UnknownColumn, CannotEdit, ValueError) as error:
            raise NoValidAnswer(f"No SQL could be drafted: {error}.") from error

    def tests(
        self,
        spec: RequirementSpec,
        draft: ModelDraft,
        evidence: Evidence,
        previous: TestSuite | None,
        finding: Finding | None,
    ) -> TestSuite:
        if spec.kind == "edit":
            return previous or edit_tests(spec, draft, evidence)
        evidence = with_related(evidence, spec.related)
        suite = previous or follow_in_tests(suggest_tests(spec, draft, evidence), spec, evidence)
        return without_failing(suite, finding) if finding else suite

    def docs(self, spec: RequirementSpec, draft: ModelDraft, evidence: Evidence) -> DocSet:
        if spec.kind == "edit":
            return edit_docs(spec, draft, evidence)
        evidence = with_related(evidence, spec.related)
        return follow_in_docs(write_docs(spec, draft, evidence), spec, evidence)


def without_failing(suite: TestSuite, finding: Finding) -> TestSuite:
    """The suite without the tests that a finding names, each said in `dropped`.

    Uniqueness of the row's grain and totals against the sources are never dropped: where they
    fail the model is wrong.
    """
    kept, dropped = [], list(suite.dropped)
    if finding.check == "unit tests":  # they could not run: the inputs cannot be made up
        kept_unit = [t for t in suite.unit if t.name.endswith(OF_THE_REQUEST)]
        made_up = [t for t in suite.unit if t not in kept_unit]
        dropped += [f"Unit test {t.name}: {finding.text[:300]}" for t in made_up]
        return suite.model_copy(update={"unit": tuple(kept_unit), "dropped": tuple(dropped)})
    for test in suite.generic:
        column = rf"\b{re.escape(test.column)}\b" if test.column else ""
        bare = re.escape(test.test.split(".")[-1])
        named = re.search(
            rf"{bare}\w*?{re.escape(test.model)}\w*{re.escape(test.column)}", finding.text
        )
        told = re.search(rf"\b{bare}\b.*{column}", finding.text)
        if (named or told) and test.test in _EXPECTATIONS:
            dropped.append(f"{test.test} on {test.model}.{test.column}: {finding.text[:300]}")
        else:
            kept.append(test)
    failing = [t for t in suite.singular if _is_told(t, finding.text)]
    dropped += [f"{t.name} ({t.reason}): {finding.text[:300]}" for t in failing]
    singular = tuple(t for t in suite.singular if t not in failing)
    return suite.model_copy(
        update={"generic": tuple(kept), "singular": singular, "dropped": tuple(dropped)}
    )


def _is_told(test: SingularTest, text: str) -> bool:
    """Whether a finding names an expectation of figures that the data need not meet."""
    must_hold = test.name.endswith(("_is_unique", "_matches_its_sources"))
    return not must_hold and re.search(rf"\b{re.escape(test.name)}\b", text) is not None


def staging_path(spec: RequirementSpec, evidence: Evidence) -> str:
    source = spec.target.split(".")[0]
    return f"{evidence.conventions.staging_folder.replace('{source}', source)}/{spec.model}.sql"


def mart_folder(spec: RequirementSpec, evidence: Evidence) -> str:
    """The marts' own folder: the area of the owner, else of marts over the same relations."""
    root = evidence.conventions.mart_folder
    marts = [c for c in evidence.relations if c.kind == "model" and c.layer == "mart" and c.path]
    folders = {str(PurePosixPath(c.path).parent): c for c in marts}
    areas = [f for f in folders if f.startswith(root) and f != root]
    for area in areas:
        if spec.owner and PurePosixPath(area).name == spec.owner.lower():
            return area
    used = {m.relation for metric in spec.metrics for m in metric.measures}
    ids = {c.unique_id for c in evidence.relations if c.key in used}
    near = [(len(ids & set(c.parents)), str(PurePosixPath(c.path).parent)) for c in marts]
    best = max(near, default=(0, ""))
    if best[0] and best[1].startswith(root):
        return best[1]
    return root if root in folders or not areas else sorted(areas)[0]

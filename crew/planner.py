"""The way of a ticket, whole: from a request to a pull request, a question or a refusal.

    recall → interpret → synthesize → test → document → validate → seal → deliver
                 ↑___________ repair with the exact finding ___________|

The planner keeps the state of one request, takes the next step among those legal now, checks each
result, and goes back with a precise finding. Rules choose the step; where they leave more than
one, the planner's agent does. Nothing here knows a vendor, a database or a language model.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel

from crew.artifacts import (
    AlreadyExists,
    Blame,
    Check,
    Delivered,
    Dimension,
    DocSet,
    Evidence,
    Failed,
    FileChange,
    Filter,
    Finding,
    Metric,
    ModelDraft,
    NeedsAnswers,
    Outcome,
    PullRequest,
    Question,
    Refused,
    Request,
    RequirementSpec,
    Reuse,
    TestSuite,
    ValidationReport,
    Value,
)
from crew.budget import Budget
from crew.errors import BudgetExhausted, NoValidAnswer
from crew.ports import (
    Agents,
    CodeHost,
    EvidenceSource,
    Listener,
    PullRequestWriter,
    Recall,
    ReuseJudge,
    RunStep,
    Scratchpad,
    Verifier,
)

MAX_REPAIRS = 4

V = TypeVar("V", bound=BaseModel)


class Files(Value):
    """The files of the change."""

    files: tuple[FileChange, ...]


@dataclass
class State:
    """What is known of the request so far; empty fields are steps still to take. `own` is the model
    of its own that the request would get if an existing one were not extended."""

    evidence: Evidence | None = None
    spec: RequirementSpec | None = None
    draft: ModelDraft | None = None
    reuse: Reuse | None = None
    own: tuple[RequirementSpec, ModelDraft] | None = None
    tests: TestSuite | None = None
    docs: DocSet | None = None
    files: tuple[FileChange, ...] = ()
    report: ValidationReport | None = None
    finding: Finding | None = None
    reported: Finding | None = None
    tried: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Planner:
    """Works requests. All collaborators are ready objects; `host` is None where nothing is sent."""

    evidence: EvidenceSource
    recall: Recall
    agents: Agents
    reuse: ReuseJudge
    verifier: Verifier
    writer: PullRequestWriter
    host: CodeHost | None
    listener: Listener
    run_step: RunStep
    scratchpad: Scratchpad

    def work(self, request: Request, budget: Budget, reported: Finding | None = None) -> Outcome:
        """The outcome of a request. `reported` is what a reviewer, or a check after delivery, found
        in it. Raises only what is neither the request's nor the project's fault."""
        state = State(reported=reported)
        try:
            while (step := self._next(state)) is not None:
                budget.spend_step(self.agents.cost())
                ended = step(request, state)
                self.scratchpad.save()
                if ended:
                    return ended
            return self._deliver(request, state, budget)
        except (BudgetExhausted, NoValidAnswer) as error:
            return Failed(
                reason=str(error), tried=tuple(state.tried), spec=state.spec, report=state.report
            )

    # --- what is next ------------------------------------------------------------------------

    def _next(self, state: State) -> Callable[[Request, State], Outcome | None] | None:
        """The next step: the first thing missing, or None once a report has passed."""
        if state.evidence is None:
            return self._recall
        if state.spec is None:
            return self._interpret
        if state.draft is None:
            return self._synthesize
        if state.reuse is None:
            return self._look_for_existing
        if state.tests is None:
            return self._write_tests
        if state.docs is None:
            return self._document
        if state.report is None:
            return self._validate
        return None if state.report.passed else self._go_back

    # --- the steps ---------------------------------------------------------------------------

    def _recall(self, request: Request, state: State) -> None:
        state.evidence = self._step(
            "recall",
            Evidence,
            lambda: self.evidence.gather(request, self.recall),
            _evidence_found,
        )
        _jot_evidence(self.scratchpad, state.evidence)

    def _interpret(self, request: Request, state: State) -> Outcome | None:
        evidence = _known(state.evidence)
        finding = state.finding or _reported(state, "requirement")
        spec = self._step(
            "interpret",
            RequirementSpec,
            lambda: self.agents.interpret(request, evidence, finding),
            _spec_found,
            state,
        )
        state.spec, state.finding = spec, None
        _jot_spec(self.scratchpad, spec)
        if spec.kind == "refuse":
            return Refused(reason=spec.reason, spec=spec)
        if spec.questions:
            return NeedsAnswers(questions=spec.questions, spec=spec)
        if spec.kind == "nothing":
            return AlreadyExists(model=spec.target, explanation=spec.reason, spec=spec)
        return self._asked_before(spec, evidence)

    def _asked_before(self, spec: RequirementSpec, evidence: Evidence) -> Outcome | None:
        """The same rows asked for on another ticket, whose pull request is still open."""
        for known in evidence.remembered.open_requests:
            if known.signature == spec.signature:
                told = f"`{known.model}` gives just this; {known.request} asked for it"
                reason = f"{told}, and its pull request is open: {known.location}"
                self.scratchpad.jot("decision", "interpret", f"reuse {known.model}", reason)
                return AlreadyExists(model=known.model, explanation=reason, spec=spec)
        return None

    def _synthesize(self, request: Request, state: State) -> None:
        spec, evidence = _known(state.spec), _known(state.evidence)
        finding = state.finding or _reported(state, "model")
        previous = state.draft
        state.draft = self._step(
            "synthesize (extend)" if spec.extends else "synthesize",
            ModelDraft,
            lambda: self.agents.synthesize(spec, evidence, previous, finding),
            lambda d: ", ".join(f"{m.action} {m.path}" for m in d.models) or "no SQL to write",
            state,
        )
        for model in state.draft.models:
            why = f"{model.materialization} over {', '.join(model.relations)}"
            self.scratchpad.jot("decision", "synthesize", f"{model.action} {model.path}", why)
        state.finding = None

    def _look_for_existing(self, request: Request, state: State) -> Outcome | None:
        spec, draft, evidence = _known(state.spec), _known(state.draft), _known(state.evidence)
        state.reuse = reuse = self._step(
            "reuse",
            Reuse,
            lambda: self.reuse.judge(spec, draft, evidence),
            _reuse_found,
            state,
        )
        verb = "reuse" if reuse.exact else "extend"
        is_taken = reuse.exact or reuse.extend is not None
        if spec.kind == "new_model":
            why = reuse.explanation or "no model has the same grain and numbers"
            decision = f"{verb} {reuse.model}" if is_taken else "a new model"
            self.scratchpad.jot("decision", "reuse", decision, why)
        if reuse.exact:
            return AlreadyExists(model=reuse.model, explanation=reuse.explanation, spec=spec)
        if reuse.extend is not None:
            state.own = _considered(spec, reuse.explanation), draft
            state.spec, state.draft = reuse.extend, None
            return self._asked_before(reuse.extend, evidence)
        if reuse.model:
            state.spec = _considered(spec, reuse.explanation)
        return None

    def _write_tests(self, request: Request, state: State) -> None:
        spec, draft, evidence = _known(state.spec), _known(state.draft), _known(state.evidence)
        previous, finding = state.tests, state.finding
        state.tests = self._step(
            "test",
            TestSuite,
            lambda: self.agents.write_tests(spec, draft, evidence, previous, finding),
            lambda t: f"{len(t.generic)} generic, {len(t.singular)} singular, {len(t.unit)} unit",
            state,
        )
        state.finding = None

    def _document(self, request: Request, state: State) -> None:
        spec, draft, evidence = _known(state.spec), _known(state.draft), _known(state.evidence)
        finding = state.finding
        state.docs = self._step(
            "document",
            DocSet,
            lambda: self.agents.document(spec, draft, evidence, finding),
            lambda d: f"{sum(len(m.columns) for m in d.models)} columns described",
            state,
        )
        state.finding = None

    def _validate(self, request: Request, state: State) -> Outcome | None:
        spec, evidence = _known(state.spec), _known(state.evidence)
        draft, tests, docs = _known(state.draft), _known(state.tests), _known(state.docs)
        state.files = self._step(
            "write files",
            Files,
            lambda: Files(files=self.verifier.files(draft, tests, docs, evidence)),
            lambda f: ", ".join(c.path for c in f.files),
            state,
        ).files
        if not state.files:
            if tests.dropped:
                told = "; ".join(tests.dropped)
                return Failed(
                    reason=f"What was asked for does not hold on today's data: {told}"[:2000],
                    tried=tuple(state.tried),
                    spec=spec,
                )
            reason = "Everything that was asked for is there already."
            return AlreadyExists(model=spec.target, explanation=reason, spec=spec)
        files = state.files
        state.report = self._step(
            "validate",
            ValidationReport,
            lambda: self.verifier.verify(spec, draft, tests, evidence, files),
            _report_found,
            state,
        )
        if state.report.passed:
            self.scratchpad.settle("mended: all checks pass")
        return None

    # --- going back --------------------------------------------------------------------------

    def _go_back(self, request: Request, state: State) -> Outcome | None:
        """Undo the step that the first failed check blames, with the check's exact words."""
        report = _known(state.report)
        failure = report.first_failure
        assert failure is not None
        words = _words(failure)
        seen = f"{failure.name}: {words}"
        times = state.tried.count(seen) + 1
        finding = Finding(check=failure.name, text=words, blame=failure.blame, times=times)
        if failure.blame == "environment":
            return Failed(reason=seen, tried=tuple(state.tried), spec=state.spec, report=report)
        if self.agents.takes_back():
            self._take_back(state, seen)
            return None
        if len(state.tried) >= MAX_REPAIRS or not self.agents.can_try_otherwise(finding):
            return self._give_up(state, finding)
        self.scratchpad.jot("finding", "validate", seen)
        state.tried.append(seen)
        state.finding, state.report = finding, None
        blamed = self._blamed(state, failure, finding)
        self.scratchpad.jot("attempt", "validate", f"go back to the {blamed}", failure.name)
        if blamed == "requirement":
            state.spec = state.draft = state.reuse = state.own = state.tests = state.docs = None
        elif blamed == "model" and state.own and _known(state.spec).extends:
            self._give_up_extending(state, failure)
        elif blamed == "model":
            self._redo_model(request, state)
        elif blamed == "docs":
            state.docs = None
        else:
            self._redo_tests(request, state)
        return None

    def _take_back(self, state: State, seen: str) -> None:
        """Draft once more what agents changed unasked, whichever step a finding blames."""
        state.tried.append(f"taken back, as it may be why: {seen}")
        self.scratchpad.jot("attempt", "validate", "draft by rule again", seen)
        if state.own:
            state.spec = state.own[0]
        state.draft = state.reuse = state.own = state.tests = state.docs = state.report = None

    def _give_up(self, state: State, finding: Finding) -> Outcome:
        """No attempt mended it. Where the model could be built and its numbers were found wrong, what
        was taken for granted may be: people are asked. Else it failed."""
        spec, report = _known(state.spec), _known(state.report)
        built = report.check("dbt build")
        runs = built is not None and built.status == "passed"
        if runs and finding.blame in {"requirement", "model"} and spec.assumptions:
            self.scratchpad.jot("decision", "validate", "ask what is meant", finding.check)
            questions = (_what_is_meant(spec, finding),)
            return NeedsAnswers(questions=questions, spec=spec, report=report)
        reason = f"The check “{finding.check}” fails and no repair was found: {finding.text[:1500]}"
        return Failed(reason=reason, tried=tuple(state.tried), spec=spec, report=report)

    def _blamed(self, state: State, failure: Check, finding: Finding) -> str:
        """Whose work it is. A failing uniqueness or reconciliation may lie in model or request."""
        if failure.name in {"tests", "unit tests"} and failure.blame == "model":
            choices = ["model", "tests", "requirement"]
            return self.run_step(
                f"decide (attempt {len(state.tried)})",
                str,
                lambda: self.agents.decide(
                    "A generated test fails. What is wrong?", choices, finding.text, "model"
                ),
            )
        return failure.blame or "model"

    def _redo_model(self, request: Request, state: State) -> None:
        self._synthesize(request, state)
        state.tests = state.docs = None

    def _give_up_extending(self, state: State, failure: Check) -> None:
        """Go on with the model of its own, as it was drafted before."""
        assert state.own is not None
        spec, state.draft = state.own
        note = f"Not extended: the check “{failure.name}” failed."
        state.spec = spec.model_copy(update={"notes": (*spec.notes, note)})
        self.scratchpad.jot("decision", "validate", "a new model", note)
        state.tests = state.docs = state.finding = None

    def _redo_tests(self, request: Request, state: State) -> None:
        self._write_tests(request, state)

    # --- the end -----------------------------------------------------------------------------

    def _deliver(self, request: Request, state: State, budget: Budget) -> Outcome:
        spec, draft, tests = _known(state.spec), _known(state.draft), _known(state.tests)
        report, evidence = _known(state.report), _known(state.evidence)
        docs = _known(state.docs)
        followed = dict.fromkeys(f for part in (spec, draft, tests, docs) for f in part.followed)
        notes = (*spec.notes, *docs.notes)
        spec = spec.model_copy(update={"followed": tuple(followed), "notes": notes})
        cost = self.agents.cost()
        sealed = self.writer.seal(request, spec, state.files, report)
        text = self.writer.text(request, spec, draft, report, tests, evidence, cost)
        pull_request = None
        if self.host is not None:
            host = self.host
            self.listener.delivering(sealed.branch)
            pull_request = self._step(
                "deliver",
                PullRequest,
                lambda: host.ensure_pull_request(sealed, text),
                lambda p: f"{p.branch} at {p.commit[:10]}: {p.location}",
                durable=False,
            )
        outcome = Delivered(
            pull_request=pull_request, change_set=sealed, text=text, spec=spec, report=report
        )
        self.recall.remember(request, outcome)
        return outcome

    # --- running a step ----------------------------------------------------------------------

    def _step(
        self,
        name: str,
        type_: type[V],
        function: Callable[[], V],
        found: Callable[[V], str],
        state: State | None = None,
        durable: bool = True,
    ) -> V:
        """Run a step, durably where its result is a value; tell the listener what it found."""
        attempt = len(state.tried) + 1 if state else 1
        label = name if attempt == 1 else f"{name} (attempt {attempt})"
        self.listener.step_started(label)
        began, before = time.monotonic(), self.agents.cost()
        result = self.run_step(label, type_, function) if durable else function()
        spent = self.agents.cost() - before
        self.listener.step_finished(label, found(result), time.monotonic() - began, spent)
        return result


def _what_is_meant(spec: RequirementSpec, finding: Finding) -> Question:
    """What people are asked where a check fails again and again: whether they meant what was taken
    for granted."""
    taken = " ".join(f"({n}) {a.text}" for n, a in enumerate(spec.assumptions, 1))
    return Question(
        id=f"check:{finding.check}",
        text=f"As I read this, the check “{finding.check}” fails: {finding.text[:600]}\nI took for "
        f"granted: {taken[:600]}\nWhich of it is meant otherwise, and how?",
    )


def _considered(spec: RequirementSpec, explanation: str) -> RequirementSpec:
    notes = dict.fromkeys((*spec.notes, f"Considered: {explanation}"))
    return spec.model_copy(update={"notes": tuple(notes)})


def _reported(state: State, blame: Blame) -> Finding | None:
    """What was found after an earlier delivery, for the step it blames."""
    return state.reported if state.reported and state.reported.blame == blame else None


def _known(value: V | None) -> V:
    assert value is not None
    return value


def _evidence_found(evidence: Evidence) -> str:
    memory = evidence.remembered
    told = f"{len(evidence.relations)} relations, {len(evidence.glossary)} agreed terms"
    told += f", {len(memory.precedents)} precedents"
    told += f", {len(memory.lessons)} lessons" if memory.lessons else ""
    return told + (f"; memory goes on {memory.missing}" if memory.missing else "")


def _jot_evidence(pad: Scratchpad, evidence: Evidence) -> None:
    for p in evidence.remembered.precedents:
        pad.jot("fact", "recall", f"{p.kind} {p.name} is like it ({p.likeness:.2f})", p.provenance)
    for answer in evidence.remembered.answers:
        told = f"answered before: {answer.question} is {answer.meaning}"
        pad.jot("fact", "recall", told, answer.request)
    for lesson in evidence.remembered.lessons:
        told = f"lesson (trust {lesson.trust:.2f}): {lesson.sentence}"
        pad.jot("fact", "recall", told, lesson.learned_from)


def _jot_spec(pad: Scratchpad, spec: RequirementSpec) -> None:
    elements: list[Metric | Dimension | Filter] = [*spec.metrics, *spec.dimensions, *spec.filters]
    for element in elements:
        told = element.name if isinstance(element, Dimension) else element.label
        source = element.grounding
        pad.jot("fact", "interpret", f"{type(element).__name__.lower()} {told}",
                f"{source.source}: {source.text}")  # fmt: skip
    for assumption in spec.assumptions:
        pad.jot("decision", "interpret", f"assume: {assumption.text}", "its alternatives are rare")
    for followed in spec.followed:
        pad.jot("decision", "interpret", f"follow: {followed.text}", followed.provenance)
    for question in spec.questions:
        pad.jot("finding", "interpret", f"open: {question.text}")


def _spec_found(spec: RequirementSpec) -> str:
    if spec.questions:
        return f"{len(spec.questions)} open question{'s' if len(spec.questions) > 1 else ''}"
    if spec.kind in {"refuse", "nothing"}:
        return spec.reason
    parts = [m.label for m in spec.metrics]
    by = [d.name for d in spec.dimensions]
    text = f"{spec.kind.replace('_', ' ')} {spec.model}"
    if parts:
        text += f": {', '.join(parts)}"
    if spec.time:
        text += f" per {spec.time.grain}"
    return text + (f" by {', '.join(by)}" if by else "")


def _reuse_found(reuse: Reuse) -> str:
    return "extend: " * bool(reuse.extend) + (reuse.explanation or "nothing answers it yet")


def _report_found(report: ValidationReport) -> str:
    failure = report.first_failure
    if failure:
        return (
            f"{failure.name} failed: {failure.finding.splitlines()[0] if failure.finding else ''}"
        )
    count = {s: sum(c.status == s for c in report.checks) for s in ("passed", "warned", "skipped")}
    return ", ".join(f"{n} {s}" for s, n in count.items() if n)


def _words(failure: Check) -> str:
    """The finding with its failing rows, as an agent needs it to mend the work."""
    text = failure.finding
    if failure.table and failure.table.rows:
        rows = "\n".join(" | ".join(r) for r in failure.table.rows[:5])
        text += f"\n{' | '.join(failure.table.columns)}\n{rows}"
    return text

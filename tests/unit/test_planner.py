"""The way of a ticket, with a fake behind every port."""

from __future__ import annotations

import inspect
import time
from dataclasses import dataclass, field

import pytest
from pydantic import ValidationError

from crew import ports
from crew.artifacts import (
    AlreadyExists,
    Assumption,
    Blame,
    ChangeSet,
    Check,
    Cost,
    Delivered,
    Evidence,
    Failed,
    FileChange,
    Finding,
    Grounding,
    Known,
    NeedsAnswers,
    Option,
    Outcome,
    Question,
    Recollection,
    Refused,
    RequirementSpec,
    Reuse,
    Table,
    ValidationReport,
    files_digest,
)
from crew.budget import Budget, BudgetSettings
from crew.errors import NoValidAnswer, WorkerLost
from crew.planner import MAX_REPAIRS, Planner
from tests import fakes
from tests.fakes import (
    DRAFT,
    EVIDENCE,
    FILES,
    PASSED,
    REQUEST,
    SPEC,
    FakeAgents,
    FakeEvidence,
    FakeHost,
    FakeListener,
    FakeRecall,
    FakeReuseJudge,
    FakeRunStep,
    FakeScratchpad,
    FakeVerifier,
    FakeWriter,
)

WHOLE_WAY = [
    "recall", "interpret", "synthesize", "reuse", "test", "document", "write files", "validate",
    "deliver",
]  # fmt: skip


@dataclass
class Desk:
    """A planner and everybody around it."""

    agents: FakeAgents = field(default_factory=FakeAgents)
    verifier: FakeVerifier = field(default_factory=FakeVerifier)
    host: FakeHost | None = field(default_factory=FakeHost)
    reuse: FakeReuseJudge = field(default_factory=FakeReuseJudge)
    recall: FakeRecall = field(default_factory=FakeRecall)
    listener: FakeListener = field(default_factory=FakeListener)
    run_step: FakeRunStep = field(default_factory=FakeRunStep)
    scratchpad: FakeScratchpad = field(default_factory=FakeScratchpad)
    evidence: Evidence = EVIDENCE

    def work(self, budget: Budget | None = None) -> Outcome:
        planner = Planner(
            FakeEvidence(self.evidence), self.recall, self.agents, self.reuse, self.verifier,
            FakeWriter(), self.host, self.listener, self.run_step, self.scratchpad,
        )  # fmt: skip
        return planner.work(REQUEST, budget or Budget(BudgetSettings()))

    @property
    def tasks(self) -> list[str]:
        return [task for task, _ in self.agents.asked]


def failing(blame: Blame, words: str = "3 rows too many", name: str = "grain") -> Check:
    return Check(name=name, status="failed", finding=words, blame=blame)


def test_every_port_has_a_fake() -> None:
    protocols = {
        name
        for name, value in vars(ports).items()
        if inspect.isclass(value) and getattr(value, "_is_protocol", False)
    }
    other_names = {"EvidenceSource": "FakeEvidence", "CodeHost": "FakeHost"}
    other_names |= {"PullRequestWriter": "FakeWriter"}
    wanted = {other_names.get(name, f"Fake{name}") for name in protocols - {"Protocol"}}
    assert {name for name in wanted if not hasattr(fakes, name)} == set()


def test_a_request_goes_the_whole_way_in_order() -> None:
    desk = Desk()
    outcome = desk.work()
    assert isinstance(outcome, Delivered)
    assert outcome.pull_request is not None and outcome.pull_request.created
    assert outcome.change_set.files == FILES
    assert desk.listener.steps == WHOLE_WAY
    assert len(desk.listener.found) == len(WHOLE_WAY)
    assert desk.tasks == ["interpret", "synthesize", "test", "document"]
    assert all(finding is None for _, finding in desk.agents.asked)
    assert desk.recall.remembered == [(REQUEST.key, outcome)]


def test_every_step_but_delivery_is_durable() -> None:
    desk = Desk()
    desk.work()
    assert desk.run_step.ran == WHOLE_WAY[:-1]


def test_stored_steps_are_not_run_again() -> None:
    desk = Desk()
    desk.work()
    again = Desk(host=desk.host, run_step=FakeRunStep(stored=desk.run_step.stored))
    outcome = again.work()
    assert isinstance(outcome, Delivered) and outcome.pull_request is not None
    assert not outcome.pull_request.created
    assert again.tasks == [] and again.verifier.runs == 0
    assert again.listener.steps == WHOLE_WAY


def test_open_questions_end_the_run_with_a_question() -> None:
    question = Question(id="q", text="Active how?", options=(Option(label="A", meaning="a"),))
    spec = SPEC.model_copy(update={"questions": (question,)})
    desk = Desk(agents=FakeAgents(specs=(spec,)))
    outcome = desk.work()
    assert isinstance(outcome, NeedsAnswers)
    assert outcome.questions == (question,) and outcome.spec == spec
    assert desk.listener.steps == ["recall", "interpret"]
    assert desk.host is not None and not desk.host.made


def test_a_refused_request_is_refused_even_with_open_questions() -> None:
    questions = (Question(id="q", text="Really?"),)
    spec = SPEC.model_copy(update={"kind": "refuse", "reason": "no", "questions": questions})
    outcome = Desk(agents=FakeAgents(specs=(spec,))).work()
    assert isinstance(outcome, Refused) and outcome.reason == "no"


def test_nothing_to_change_is_already_there() -> None:
    spec = SPEC.model_copy(update={"kind": "nothing", "target": "dim_customers", "reason": "is"})
    desk = Desk(agents=FakeAgents(specs=(spec,)))
    outcome = desk.work()
    assert isinstance(outcome, AlreadyExists)
    assert (outcome.model, outcome.explanation) == ("dim_customers", "is")
    assert desk.tasks == ["interpret"]


def test_a_model_that_answers_exactly_is_pointed_to() -> None:
    judge = FakeReuseJudge(Reuse(model="fct_orders", explanation="same", exact=True))
    desk = Desk(reuse=judge)
    outcome = desk.work()
    assert isinstance(outcome, AlreadyExists) and outcome.model == "fct_orders"
    assert desk.listener.steps[-1] == "reuse"


def test_a_model_that_nearly_answers_is_a_note_for_the_reviewer() -> None:
    desk = Desk(reuse=FakeReuseJudge(Reuse(model="fct_orders", explanation="lacks the region")))
    outcome = desk.work()
    assert isinstance(outcome, Delivered) and outcome.spec is not None
    assert outcome.spec.notes == ("Considered: lacks the region",)
    assert "lacks the region" in outcome.text


EXTENDING = SPEC.model_copy(
    update={"kind": "change_model", "target": "fct_orders", "extends": {"week": "order_week"}}
)
EXTEND = Reuse(model="fct_orders", explanation="lacks refunds", extend=EXTENDING)


def test_a_model_that_lacks_numbers_alone_is_extended() -> None:
    desk = Desk(reuse=FakeReuseJudge(EXTEND))
    outcome = desk.work()
    assert isinstance(outcome, Delivered) and outcome.spec == EXTENDING
    again = [*WHOLE_WAY[:4], "synthesize (extend)", *WHOLE_WAY[4:]]
    assert desk.listener.steps == again and desk.run_step.ran == again[:-1]
    assert desk.agents.previous[1] is None
    assert ("extend fct_orders", "lacks refunds") in decisions(desk)


def test_an_extension_that_fails_gives_way_to_a_model_of_its_own() -> None:
    verifier = FakeVerifier(verdicts=((failing("model", name="downstream"),), (PASSED,)))
    desk = Desk(reuse=FakeReuseJudge(EXTEND), verifier=verifier)
    outcome = desk.work()
    assert isinstance(outcome, Delivered) and outcome.spec is not None
    assert (outcome.spec.kind, outcome.spec.extends) == ("new_model", {})
    assert outcome.spec.notes == (
        "Considered: lacks refunds",
        "Not extended: the check “downstream” failed.",
    )
    assert [text for text, _ in decisions(desk)][-1] == "a new model"
    assert desk.tasks.count("synthesize") == 2  # the draft of its own was there
    assert len(set(desk.run_step.ran)) == len(desk.run_step.ran)


def test_what_another_pull_request_adds_already_is_not_added_again() -> None:
    known = Known(request="DATA-7", signature=EXTENDING.signature, model="fct_orders",
                        location="#7")  # fmt: skip
    evidence = EVIDENCE.model_copy(update={"remembered": Recollection(open_requests=(known,))})
    outcome = Desk(reuse=FakeReuseJudge(EXTEND), evidence=evidence).work()
    assert isinstance(outcome, AlreadyExists) and "DATA-7" in outcome.explanation


def decisions(desk: Desk) -> list[tuple[str, str]]:
    return [(j.text, j.reason) for j in desk.scratchpad.jottings if j.kind == "decision"]


def test_no_files_to_write_means_it_is_there_already() -> None:
    desk = Desk(verifier=FakeVerifier(written=()))
    outcome = desk.work()
    assert isinstance(outcome, AlreadyExists)
    assert desk.verifier.runs == 0 and "deliver" not in desk.listener.steps


@pytest.mark.parametrize(
    ("blame", "redone"),
    [
        ("requirement", ["interpret", "synthesize", "test", "document"]),
        ("model", ["synthesize", "test", "document"]),
        ("tests", ["test"]),
        ("docs", ["document"]),
        ("", ["synthesize", "test", "document"]),
    ],
)
def test_a_failing_check_sends_back_exactly_the_blamed_step(
    blame: Blame, redone: list[str]
) -> None:
    table = Table(columns=("week", "n"), rows=(("2026-01-05", "2"),))
    check = failing(blame).model_copy(update={"table": table})
    desk = Desk(verifier=FakeVerifier(verdicts=((PASSED, check), (PASSED,))))
    outcome = desk.work()
    assert isinstance(outcome, Delivered)
    assert desk.tasks == ["interpret", "synthesize", "test", "document", *redone]
    findings = [finding for _, finding in desk.agents.asked[4:]]
    words = "3 rows too many\nweek | n\n2026-01-05 | 2"
    assert findings[0] == Finding(check="grain", text=words, blame=blame)
    assert findings[1:] == [None] * (len(redone) - 1)
    assert f"{redone[0]} (attempt 2)" in desk.listener.steps
    assert desk.verifier.runs == 2


@pytest.mark.parametrize("blame", ["model", "tests", "docs", "requirement"])
def test_what_was_changed_unasked_is_drafted_again_whatever_is_blamed(blame: Blame) -> None:
    desk = Desk(agents=FakeAgents(unasked=["document"]))
    desk.verifier = FakeVerifier(verdicts=([failing(blame)], [failing(blame)], [PASSED]))
    assert isinstance(desk.work(), Delivered)
    drafting = ["synthesize", "test", "document"]
    assert desk.tasks[:7] == ["interpret", *drafting, *drafting]
    assert [f for _, f in desk.agents.asked[:7]] == [None] * 7
    found = [f for _, f in desk.agents.asked[7:] if f]
    assert [(f.check, f.times) for f in found] == [("grain", 1)], "then it is mended, as if new"


def test_a_repaired_model_is_made_from_the_one_before() -> None:
    desk = Desk(verifier=FakeVerifier(verdicts=((failing("model"),), (PASSED,))))
    desk.work()
    assert desk.agents.previous[0] is None
    assert desk.agents.previous[2] == DRAFT


def test_only_the_first_failure_is_sent_back() -> None:
    both = (failing("docs", "no words", "docs"), failing("model"))
    desk = Desk(verifier=FakeVerifier(verdicts=(both, (PASSED,))))
    assert isinstance(desk.work(), Delivered)
    assert desk.tasks[4:] == ["document"]


@pytest.mark.parametrize("choice", ["model", "tests", "requirement"])
def test_the_planner_agent_says_what_a_failing_test_means(choice: str) -> None:
    check = failing("model", "2 of 3 failed", "tests")
    desk = Desk(FakeAgents(choice=choice), FakeVerifier(verdicts=((check,), (PASSED,))))
    assert isinstance(desk.work(), Delivered)
    first = {"model": "synthesize", "tests": "test", "requirement": "interpret"}[choice]
    assert desk.tasks[4:6] == ["decide", first]


def test_the_same_finding_twice_ends_with_what_was_tried() -> None:
    desk = Desk(verifier=FakeVerifier(verdicts=((failing("model"),),)))
    outcome = desk.work()
    assert isinstance(outcome, Failed)
    assert outcome.tried == ("grain: 3 rows too many",)
    assert "grain" in outcome.reason and "3 rows too many" in outcome.reason
    assert outcome.report is not None and not outcome.report.passed
    assert outcome.spec == SPEC
    assert desk.verifier.runs == 2
    assert desk.host is not None and not desk.host.made
    assert desk.recall.remembered == []


def test_numbers_found_wrong_twice_are_asked_about() -> None:
    ground = Grounding(source="assumption", text="dated by `ordered_on`")
    taken = Assumption(text=ground.text, grounding=ground)
    spec = SPEC.model_copy(update={"assumptions": (taken,)})
    verdicts = ((PASSED, failing("model")),)
    outcome = Desk(FakeAgents(specs=(spec,)), FakeVerifier(verdicts=verdicts)).work()
    assert isinstance(outcome, NeedsAnswers)
    [question] = outcome.questions
    assert "3 rows too many" in question.text and "dated by `ordered_on`" in question.text
    unbuilt = Desk(FakeAgents(specs=(spec,)), FakeVerifier(verdicts=((failing("model"),),)))
    assert isinstance(unbuilt.work(), Failed), "nobody can say what SQL that does not run means"


def test_ever_new_findings_end_after_the_last_repair() -> None:
    verdicts = [(failing("model", f"{n} rows too many"),) for n in range(20)]
    desk = Desk(verifier=FakeVerifier(verdicts=verdicts))
    outcome = desk.work(Budget(BudgetSettings(steps=100)))
    assert isinstance(outcome, Failed)
    assert len(outcome.tried) == MAX_REPAIRS
    assert desk.verifier.runs == MAX_REPAIRS + 1


def test_a_broken_environment_is_not_repaired() -> None:
    desk = Desk(verifier=FakeVerifier(verdicts=((failing("environment", "disk full"),),)))
    outcome = desk.work()
    assert isinstance(outcome, Failed) and "disk full" in outcome.reason
    assert desk.verifier.runs == 1 and len(desk.tasks) == 4


@pytest.mark.parametrize(
    ("limits", "started", "word"),
    [
        (BudgetSettings(steps=3), 0.0, "3 steps"),
        (BudgetSettings(seconds=5), -10.0, "5 seconds"),
        (BudgetSettings(tokens=100), 0.0, "100 tokens"),
        (BudgetSettings(usd=0.5), 0.0, "0.5 usd"),
    ],
)
def test_a_used_up_budget_fails_and_names_its_setting(
    limits: BudgetSettings, started: float, word: str
) -> None:
    each = Cost(llm_calls=1, prompt_tokens=60, completion_tokens=30, usd=0.4)
    desk = Desk(agents=FakeAgents(cost_per_task=each))
    outcome = desk.work(Budget(limits, started=time.monotonic() + started))
    assert isinstance(outcome, Failed)
    assert word in outcome.reason
    assert f"budget.{word.split()[1]}" in outcome.reason
    assert desk.host is not None and not desk.host.made


def test_a_budget_that_just_suffices_delivers() -> None:
    each = Cost(prompt_tokens=50, completion_tokens=50, usd=0.5)
    limits = BudgetSettings(steps=7, tokens=400, usd=2.0)
    desk = Desk(agents=FakeAgents(cost_per_task=each))
    assert isinstance(desk.work(Budget(limits)), Delivered)


def test_each_step_is_told_with_its_own_cost() -> None:
    desk = Desk(agents=FakeAgents(cost_per_task=Cost(llm_calls=1, prompt_tokens=7)))
    desk.work()
    spent = dict(zip(desk.listener.steps, desk.listener.costs, strict=True))
    assert {n for n, c in spent.items() if c.prompt_tokens == 7} == set(WHOLE_WAY[1:3]) | {
        "test", "document",
    }  # fmt: skip
    assert sum(c.prompt_tokens for c in spent.values()) == 28


def test_an_agent_without_an_answer_fails_the_request() -> None:
    class Mute(FakeAgents):
        def interpret(self, *_: object) -> RequirementSpec:
            raise NoValidAnswer("The interpreter gave no usable answer.", "Try another LLM.")

    outcome = Desk(agents=Mute()).work()
    assert isinstance(outcome, Failed) and "no usable answer" in outcome.reason


def test_what_may_pass_with_time_is_raised() -> None:
    class Lost(FakeVerifier):
        def verify(self, *_: object) -> ValidationReport:
            raise WorkerLost("The dbt worker died.")

    with pytest.raises(WorkerLost):
        Desk(verifier=Lost()).work()


def test_without_a_host_nothing_is_delivered() -> None:
    desk = Desk(host=None)
    outcome = desk.work()
    assert isinstance(outcome, Delivered)
    assert outcome.pull_request is None and outcome.change_set.files == FILES
    assert desk.listener.steps == WHOLE_WAY[:-1]


@pytest.mark.parametrize(
    ("checks", "files"),
    [
        ((PASSED, failing("model")), FILES),
        ((), FILES),
        ((PASSED,), (FILES[0].model_copy(update={"text": "select 2\n"}),)),
        ((PASSED,), ()),
    ],
)
def test_what_no_report_has_passed_cannot_be_sealed(
    checks: tuple[Check, ...], files: tuple[FileChange, ...]
) -> None:
    report = ValidationReport(files=files_digest(FILES), checks=checks)
    with pytest.raises(ValidationError):
        FakeWriter().seal(REQUEST, SPEC, files, report)
    with pytest.raises(ValidationError):
        ChangeSet(
            files=files, message="m", branch="b", base="main", base_commit="0", title="t",
            report=report,
        )  # fmt: skip


def test_warnings_and_skipped_checks_do_not_stop_a_delivery() -> None:
    checks = (PASSED, Check(name="cost", status="warned"), Check(name="diff", status="skipped"))
    assert isinstance(Desk(verifier=FakeVerifier(verdicts=(checks,))).work(), Delivered)

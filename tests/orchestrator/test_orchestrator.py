"""The rules between doors, desk and queue, on SQLite and on Postgres."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from crew.artifacts import Option, Question
from crew.delivery.pulls import CheckFailure, Pull, Remark
from crew.errors import HostUnavailable, InvalidInput, InvalidSettings
from crew.result import empty_result
from crew.settings import LimitSettings, ProjectSettings
from tests.orchestrator.conftest import Office, make_office
from triggers.desk import Record
from triggers.orchestrator import Superseded

ID = "paper:T-1"
DAY = 86_400.0
WHO = {"source": "paper", "key": "T-1", "title": "Orders per week"}
ASKED = Question(
    id="q1",
    text="Which date?",
    options=(Option(label="A", meaning="created", effect="412 orders"),),
    default="A",
)


def delivered(commit: str = "c1", **more: Any) -> dict[str, Any]:
    sent = {"branch": "firstmile/t-1-x", "commit": commit, "pull_request": "https://h/pull/7"}
    return empty_result() | {"outcome": "delivered", "run": "r", "models": ["x"], **sent, **more}


def asking() -> dict[str, Any]:
    return empty_result() | {
        "outcome": "needs_answers",
        "questions": [ASKED.model_dump(mode="json")],
    }


def receive(office: Office, **more: Any) -> Record | None:
    return office.orchestrator.receive(office.door.put("T-1", **more))


def work(office: Office, result: dict[str, Any]) -> Record | None:
    office.orchestrator.begin(ID, office.run())
    record = office.orchestrator.finish(ID, office.run(), result)
    office.post()
    return record


def pull(**more: Any) -> Pull:
    values: dict[str, Any] = {
        "number": 7, "branch": "firstmile/t-1-x", "state": "open", "draft": True, "head": "c1",
        "base": "main", "url": "https://h/pull/7", "updated_at": "1",
    }  # fmt: skip
    return Pull(**{**values, **more})


# --- taking up -----------------------------------------------------------------------------------


def test_a_ticket_is_queued_once_and_acknowledged(office: Office) -> None:
    record = receive(office)
    assert record and record.state == "queued"
    assert list(office.queue.runs) == [f"{ID}:{record.revision}"]
    for _ in range(10):
        office.orchestrator.receive(office.door.sheets["T-1"].ticket)
    office.post()
    assert len(office.queue.runs) == 1
    assert office.door.kinds("T-1") == ["status"]
    assert "Queued" in office.door.text("T-1") and office.door.sheets["T-1"].phases == ["queued"]


def test_a_ticket_without_our_label_is_none_of_ours(office: Office) -> None:
    assert receive(office, wanted=False, why_not="no label") is None
    assert office.desk.tickets() == [] and office.queue.runs == {}


def test_a_subtask_is_not_worked_by_itself(office: Office) -> None:
    office.door.put("T-1")
    office.door.put("T-2", part_of="T-1")
    assert office.poller.poll(office.door) == 2
    assert [r.id for r in office.desk.tickets()] == [ID]


def test_who_is_not_allowed_is_told_so(engine: sa.Engine) -> None:
    office = make_office(engine, allowed=("@firm.example", "bob"))
    for person, state in (
        ("eve@evil.example", "refused"),
        ("eve@evil-firm.example", "refused"),
        ("Ada@Firm.example", "queued"),
        ("bob", "queued"),
        ("", "refused"),
    ):
        record = receive(office, title=f"for {person}", person=person)
        assert record and record.state == state, person
        office.post()
        if state == "refused":
            assert "may not ask here" in office.door.text("T-1")


def test_an_unknown_project_is_refused_with_the_known_ones(engine: sa.Engine) -> None:
    office = make_office(engine, projects={"shop": ProjectSettings(project="/a")})
    for project, words in (("bank", "no dbt project 'bank'"), ("", "Name the dbt project")):
        record = receive(office, title=f"x {project}", project=project)
        office.post()
        assert record and record.state == "refused"
        assert words in office.door.text("T-1") and "shop" in office.door.text("T-1")
    record = receive(office, title="x ", project="shop")
    assert record and record.state == "queued"


def test_over_the_limit_is_queued_for_later_and_said(engine: sa.Engine) -> None:
    office = make_office(engine, limits=LimitSettings(per_person_per_day=2))
    for number in range(3):
        ticket = office.door.put(f"T-{number}", person="ada")
        office.orchestrator.receive(ticket)
        office.clock.now += 60
    office.post()
    delays = list(office.queue.runs.values())
    assert delays[:2] == [0, 0] and delays[2] == pytest.approx(DAY - 120)
    assert "Over the limit of 2" in office.door.text("T-2")


# --- changes -------------------------------------------------------------------------------------


def test_an_edited_ticket_replaces_the_queued_run(office: Office) -> None:
    receive(office)
    first = office.run()
    receive(office, title="Orders per month")
    second = office.run()
    assert first != second and len(office.queue.runs) == 2
    with pytest.raises(Superseded):
        office.orchestrator.begin(ID, first)
    assert office.orchestrator.begin(ID, second).request.title == "Orders per month"


def test_an_edit_stops_the_run_that_is_worked_at_its_next_step(office: Office) -> None:
    receive(office)
    run = office.run()
    office.orchestrator.begin(ID, run)
    office.orchestrator.progress(ID, run, "interpret", 1, {})
    receive(office, body="by region too")
    with pytest.raises(Superseded):
        office.orchestrator.progress(ID, run, "test", 2, {})
    assert office.orchestrator.finish(ID, run, delivered()) is None
    assert office.desk.ticket(ID).state == "queued"  # type: ignore[union-attr]


def test_a_revision_that_comes_back_is_worked_again(office: Office) -> None:
    receive(office)
    receive(office, title="other")
    receive(office)
    assert len(set(office.queue.runs)) == 3
    assert office.run().endswith(":2")


def test_an_edit_after_delivery_updates_the_same_branch(office: Office) -> None:
    receive(office)
    work(office, delivered())
    record = receive(office, body="by region too")
    assert record and (record.state, record.branch) == ("queued", "firstmile/t-1-x")
    assert record.delivered and record.delivered.body == ""
    work(office, delivered("c1"))
    assert "No change was needed" in office.door.text("T-1")
    receive(office, body="by country too")
    work(office, delivered("c2"))
    assert "Ready for review" in office.door.text("T-1")
    assert office.door.kinds("T-1") == ["status"]


@pytest.mark.parametrize("state", ["queued", "working", "waiting", "delivered"])
def test_a_ticket_that_lost_its_label_stops_in_every_state(office: Office, state: str) -> None:
    receive(office)
    run = office.run()
    if state == "working":
        office.orchestrator.begin(ID, run)
    elif state == "waiting":
        work(office, asking())
    elif state == "delivered":
        work(office, delivered())
    record = receive(office, wanted=False, why_not="The label was removed.")
    office.post()
    assert record and record.state == "cancelled"
    assert "label was removed" in office.door.text("T-1")
    with pytest.raises(Superseded):
        office.orchestrator.begin(ID, run)
    closed = [t for t in office.told if t[0] == "close"]
    assert len(closed) == (state == "delivered")
    receive(office, wanted=False, why_not="Closed.")
    assert office.desk.ticket(ID).reason == "The label was removed."  # type: ignore[union-attr]


def test_a_label_put_on_again_begins_anew_and_keeps_its_pull_request_open(office: Office) -> None:
    receive(office)
    work(office, delivered())
    receive(office, wanted=False, why_not="x")
    record = receive(office)
    office.post()
    assert record and record.state == "queued" and record.run.endswith(":2")
    assert [t for t in office.told if t[0] == "close"] == []


def test_what_an_operator_stopped_stays_stopped_though_its_label_is_there(office: Office) -> None:
    receive(office)
    office.orchestrator.cancel(ID, "the operator")
    office.post()
    receive(office)
    record = receive(office, body="edited")
    assert record and record.state == "cancelled" and len(office.queue.runs) == 1
    receive(office, wanted=False, why_not="The label was removed.")
    record = receive(office)
    assert record and record.state == "queued"


def test_a_merged_pull_request_ends_it(office: Office) -> None:
    receive(office)
    work(office, delivered())
    office.orchestrator.follow(pull(state="merged"))
    receive(office, said=("Thanks!",))
    office.post()
    assert office.desk.ticket(ID).state == "merged"  # type: ignore[union-attr]
    assert len(office.queue.runs) == 1 and "Merged" in office.door.text("T-1")


def test_a_closed_pull_request_is_worked_anew_once_the_label_comes_back(office: Office) -> None:
    receive(office)
    work(office, delivered())
    office.orchestrator.follow(pull(state="closed"))
    receive(office)
    assert len(office.queue.runs) == 1
    receive(office, wanted=False, why_not="The label was removed.")
    office.post()
    assert "Closed" in office.door.text("T-1") and office.told == []
    record = receive(office)
    assert record and record.state == "queued" and len(office.queue.runs) == 2


# --- questions -----------------------------------------------------------------------------------


def test_a_question_is_asked_reminded_once_and_laid_aside(office: Office) -> None:
    receive(office)
    work(office, asking())
    assert office.door.kinds("T-1") == ["question", "status"]
    kind = next(k for k, _ in office.door.sheets["T-1"].comments.values() if k != "status")
    assert "412 orders" in office.door.text("T-1", kind)

    def sweep(days: float) -> None:
        office.clock.now += days * DAY
        office.orchestrator.sweep(set)
        office.post()

    sweep(0.9)
    assert office.door.kinds("T-1") == ["question", "status"]
    for _ in range(3):
        sweep(0.2)
    assert office.door.kinds("T-1") == ["question", "reminder", "status"]
    sweep(6)
    assert office.desk.ticket(ID).state == "laid_aside"  # type: ignore[union-attr]
    assert "Laid aside" in office.door.text("T-1")
    record = receive(office, said=("A",))
    assert record and record.state == "queued"


def test_an_answer_goes_on_with_the_request(office: Office) -> None:
    receive(office)
    work(office, asking())
    record = office.orchestrator.answer(ID, "Ada", "A")
    assert record and record.state == "queued"
    assert [c.ours for c in record.request.comments] == [True, False]


# --- pull requests -------------------------------------------------------------------------------


def remark(id_: str = "r1", **more: Any) -> Remark:
    values: dict[str, Any] = {"id": id_, "author": "rev", "may_write": True, "addressed": True,
                              "text": "@firstmile use created_at"}  # fmt: skip
    return Remark(**{**values, **more})


def test_a_remark_becomes_one_repair_and_is_answered(office: Office) -> None:
    receive(office)
    work(office, delivered())
    for _ in range(3):
        office.orchestrator.follow(pull(remarks=(remark(), remark("r2", addressed=False))))
    record = office.desk.ticket(ID)
    assert record and record.state == "queued" and len(office.queue.runs) == 2
    assert record.finding and record.finding.text == "@firstmile use created_at"
    assert record.wanted.comments[-1].body == "@firstmile use created_at"
    work(office, delivered("c2"))
    assert [t[:4] for t in office.told] == [("answer", 7, "r1", "rev")]
    assert "Done in c2" in office.told[0][4]


def test_a_remark_that_changes_nothing_is_answered_with_why(office: Office) -> None:
    receive(office)
    work(office, delivered())
    office.orchestrator.follow(pull(remarks=(remark(),)))
    work(office, delivered("c1"))
    assert "No change was made" in office.told[0][4]


def test_who_may_not_write_is_not_obeyed(office: Office) -> None:
    receive(office)
    work(office, delivered())
    for _ in range(2):
        office.orchestrator.follow(pull(remarks=(remark(may_write=False),)))
    office.post()
    assert len(office.queue.runs) == 1 and len(office.told) == 1
    assert "Only people who may write" in office.told[0][4]


def test_failed_checks_are_repaired_within_the_budget(office: Office) -> None:
    receive(office)
    work(office, delivered())
    for number in range(2, 8):
        failure = CheckFailure("1", "dbt build", "column x is gone")
        office.orchestrator.follow(pull(failures=(failure,), head=f"c{number}"))
        record = office.desk.ticket(ID)
        assert record
        if record.state == "queued":
            assert record.finding and record.finding.blame == "model"
            work(office, delivered("c9"))
            told = "Ready for review" if number == 2 else "Checks fail, and I found no repair"
            assert told in office.door.text("T-1")
    assert len(office.queue.runs) == 1 + LimitSettings().ci_repairs


def test_a_base_that_moved_into_conflict_is_worked_again_once(office: Office) -> None:
    receive(office)
    work(office, delivered())
    for _ in range(3):
        office.orchestrator.follow(pull(conflicts=True))
    assert len(office.queue.runs) == 2


def test_another_pull_request_from_the_same_branch_ends_nothing(office: Office) -> None:
    receive(office)
    work(office, delivered())
    earlier = pull(number=3, url="https://h/pull/3", state="closed")
    assert office.orchestrator.follow(earlier) is None
    assert office.desk.ticket(ID).state == "delivered"  # type: ignore[union-attr]


def test_a_branch_that_is_not_ours_is_left_alone(office: Office) -> None:
    assert office.orchestrator.follow(pull(branch="firstmile/other")) is None


# --- what goes wrong -----------------------------------------------------------------------------


def test_a_service_that_is_away_postpones_then_fails(office: Office) -> None:
    receive(office)
    for minutes in (2, 10, 60):
        run = office.run()
        office.orchestrator.begin(ID, run)
        assert office.orchestrator.postpone(ID, run, "No answer.")
        assert office.queue.runs[office.run()] == minutes * 60
    run = office.run()
    office.orchestrator.begin(ID, run)
    assert office.orchestrator.postpone(ID, run, "No answer.") is None


def test_a_run_that_the_queue_lost_is_queued_again(office: Office) -> None:
    receive(office)
    lost = office.run()
    office.clock.now += 120
    assert office.orchestrator.sweep(set) == []
    assert [r.id for r in office.orchestrator.sweep(lambda runs: set())] == [ID]
    assert office.run() != lost


def test_a_run_that_never_ends_is_begun_again_then_given_up(office: Office) -> None:
    receive(office)
    for number in range(3):
        run = office.run()
        office.orchestrator.begin(ID, run)
        office.clock.now += 1800
        assert office.orchestrator.sweep(set) == []
        office.clock.now += 1900
        (record,) = office.orchestrator.sweep(set)
        assert record.state == ("queued" if number < 2 else "failed")
        with pytest.raises(Superseded):
            office.orchestrator.progress(ID, run, "test", 1, {})
    office.post()
    assert "never ended" in office.door.text("T-1")


def test_a_notice_is_told_once_whatever_happens(office: Office) -> None:
    receive(office)
    office.post()
    work(office, asking())
    failed: list[str] = []

    def fault(name: str) -> None:
        if len(failed) < 6 and name.startswith(("write", "after write")):
            failed.append(name)
            raise HostUnavailable("away") if len(failed) % 2 else InvalidInput("no")

    office.orchestrator.answer(ID, "Ada", "A")
    office.door.fault = fault
    for _ in range(12):
        office.clock.now += 1000
        office.post()
    assert len(failed) == 6
    assert office.door.kinds("T-1") == ["question", "status"]
    assert office.desk.untold()[0] == 0


def test_a_poll_reads_only_what_changed_and_repeats_after_a_failure(office: Office) -> None:
    for number in range(5):
        office.door.put(f"T-{number}")
    assert office.poller.poll(office.door) == 5
    office.door.calls.clear()
    assert office.poller.poll(office.door) == 0
    assert office.door.calls == ["changed"]
    office.door.change("T-3")

    def fault(name: str) -> None:
        if name == "read T-3":
            raise HostUnavailable("away")

    office.door.fault = fault
    office.clock.now += 30
    assert office.poller.poll(office.door) == 0
    assert office.poller.poll(office.door) == 0, "it is put aside"
    office.door.fault = lambda _: None
    office.door.changed_addresses = []
    office.clock.now += 130
    assert office.poller.poll(office.door) == 1


def test_a_door_at_which_nothing_can_be_read_keeps_the_cursor(office: Office) -> None:
    for number in range(20):
        office.door.put(f"T-{number}")

    def fault(name: str) -> None:
        if name.startswith("read"):
            raise HostUnavailable("away")

    office.door.fault = fault
    with pytest.raises(HostUnavailable):
        office.poller.poll(office.door)
    assert office.desk.cursor("paper") is None and len(office.door.calls) < 10
    office.door.fault = lambda _: None
    assert office.poller.poll(office.door) == 20


def test_all_that_wait_are_looked_at_in_turn(office: Office) -> None:
    for number in range(25):
        office.orchestrator.receive(office.door.put(f"T-{number}"))
        id_ = f"paper:T-{number}"
        office.orchestrator.begin(id_, office.run(id_))
        office.orchestrator.finish(id_, office.run(id_), asking())
    looked: list[str] = []
    changed = office.door.changed
    office.door.changed = lambda s, w: looked.extend(w) or changed(s, w)  # type: ignore
    for _ in range(3):
        office.clock.now += 10
        office.poller.poll(office.door)
    assert len(set(looked)) == 25


def test_untrusted_words_have_no_effect_in_what_we_write(office: Office) -> None:
    receive(office)
    reason = "see [here](https://evil.example) <img src=x> @channel\n# Heading"
    work(office, empty_result() | {"outcome": "refused", "reason": reason})
    text = office.door.text("T-1")
    assert "](https://evil" not in text and "\n# Heading" not in text and "<img" not in text


def test_every_outcome_says_what_it_is(office: Office) -> None:
    for number, outcome in enumerate(("refused", "failed", "already_exists")):
        receive(office, title=f"t{number}")
        result = empty_result() | {"outcome": outcome, "reason": "because", "models": ["m"]}
        work(office, result)
        assert "because" in office.door.text("T-1")
    assert WHO["key"] in office.door.text("T-1")


# --- deliveries that cross with changes ----------------------------------------------------------


def closes(office: Office) -> int:
    office.post()
    return len([t for t in office.told if t[0] == "close"])


def test_a_cancel_while_it_is_delivered_closes_what_was_delivered(office: Office) -> None:
    receive(office)
    run = office.run()
    office.orchestrator.begin(ID, run)
    office.orchestrator.will_deliver(ID, run, "firstmile/t-1-x")
    receive(office, wanted=False, why_not="The label was removed.")
    assert closes(office) == 1, "perhaps before it was there"
    assert office.orchestrator.finish(ID, run, delivered()) is None
    assert closes(office) == 2
    office.orchestrator.superseded(ID, run)
    assert closes(office) == 2
    with pytest.raises(Superseded):
        office.orchestrator.will_deliver(ID, run, "firstmile/t-1-x")


def test_an_edit_while_it_is_delivered_goes_on_with_the_same_branch(office: Office) -> None:
    receive(office)
    run = office.run()
    office.orchestrator.begin(ID, run)
    office.orchestrator.will_deliver(ID, run, "firstmile/t-1-x")
    record = receive(office, body="by region too")
    assert record and record.branch == "firstmile/t-1-x"


def test_a_pull_request_says_that_it_is_behind_its_request(office: Office) -> None:
    receive(office)
    work(office, delivered())
    receive(office, body="by something unclear")
    work(office, asking())
    notes = [t[2] for t in office.told if t[0] == "note"]
    assert len(notes) == 1 and "Behind its request" in notes[0]
    assert "as it was before, without this change" in office.door.text("T-1")
    receive(office, said=("A",))
    work(office, delivered("c2"))
    notes = [t[2] for t in office.told if t[0] == "note"]
    assert "up to date" in notes[-1]


def test_a_ticket_handed_over_again_opens_its_pull_request_again(office: Office) -> None:
    receive(office)
    work(office, delivered())
    office.orchestrator.follow(pull(state="closed"))
    receive(office, wanted=False, why_not="x")
    record = receive(office)
    assert record and record.reopen and record.branch == "firstmile/t-1-x"
    office.orchestrator.follow(pull(state="closed"))
    assert office.desk.ticket(ID).state == "queued"  # type: ignore[union-attr]
    record = work(office, delivered("c2"))
    assert record and record.state == "delivered" and not record.reopen


def test_a_pull_request_that_a_person_opened_again_is_followed_again(office: Office) -> None:
    receive(office)
    work(office, delivered())
    office.orchestrator.follow(pull(state="closed"))
    office.orchestrator.follow(pull(remarks=(remark(),)))
    assert office.desk.ticket(ID).state == "queued"  # type: ignore[union-attr]


def test_an_edited_remark_is_read_again_in_place_of_the_first(office: Office) -> None:
    receive(office)
    work(office, delivered())
    office.orchestrator.follow(pull(remarks=(remark(text="per day"),)))
    work(office, delivered("c2"))
    office.orchestrator.follow(pull(remarks=(remark(text="per month"),)))
    record = office.desk.ticket(ID)
    assert record and [r.comment.body for r in record.remarks] == ["per month"]
    assert len(office.queue.runs) == 3


def test_remarks_are_remembered_for_as_long_as_a_pull_request_is_open(office: Office) -> None:
    receive(office)
    work(office, delivered())
    office.orchestrator.follow(pull(remarks=(remark(),)))
    work(office, delivered("c2"))
    office.clock.now += 90 * DAY
    office.orchestrator.sweep(set)
    office.orchestrator.follow(pull(remarks=(remark(),)))
    assert len(office.queue.runs) == 2


def test_open_remarks_are_answered_when_it_is_merged(office: Office) -> None:
    receive(office)
    work(office, delivered())
    office.orchestrator.follow(pull(remarks=(remark(),)))
    office.orchestrator.follow(pull(state="merged"))
    office.post()
    assert [t[:3] for t in office.told if t[0] == "answer"] == [("answer", 7, "r1")]


def test_an_expired_token_loses_no_message(office: Office) -> None:
    receive(office)

    def refuse(name: str) -> None:
        raise InvalidSettings("The token is expired.", "Export a new one.")

    office.door.fault = refuse
    for _ in range(40):
        office.clock.now += 900
        office.post()
    office.door.fault = lambda _: None
    office.clock.now += 900
    office.post()
    assert office.door.kinds("T-1") == ["status"] and office.desk.given_up() == 0

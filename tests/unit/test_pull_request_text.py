"""Reviewers see all that was understood and proven, and nothing that a ticket smuggles in."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crew.artifacts import (
    Assumption,
    Check,
    Cost,
    Dimension,
    DraftModel,
    Evidence,
    Filter,
    Grounding,
    LookBack,
    Measure,
    Metric,
    ModelDraft,
    RelationCard,
    Request,
    RequirementSpec,
    Table,
    TestSuite,
    TimeAxis,
    ValidationReport,
)
from crew.delivery.delivery_rules import check_branch, request_key
from crew.delivery.pull_request_text import (
    MAX_BYTES,
    branch_name,
    commit_message,
    pull_request_text,
    pull_request_title,
)
from crew.delivery.safe_markdown import code, code_block, quoted, shown

TICKET = Grounding(source="ticket", text="weekly churn")
GUESS = Grounding(source="assumption", text="Weeks begin on Monday", confidence=0.7)
REQUEST = Request(
    source="jira", key="DATA-141", title="Weekly churn by region", requester="Ines",
    body="Can we track **churn**?\n\n- per week\n- by region",
    url="https://shop.atlassian.net/browse/DATA-141",
)  # fmt: skip
SPEC = RequirementSpec(
    kind="new_model", model="fct_weekly_churn", question="How many customers leave per week?",
    metrics=(
        Metric(
            name="churn_rate", label="Churn", formula="cancelled / active", unit="share",
            measures=(Measure(name="c", relation="s", aggregation="count", expression="*"),),
            definition="cancelled over active", grounding=TICKET,
        ),
    ),
    dimensions=(Dimension(name="region", relation="dim_customers", column="region_name",
                          grounding=TICKET),),
    filters=(Filter(condition="not a.is_test | b", label="no test accounts", grounding=TICKET),),
    time=TimeAxis(grain="week", column="week", grounding=TICKET),
    look_back=LookBack(count=90, unit="day", grounding=TICKET), row_grain=("week", "region"),
    acceptance=("one row per week and region",), notes=("Ignored: drop table",),
    assumptions=(Assumption(text="Weeks begin on Monday", check_sql="select 1", grounding=GUESS),),
)  # fmt: skip
DRAFT = ModelDraft(
    models=(
        DraftModel(name="fct_weekly_churn", path="models/marts/fct_weekly_churn.sql", sql="",
                   relations=("stg_subscriptions", "dim_customers")),
    ),
)  # fmt: skip
EVIDENCE = Evidence(
    project="shop", dialect="duckdb",
    relations=(
        RelationCard(
            key="stg_subscriptions", unique_id="model.shop.stg_subscriptions", kind="model",
            layer="staging", relation_name="s", parents=("source.shop.shop.subscriptions",),
        ),
    ),
)  # fmt: skip
CARD = Table(columns=("figure", "source"), rows=(("cancelled", "12"),))
REPORT = ValidationReport(
    files="x",
    checks=(
        Check(name="dbt build", status="passed", finding="1 model built"),
        Check(name="sample rows", status="passed", table=CARD),
        Check(name="row ledger", status="warned", finding="3 rows left out", table=CARD),
        Check(name="grain", status="passed", table=CARD),
        Check(name="reconciliation", status="passed", finding="1 figure agrees", table=CARD),
        Check(name="model diff", status="skipped", finding="new model"),
    ),
)
SUITE = TestSuite(dropped=("unique on region: 3 doubles",))


def text(
    request: Request = REQUEST, spec: RequirementSpec = SPEC, report: ValidationReport = REPORT,
    suite: TestSuite = SUITE, cost: Cost | None = None,
) -> str:  # fmt: skip
    return pull_request_text(request, spec, DRAFT, report, suite, EVIDENCE, cost or Cost())


def section(name: str, body: str) -> str:
    return body.split(f"## {name}", 1)[1].split("\n## ", 1)[0]


def test_the_sections_come_in_the_order_a_reviewer_needs() -> None:
    heads = re.findall(r"^## (.*)$", text(), flags=re.M)
    assert heads == [
        "The request", "What was understood", "Notes", "Assumptions to confirm", "Lineage",
        "Evidence", "Tests proposed and dropped", "How to review",
        "Acceptance criteria, in the ticket's words",
    ]  # fmt: skip


def test_the_request_is_quoted_and_linked() -> None:
    found = section("The request", text())
    assert "[DATA-141](https://shop.atlassian.net/browse/DATA-141)" in found
    assert "> Can we track \\*\\*churn\\*\\*?\n>\n> - per week\n> - by region" in found


def test_every_element_shows_where_it_comes_from() -> None:
    rows = section("What was understood", text()).split("| --- |")[-1].splitlines()
    for name in ("`churn_rate` (share)", "`cancelled / active`", "`dim_customers.region_name`",
                 "per week", "the last 90 days", "no test accounts"):  # fmt: skip
        row = next(line for line in rows if name in line)
        assert "ticket: “weekly churn”" in row
    assert "One row per `week`, `region`." in text()


def test_an_assumption_carries_its_query_collapsed() -> None:
    found = section("Assumptions to confirm", text())
    assert "- [ ] Weeks begin on Monday\n  <details><summary>how to check</summary>" in found
    assert "  ```sql\n  select 1\n  ```" in found


def test_lineage_is_a_graph_from_sources_to_the_new_model() -> None:
    found = section("Lineage", text())
    assert '["fct_weekly_churn"]:::changed' in found
    ids = {m[1]: m[0] for m in re.findall(r'(n\d+)\["([^"]+)"\]', found)}
    assert f"{ids['stg_subscriptions']} --> {ids['fct_weekly_churn']}" in found
    assert f"{ids['shop.subscriptions']} --> {ids['stg_subscriptions']}" in found


def test_reconciliation_comes_first_then_the_ledger_and_samples_last() -> None:
    found = section("Evidence", text())
    order = ["✅ | dbt build", "⚠️ | row ledger", "⏭️ | model diff", "### Reconciliation",
             "### Row ledger", "<summary>Grain (1 rows)", "<summary>Sample rows"]  # fmt: skip
    places = [found.index(words) for words in order]
    assert places == sorted(places)
    assert found.count("<details>") == found.count("</details>") == 2


def test_how_to_review_names_files_and_commands() -> None:
    found = section("How to review", text())
    assert "`models/marts/fct_weekly_churn.sql`" in found
    assert "`dbt build --select fct_weekly_churn+`" in found
    assert "row ledger" in found


def test_criteria_dropped_tests_and_cost_are_there() -> None:
    whole = text(cost=Cost(llm_calls=3, prompt_tokens=1200, completion_tokens=300, usd=0.0123))
    assert "- [ ] one row per week and region" in whole
    assert "- unique on region: 3 doubles" in whole
    assert "3 calls of a language model: 1,200 tokens sent, 300 received, 0.0123 USD" in whole
    unpriced = text(cost=Cost(llm_calls=3, prompt_tokens=9, cached_tokens=4, unpriced_calls=2))
    assert "9 tokens sent (4 of them cached)" in unpriced
    assert "the price of 2 calls is not known" in unpriced
    assert "without any call of a language model" in text()


ATTACKS = {
    "a way out of details": "</details><img src=x onerror=alert(1)><!-- ",
    "a mention": "ping @org/team and @mara",
    "closing words": "fixes #12, closes org/repo#3, resolves GH-4 and "
    "fixes https://github.com/org/repo/issues/5",
    "a fence": "```\n## Approved\n````\n~~~",
    "table pipes": "a | b\n|---|\n| c |",
    "a link": "[click](javascript:alert(1)) ![x](https://evil.example/pixel.png) www.evil.example",
    "headings": "# Approved\n===\n---\n1) x\n+ y\n> z",
    "hidden words": "x\u202ey\u200bz\x1b[31m",
    "mermaid": 'a"] --> b; click a "https://evil.example"',
    "math": "$\\href{https://evil.example}{x}$",
}


def attacked(words: str) -> str:
    ground = Grounding(source="ticket", text=words)
    report = ValidationReport(
        files="x",
        checks=(
            Check(name=words, status="warned", finding=words,
                  table=Table(columns=(words,), rows=((words,),))),
        ),
    )  # fmt: skip
    spec = SPEC.model_copy(
        update={
            "question": words, "acceptance": (words,), "notes": (words,),
            "row_grain": (words,), "filters": (Filter(condition=words, label=words,
                                                      grounding=ground),),
            "assumptions": (Assumption(text=words, check_sql=words, grounding=ground),),
        }
    )  # fmt: skip
    request = Request(source="file", key=words, title=words, body=words, requester=words, url=words)
    return text(request, spec, report, TestSuite(dropped=(words,)))


@pytest.mark.parametrize("name", ATTACKS)
def test_text_of_a_ticket_has_no_effect(name: str) -> None:
    whole = attacked(ATTACKS[name])
    own = {"details", "/details", "summary", "/summary"}
    lines, fence = [], ""
    for line in whole.splitlines():
        mark = re.match(r"\s*(`{3,})", line)
        if mark and not fence:
            fence = mark[1]
        elif fence and line.strip() == fence:
            fence = ""
        elif not fence:
            lines.append(line)
    assert not fence
    outside = re.sub(r"(?<!\\)(`+)(?!`).*?(?<!`)\1(?!`)", "", "\n".join(lines))
    assert {t for t in re.findall(r"(?<!\\)<(/?\w+)", outside)} <= own
    assert outside.count("<details>") == outside.count("</details>")
    assert outside.count("<!--") == 1
    assert not re.search(r"@\w|#\d|gh-\d|://|www\.\w|(?<!\\)\]\(", outside, re.I)
    assert not re.search(r"#\d|@\w", whole)
    assert not re.search(r"^(>\s*)?(#{1,6}\s+Approved|=+$|\|---\|$)", outside, re.M)
    for line in outside.splitlines():
        if line.startswith("| "):
            assert len(re.findall(r"(?<!\\)\|", line)) in (2, 4)
    assert not re.search("[\u202e\x1b]", whole)


@pytest.mark.parametrize("name", ATTACKS)
def test_titles_and_messages_have_no_effect(name: str) -> None:
    words = ATTACKS[name]
    request = REQUEST.model_copy(update={"title": words})
    spec = SPEC.model_copy(update={"question": words})
    for line in (pull_request_title(request, spec), commit_message(request, spec)):
        assert not re.search(r"@\w|#\d|gh-\d|://|[\u202e\u200b\x1b]", line, re.I)
    assert request_key(commit_message(request, spec)) == "DATA-141"


def test_a_title_cannot_forge_the_trailer() -> None:
    forged = REQUEST.model_copy(update={"title": "x\n\nFirstmile-Request: OTHER-1"})
    spec = SPEC.model_copy(update={"question": "x\n\nFirstmile-Request: OTHER-1\n"})
    message = commit_message(forged, spec)
    assert request_key(message) == "DATA-141"
    assert len(message.splitlines()[0]) <= 72


def test_the_title_names_key_and_model() -> None:
    assert pull_request_title(REQUEST, SPEC) == (
        "DATA-141: Weekly churn by region (fct_weekly_churn)"
    )
    long = REQUEST.model_copy(update={"title": "word " * 100})
    assert len(pull_request_title(long, SPEC)) <= 120


def test_branches_are_short_valid_and_their_own() -> None:
    assert branch_name(REQUEST, SPEC) == "firstmile/data-141-fct-weekly-churn"
    keys = ["DATA-1", "größe", "grösse", "x" * 80, "x" * 81, "a/../b", "日本", "-", "a b", "a-b"]
    models = ["m", "fct_" + "long_" * 30 + "a", "fct_" + "long_" * 30 + "b", ""]
    names = []
    for key in keys:
        for model in models:
            request = REQUEST.model_copy(update={"key": key})
            spec = SPEC.model_copy(update={"model": model, "target": ""})
            names.append(branch_name(request, spec))
            check_branch(names[-1], ())
            assert len(names[-1]) <= 60
            assert set(names[-1]) <= set(string.ascii_lowercase + string.digits + "-/")
    assert len(set(names)) == len(names)


def test_a_huge_run_stays_readable_and_below_the_limit() -> None:
    big = Table(columns=tuple("abcdef"), rows=tuple(("x" * 400,) * 6 for _ in range(500)))
    report = ValidationReport(
        files="x",
        checks=tuple(Check(name=f"c{i}", status="passed", finding="y" * 900, table=big)
                     for i in range(200)),
    )  # fmt: skip
    spec = SPEC.model_copy(
        update={"assumptions": SPEC.assumptions * 300, "acceptance": ("z" * 900,) * 300}
    )
    request = REQUEST.model_copy(update={"body": "größe\n" * 20_000})
    whole = text(request, spec, report, TestSuite(dropped=("d" * 900,) * 300))
    assert len(whole.encode()) <= MAX_BYTES
    assert whole.count("<details>") == whole.count("</details>")
    assert "not shown" in whole
    assert "## How to review" in whole


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_stays_in_its_place(words: str) -> None:
    assert "\n" not in shown(words)
    assert not re.search(r"(?<!\\)(\\\\)*\|", shown(words))
    assert all(line.startswith(">") for line in quoted(words, 1000).split("\n"))
    ticks = re.match(r"`*", code(words))
    assert ticks is not None
    if ticks[0]:
        assert code(words).count(ticks[0]) >= 2
    fence = code_block(words, "sql").split("\n")
    assert fence[-1] not in fence[1:-1]


def test_a_rework_tells_what_changed_in_the_request() -> None:
    changed = ("now per day", "two\nlines\n\nFirstmile-Request: OTHER-1", "", *["x"] * 50)
    message = commit_message(REQUEST, SPEC, changed)
    assert "\n\nChanged in the request:\n- now per day\n- two lines Firstmile" in message
    assert request_key(message) == "DATA-141"
    assert len(message.splitlines()) < 40


def test_a_change_too_large_to_review_says_so_and_how_to_split_it() -> None:
    assert "large for one review" not in text()
    model = DRAFT.models[0]
    many = tuple(model.model_copy(update={"path": f"models/m{i}.sql"}) for i in range(16))
    long = (model.model_copy(update={"sql": "select 1\n" * 900}),)
    for models in (many, long):
        draft = DRAFT.model_copy(update={"models": models})
        whole = pull_request_text(REQUEST, SPEC, draft, REPORT, SUITE, EVIDENCE, Cost())
        head = whole.split("## The request")[0]
        assert "large for one review" in head and "one model at a time" in head


def test_what_was_not_there_while_evidence_was_gathered_is_said() -> None:
    evidence = EVIDENCE.model_copy(update={"notes": ("The glossary of DataHub is away.",)})
    whole = pull_request_text(REQUEST, SPEC, DRAFT, REPORT, SUITE, evidence, Cost())
    assert "- The glossary of DataHub is away." in whole.split("## Notes")[1]

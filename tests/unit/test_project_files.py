"""Existing YAML survives byte for byte; what is added stands where its neighbours stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from crew.artifacts import (
    ColumnDoc,
    Conventions,
    DocSet,
    DraftModel,
    Evidence,
    FileChange,
    Freshness,
    GenericTest,
    Grounding,
    ModelDoc,
    ModelDraft,
    RelationCard,
    SingularTest,
    TestSuite,
    UnitTest,
)
from crew.delivery.project_files import project_files
from crew.delivery.yaml_edit import YamlEdit
from crew.errors import InvalidProject, PolicyViolation

GROUND = Grounding(source="ticket", text="churn")
FOLDER = "models/marts/sales"
SCHEMA = f"{FOLDER}/_sales__models.yml"
ORDERS = RelationCard(
    key="fct_orders", unique_id="model.shop.fct_orders", kind="model", layer="mart",
    relation_name="fct_orders", path=f"{FOLDER}/fct_orders.sql", schema_path=SCHEMA,
)  # fmt: skip
EVIDENCE = Evidence(project="shop", dialect="duckdb", relations=(ORDERS,))
NEW = DraftModel(
    name="fct_refunds", path=f"{FOLDER}/fct_refunds.sql", sql="select 1 as refund_id",
    columns=("refund_id", "amount"),
)  # fmt: skip
CHANGED = DraftModel(
    name="fct_orders", path=f"{FOLDER}/fct_orders.sql", sql="select 2 as order_id", action="update",
)  # fmt: skip
TESTS = TestSuite(
    generic=(
        GenericTest(model="fct_refunds", column="refund_id", test="unique"),
        GenericTest(model="fct_refunds", column="refund_id", test="not_null", severity="warn"),
        GenericTest(
            model="fct_refunds", test="unique_combination",
            arguments={"columns": ["refund_id", "amount"]},
        ),
    ),
)  # fmt: skip
DOCS = DocSet(
    models=(
        ModelDoc(
            model="fct_refunds", description="One row per refund: what was paid back.",
            columns=(ColumnDoc(name="amount", description="In euros", grounding=GROUND),),
        ),
    ),
)  # fmt: skip
COLUMN_TESTS = TestSuite(
    generic=(
        GenericTest(model="fct_orders", column="order_id", test="not_null"),
        GenericTest(model="fct_orders", column="region", test="not_null"),
    )
)
COLUMN_DOCS = DocSet(
    models=(
        ModelDoc(
            model="fct_orders", description="Orders",
            columns=(
                ColumnDoc(name="order_id", description="Key of the order", grounding=GROUND),
                ColumnDoc(name="region", description="Région: où", grounding=GROUND),
            ),
        ),
    ),
)  # fmt: skip


def written(folder: Path, files: dict[str, str | bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def new_model(folder: Path, **conventions: Any) -> dict[str, FileChange]:
    evidence = EVIDENCE.model_copy(update={"conventions": Conventions(**conventions)})
    files = project_files(folder, ModelDraft(models=(NEW,)), TESTS, DOCS, evidence)
    return {f.path: f for f in files}


def changed_model(folder: Path, schema: str) -> str:
    written(folder, {SCHEMA: schema, CHANGED.path: "select 1 as order_id\n"})
    files = project_files(
        folder, ModelDraft(models=(CHANGED,)), COLUMN_TESTS, COLUMN_DOCS, EVIDENCE
    )
    return next(f.text for f in files if f.path == SCHEMA)


def is_kept(old: str, new: str) -> bool:
    """All old lines are there, in order and unchanged."""
    lines = iter(new.splitlines(keepends=True))
    kept = old.splitlines(keepends=True)
    return all(any(line.rstrip("\r\n") == n.rstrip("\r\n") for n in lines) for line in kept)


def test_a_new_folder_gets_a_schema_file_by_the_projects_pattern(tmp_path: Path) -> None:
    files = new_model(tmp_path)
    assert files[NEW.path].text == "select 1 as refund_id\n"
    assert files[NEW.path].action == "create"
    assert files[SCHEMA].text == (
        "version: 2\n"
        "\n"
        "models:\n"
        "  - name: fct_refunds\n"
        "    description: 'One row per refund: what was paid back.'\n"
        "    data_tests:\n"
        "      - unique_combination:\n"
        "          arguments:\n"
        "            columns: [refund_id, amount]\n"
        "    columns:\n"
        "      - name: refund_id\n"
        "        data_tests:\n"
        "          - unique\n"
        "          - not_null:\n"
        "              config:\n"
        "                severity: warn\n"
        "      - name: amount\n"
        "        description: In euros\n"
    )


def test_a_new_entry_follows_its_neighbours(tmp_path: Path) -> None:
    old = (
        "models:\n- name: a\n  columns:\n  - name: x\n    tests: [unique]\n\n  - name: y\n# the end"
    )
    written(tmp_path, {f"{FOLDER}/schema.yaml": old, f"{FOLDER}/sources.yml": "sources: []\n"})
    text = new_model(tmp_path)[f"{FOLDER}/schema.yaml"].text
    assert text.startswith(
        "models:\n- name: a\n  columns:\n  - name: x\n    tests: [unique]\n\n  -"
    )
    assert text.endswith("\n# the end")
    assert "\n  columns:\n  - name: refund_id\n    tests:\n    - unique\n    - not_null:\n" in text
    assert "\n\n  - name: amount\n    description: In euros\n" in text


def test_one_file_per_model_stays_one_file_per_model(tmp_path: Path) -> None:
    written(tmp_path, {f"{FOLDER}/_{n}.yml": f"models:\n  - name: {n}\n" for n in ("a", "b")})
    assert f"{FOLDER}/_fct_refunds.yml" in new_model(tmp_path)


def test_the_fullest_file_of_the_folder_takes_the_entry(tmp_path: Path) -> None:
    few, many = "models:\n  - name: a\n", "models:\n  - name: b\n  - name: c\n"
    written(tmp_path, {f"{FOLDER}/a_few.yml": few, f"{FOLDER}/many.yml": many})
    assert f"{FOLDER}/many.yml" in new_model(tmp_path)


@pytest.mark.parametrize("content", ["", "# nothing yet\n", "---\n", "version: 2", "\ufeff"])
def test_an_empty_file_is_filled(tmp_path: Path, content: str) -> None:
    written(tmp_path, {SCHEMA: content})
    text = new_model(tmp_path)[SCHEMA].text
    assert text.startswith(content)
    assert yaml.safe_load(text)["models"][0]["name"] == "fct_refunds"


def test_a_file_of_sources_gets_a_models_key(tmp_path: Path) -> None:
    old = "version: 2\nsources:\n  - name: raw\n    tables:\n      - name: t # last\n\n# end\n"
    written(tmp_path, {SCHEMA: old})
    text = new_model(tmp_path)[SCHEMA].text
    assert is_kept(old, text)
    assert list(yaml.safe_load(text)) == ["version", "sources", "models"]


def test_materialization_is_written_only_where_the_layer_has_another(tmp_path: Path) -> None:
    files = new_model(tmp_path, mart_materialization="view")
    assert "    config:\n      materialized: table\n" in files[SCHEMA].text


SCHEMAS = {
    "blocks": "models:\n  - name: fct_orders\n    columns:\n      - name: order_id\n",
    "no_columns": "models:\n  - name: fct_orders\n    description: x\n  - name: other\n",
    "empty_columns": "models:\n  - name: fct_orders\n    columns: []  # none yet\n  - name: b\n",
    "null_columns": "models:\n  - name: fct_orders\n    columns:\n      # none yet\n  - name: b\n",
    "flow_tests": "models:\n- name: fct_orders\n  columns:\n  - {name: order_id, tests: [a, ]}\n",
    "flow_columns": "models:\n- name: fct_orders\n  columns: [{name: order_id}, {name: x}]\n",
    "flow_file": "{models: [{name: fct_orders, columns: [{name: order_id, tests: []}]}]}\n",
    "crlf": "models:\r\n  - name: fct_orders\r\n    columns:\r\n      - name: order_id\r\n",
    "no_last_newline": "models:\n  - name: fct_orders\n    columns:\n      - name: order_id",
    "empty_description": (
        "models:\n  - name: fct_orders\n    columns:\n      - name: order_id\n"
        "        description: ''   # later\n        meta: {ü: 'ß'}\n"
    ),
    "null_description": (
        "models:\n  - name: fct_orders\n    description:\n    columns:\n"
        "      - name: order_id\n        description:  # later\n        quote: true\n"
    ),
    "comments": (
        "# top\nmodels:\n  # before\n  - name: fct_orders # 1\n    # in\n    description: >\n"
        "      long\n      text\n    # columns\n    columns:\n      # first\n"
        "      - name: order_id\n        # deep\n      # same\n\n  # between\n  - name: b\n# end\n"
    ),
    "anchors": (
        "anchors:\n  - &key\n    - unique\nmodels:\n  - name: a\n    columns: &c\n"
        "      - name: id\n        data_tests: *key\n  - name: fct_orders\n    columns:\n"
        "      - name: order_id\n        meta: *key\n"
    ),
    "wide": (
        "models:\n    -   name: fct_orders\n        columns:\n            -   name: order_id\n"
        "                tests:\n                    -   unique\n"
    ),
    "bom": "\ufeffmodels:\n  - name: fct_orders\n",
    "unicode_quotes": (
        'models:\n  - name: "fct_orders"\n    description: "über 😀 — “alles”"\n    columns:\n'
        "      - name: 'order_id'\n        description: |\n          zwei\n\n          Zeilen\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_change_adds_to_the_existing_entry_and_to_nothing_else(tmp_path: Path, name: str) -> None:
    old = SCHEMAS[name]
    new = changed_model(tmp_path, old)
    if "flow" not in name and "empty" not in name and "null" not in name:
        assert is_kept(old, new)
    assert new.endswith("\n") == old.endswith("\n")
    assert new.count("\r\n") == (new.count("\n") if "\r" in old else 0)
    before, after = yaml.safe_load(old.lstrip("\ufeff")), yaml.safe_load(new.lstrip("\ufeff"))
    entry = next(m for m in after["models"] if m["name"] == "fct_orders")
    columns = {c["name"]: c for c in entry["columns"]}
    assert list(columns)[-1] == "region"
    assert columns["region"]["description"] == "Région: où"
    assert columns["order_id"]["description"]
    tests = columns["order_id"].get("tests", columns["order_id"].get("data_tests"))
    assert "not_null" in tests
    others = [m for m in before["models"] if m["name"] != "fct_orders"]
    assert [m for m in after["models"] if m["name"] != "fct_orders"] == others


def test_the_comment_of_an_entry_stays_with_it(tmp_path: Path) -> None:
    new = changed_model(tmp_path, SCHEMAS["comments"])
    assert "        # deep\n      # same\n      - name: region\n" in new
    assert new.endswith("\n\n  # between\n  - name: b\n# end\n")


def test_columns_with_blank_lines_between_them_get_another(tmp_path: Path) -> None:
    old = "models:\n- name: fct_orders\n  columns:\n  - name: a\n\n  - name: b\n\n\n- name: c\n"
    new = changed_model(tmp_path, old.replace("a\n", "order_id\n"))
    assert "  - name: b\n\n  - name: region\n    description: 'Région: où'\n" in new


def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    first = changed_model(tmp_path, SCHEMAS["blocks"])
    written(tmp_path, {SCHEMA: first, CHANGED.path: CHANGED.sql + "\n"})
    draft = ModelDraft(models=(CHANGED,))
    assert project_files(tmp_path, draft, COLUMN_TESTS, COLUMN_DOCS, EVIDENCE) == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("models:\n\t- name: fct_orders\n", "cannot be read"),
        ("models:\n  - name: fct_orders\n    name: x\n", "stands twice"),
        ("- just\n- a list\n", "does not hold a mapping"),
        (b"models: \xff\xfe", "is not UTF-8"),
    ],
)
def test_an_unreadable_schema_file_is_refused(
    tmp_path: Path, content: str | bytes, words: str
) -> None:
    written(tmp_path, {SCHEMA: content})
    with pytest.raises(InvalidProject, match=words) as caught:
        extended = TestSuite(generic=COLUMN_TESTS.generic)
        project_files(tmp_path, ModelDraft(models=()), extended, DocSet(), EVIDENCE)
    assert caught.value.cure


def test_an_entry_behind_an_anchor_is_refused(tmp_path: Path) -> None:
    old = (
        "models:\n  - name: a\n    columns: &c\n      - name: order_id\n"
        "  - name: fct_orders\n    columns: *c\n"
    )
    with pytest.raises(PolicyViolation, match="cannot be added to"):
        changed_model(tmp_path, old)


def test_an_anchor_that_others_use_is_not_extended(tmp_path: Path) -> None:
    old = (
        "models:\n  - name: fct_orders\n    columns: &c\n      - name: order_id\n"
        "  - name: a\n    columns: *c\n"
    )
    with pytest.raises(PolicyViolation, match="something else would change"):
        changed_model(tmp_path, old)


def test_existing_sql_is_not_overwritten_by_a_new_model(tmp_path: Path) -> None:
    written(tmp_path, {NEW.path: "select 0\n"})
    with pytest.raises(PolicyViolation, match="exists already"):
        new_model(tmp_path)


def test_paths_do_not_lead_out_of_the_project(tmp_path: Path) -> None:
    draft = ModelDraft(models=(NEW.model_copy(update={"path": "../../x.sql"}),))
    with pytest.raises(PolicyViolation, match="leads out"):
        project_files(tmp_path, draft, TESTS, DOCS, EVIDENCE)


def test_windows_line_ends_of_a_changed_model_stay(tmp_path: Path) -> None:
    written(tmp_path, {SCHEMA: SCHEMAS["blocks"], CHANGED.path: "select 1\r\n"})
    files = project_files(tmp_path, ModelDraft(models=(CHANGED,)), TestSuite(), DocSet(), EVIDENCE)
    assert [f.text for f in files] == ["select 2 as order_id\r\n"]


def test_unit_tests_stand_beside_their_model_and_singular_tests_in_files(tmp_path: Path) -> None:
    written(tmp_path, {SCHEMA: SCHEMAS["blocks"], CHANGED.path: "select 1\n"})
    row = {"day": "2024-01-01", "is_x": True, "amount": 1e20, "note": "a, b: c", "gone": None}
    unit = UnitTest(
        name="t", model="fct_orders", given=({"input": "ref('o')", "rows": [row]},), expect=(row,)
    )
    singular = SingularTest(name="s", path="tests/s.sql", sql="select 1 where false")
    suite = TestSuite(unit=(unit,), singular=(singular,))
    files = project_files(tmp_path, ModelDraft(models=()), suite, DocSet(), EVIDENCE)
    texts = {f.path: f.text for f in files}
    assert texts["tests/s.sql"] == "select 1 where false\n"
    found = yaml.safe_load(texts[SCHEMA])["unit_tests"]
    assert found[0]["given"] == [{"input": "ref('o')", "rows": [row]}]
    assert found[0]["expect"] == {"rows": [row]}
    assert is_kept(SCHEMAS["blocks"], texts[SCHEMA])


def test_freshness_is_written_under_config_of_the_source_table(tmp_path: Path) -> None:
    path = "models/staging/_sources.yml"
    old = "sources:\n- name: raw\n  tables:\n  - name: t\n    description: x\n  - name: u\n"
    card = ORDERS.model_copy(
        update={"key": "raw.t", "kind": "source", "layer": "source", "schema_path": path}
    )
    evidence = EVIDENCE.model_copy(update={"relations": (card,)})
    fresh = Freshness(source="raw", table="t", loaded_at_field="at", warn_after_hours=24)
    written(tmp_path, {path: old})
    suite = TestSuite(freshness=(fresh,))
    files = project_files(tmp_path, ModelDraft(models=()), suite, DocSet(), evidence)
    added = (
        "    config:\n      freshness:\n        warn_after: {count: 24, period: hour}\n"
        "      loaded_at_field: at\n"
    )
    assert files[0].text == old.replace("description: x\n", "description: x\n" + added)


def test_tests_of_an_unknown_relation_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyViolation, match="not among the known"):
        project_files(tmp_path, ModelDraft(models=()), TESTS, DocSet(), EVIDENCE)


WORDS = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp"), blacklist_characters="\ufeff"),
    max_size=200,
)  # fmt: skip
GAPS = st.sampled_from(["", "\n", "# note\n", "\n  # note\n\n", "      # deep\n"])


@st.composite
def schema_files(draw: st.DrawFn) -> str:
    """A schema file of some style with the model fct_orders in it."""
    pad = " " * draw(st.sampled_from([0, 2, 4]))
    text = draw(st.sampled_from(["", "version: 2\n", "# top\nversion: 2\n\n"])) + "models:\n"
    for name in draw(st.permutations(["a", "fct_orders", "b"])):
        text += draw(GAPS) + f"{pad}- name: {name}\n"
        description = draw(WORDS)
        if draw(st.booleans()):
            text += (
                f"{pad}  description: {yaml.safe_dump(description, width=1e9).splitlines()[0]}\n"
            )
        if draw(st.booleans()):
            text += f"{pad}  columns:\n{pad}  {pad}- name: order_id   # key\n" + draw(GAPS)
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))
    return text if draw(st.booleans()) else text.rstrip("\r\n")


@settings(max_examples=150, deadline=None)
@given(schema_files(), WORDS, st.sampled_from(["not_null", "unique"]))
def test_without_the_inserted_text_the_original_bytes_remain(
    old: str, words: str, test: str
) -> None:
    try:
        edit = YamlEdit("x.yml", old)
    except InvalidProject:
        return
    for name in ("order_id", "other"):
        before = edit.text
        if edit.get(("models", ("name", "fct_orders"), "columns", ("name", name))) is None:
            entry = {"name": name, "description": words, "data_tests": [test]}
            edit.append(("models", ("name", "fct_orders")), "columns", entry)
            assert is_insertion(before, edit.text)
    before = edit.text
    edit.append((), "models", {"name": "new", "description": words})
    assert is_insertion(before, edit.text)
    assert is_kept(old, edit.text)


def is_insertion(old: str, new: str) -> bool:
    """Whether `new` is `old` with one run of text put in."""
    head = common_start(old, new)
    tail = common_start(old[::-1], new[::-1])
    return head + tail >= len(old)


def common_start(one: str, other: str) -> int:
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))

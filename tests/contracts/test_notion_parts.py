"""Settings, glossary and webhooks of Notion."""

from __future__ import annotations

import hashlib
import hmac
import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from crew.errors import InvalidInput, InvalidSettings, PolicyViolation
from memory.glossary import read_glossary
from tests.servers.notion_case import served, settings
from tests.servers.notion_objects import identifier, rich
from triggers.notion_glossary import glossary_yaml
from triggers.notion_settings import TOKEN, NotionSettings
from triggers.notion_webhook import addresses_of, keep_verification_token

PAGE = "993b77c0-5b56-4d1a-9f1e-000000000001"
DIGITS = PAGE.replace("-", "")


# --- settings ------------------------------------------------------------------------------------


def test_an_id_is_enough() -> None:
    found = NotionSettings.load({"data_source": DIGITS}, {TOKEN: " ntn_x\n"})
    assert found.data_source == PAGE
    assert found.token.get_secret_value() == "ntn_x"
    assert "ntn_x" not in repr(found)
    assert (found.version, found.requested) == ("2025-09-03", ("Requested",))


@pytest.mark.parametrize(
    ("values", "token", "words"),
    [
        ({}, "x", "either data_source or database"),
        ({"data_source": PAGE, "database": PAGE}, "x", "either data_source or database"),
        ({"data_source": "https://www.notion.so/x"}, "x", "notion.data_source"),
        ({"data_source": PAGE}, "", f"{TOKEN} is not set"),
        ({"data_source": PAGE}, "geheim\u00e9", "characters that no token has"),
        ({"data_source": PAGE, "token": "ntn_secret"}, "x", "belongs into"),
        ({"data_source": PAGE, "version": "2022-06-28"}, "x", "2025-09-03 or later"),
        ({"data_source": PAGE, "statuses": {"cooking": "x"}}, "x", "notion.statuses"),
        ({"data_source": PAGE, "requested": ["cancelled"]}, "x", "cannot both"),
        ({"data_source": PAGE, "statuses": {"working": "Won't do"}}, "x", "cannot both"),
        ({"data_source": PAGE, "colour": "red", "requested": []}, "x", "notion.colour"),
    ],
)
def test_wrong_settings_are_named(values: dict[str, Any], token: str, words: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        NotionSettings.load(values, {TOKEN: token} if token else {})
    assert words in caught.value.message
    assert "ntn_secret" not in str(caught.value) and "geheim" not in str(caught.value)


# --- glossary ------------------------------------------------------------------------------------

COLUMNS = {"Term": "title", "Synonyms": "multi_select", "Meaning": "rich_text",
           "Owner": "select", "Relation": "rich_text", "Condition": "rich_text",
           "Formula": "rich_text", "Unit": "select", "Measures": "rich_text"}  # fmt: skip
MEASURES = """cancelled: {relation: stg_shop__subscriptions, aggregation: count,
  expression: subscription_id, time: cancelled_at, filters: ["not is_test_account"]}
ones:
  relation: stg_shop__subscriptions
  aggregation: sum
  expression: 1
  active_from: started_at
  active_to: cancelled_at
  at: period_start
"""
SOURCE = identifier(7)


def test_a_data_source_feeds_the_glossary(tmp_path: Path) -> None:
    with served() as notion:
        notion.page_limit = 2
        notion.sources[SOURCE] = COLUMNS
        notion.add(
            "", source=SOURCE, Term="churn rate", Synonyms=["churn", "cancellation rate"],
            Meaning=[*rich("Cancelled "), *rich("by", bold=True), *rich(" active.")],
            Owner="finance", Formula="cancelled / ones", Unit="ratio",
            Measures=rich(MEASURES, code=True),
        )  # fmt: skip
        notion.add("", source=SOURCE, Term="Completed order", Relation="stg_shop__orders",
                   Condition="order_status = 'completed'")  # fmt: skip
        notion.add("", source=SOURCE, Term="")
        found = glossary_yaml(
            settings(notion, glossary=SOURCE, glossary_properties={"definition": "Meaning"})
        )
    file = tmp_path / "glossary.yml"
    file.write_text(found, "utf-8")
    churn, completed = read_glossary(file)
    assert (churn.name, churn.synonyms) == ("churn rate", ("churn", "cancellation rate"))
    assert (churn.definition, churn.owner, churn.unit) == (
        "Cancelled by active.", "finance", "ratio"
    )  # fmt: skip
    assert churn.formula == "cancelled / ones"
    assert [(m.name, m.expression, m.at) for m in churn.measures] == [
        ("cancelled", "subscription_id", None), ("ones", "1", "period_start")
    ]  # fmt: skip
    assert churn.measures[0].filters == ("not is_test_account",)
    assert (completed.relation, completed.condition) == (
        "stg_shop__orders", "order_status = 'completed'"
    )  # fmt: skip


def test_all_rows_that_cannot_be_read_are_named() -> None:
    broken = {
        "A": {"Measures": "x: ["},
        "B": {"Measures": "- x", "Formula": "x"},
        "C": {"Measures": "x: {relation: r, aggregation: mode, expression: e}", "Formula": "x"},
        "D": {"Formula": "x / y"},
        "E": {"Condition": "a = 1"},
        "F": {"Measures": "x: &a {relation: *a}"},
        "G": {"Measures": "x: {1: 2}"},
        "H": {"Measures": "x: {relation: r, aggregation: sum, expression: e}"},
    }
    with served() as notion:
        notion.sources[SOURCE] = COLUMNS
        for name, values in broken.items():
            notion.add("", source=SOURCE, Term=name, **values)
        notion.add("", source=SOURCE, Term="Fine")
        with pytest.raises(InvalidInput, match="8 rows") as caught:
            glossary_yaml(settings(notion, glossary=SOURCE))
        assert all(f"'{name}': " in caught.value.message for name in broken)
        with pytest.raises(InvalidSettings, match="no data source"):
            glossary_yaml(settings(notion, glossary=identifier(8)))
        with pytest.raises(InvalidSettings, match=r"notion\.glossary"):
            glossary_yaml(settings(notion))


def test_a_glossary_without_rows_is_valid(tmp_path: Path) -> None:
    with served() as notion:
        notion.sources[SOURCE] = COLUMNS
        found = glossary_yaml(settings(notion, glossary=SOURCE))
    assert yaml.safe_load(found) == {"version": 1, "terms": []}


# --- webhooks ------------------------------------------------------------------------------------


def event(type_: str, **more: Any) -> bytes:
    entity = {"id": DIGITS, "type": type_.partition(".")[0]}
    return json.dumps({"type": type_, "entity": entity, **more}).encode()


def signed(body: bytes, secret: str = "secret_abc") -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Notion-Signature": f"sha256={digest}"}


@pytest.mark.parametrize(
    ("body", "pages"),
    [
        (event("page.content_updated"), (PAGE,)),
        (event("page.deleted"), (PAGE,)),
        (event("comment.created", data={"page_id": PAGE}), (PAGE,)),
        (event("comment.created"), ()),
        (event("comment.created", data={"page_id": "../users"}), ()),
        (event("data_source.schema_updated"), ()),
        (b"[]", ()),
        (b'{"type": 5, "entity": []}', ()),
    ],
)
def test_an_event_names_its_page(body: bytes, pages: tuple[str, ...]) -> None:
    assert addresses_of(signed(body), body, "secret_abc") == pages
    lower = {k.lower(): v for k, v in signed(body).items()}
    assert addresses_of(lower, body, "secret_abc") == pages


def test_what_was_not_signed_with_our_secret_is_refused() -> None:
    body = event("page.created")
    for headers, secret in (
        ({}, "secret_abc"),
        (signed(body, "other"), "secret_abc"),
        (signed(body + b" "), "secret_abc"),
        (signed(body, ""), ""),
        ({"X-Notion-Signature": "sha256=ü"}, "secret_abc"),
    ):
        with pytest.raises(PolicyViolation, match="not signed"):
            addresses_of(headers, body, secret)
    with pytest.raises(InvalidInput, match="no JSON"):
        addresses_of(signed(b"{"), b"{", "secret_abc")


def test_the_token_of_a_subscription_is_kept_for_the_operator_alone(tmp_path: Path) -> None:
    first, second = (json.dumps({"verification_token": t}).encode() for t in ("first", "second"))
    file = keep_verification_token(first, tmp_path)
    assert file is not None
    assert keep_verification_token(second, tmp_path) is None, "a stranger's would replace it"
    assert file.read_text() == "first\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.unlink()
    assert keep_verification_token(second, tmp_path) == file
    file.unlink()
    for body in (b"{}", b'{"verification_token": 5}', b'{"verification_token": "a\\nb"}'):
        assert keep_verification_token(body, tmp_path) is None
    with pytest.raises(InvalidInput):
        keep_verification_token(b"<html>", tmp_path)

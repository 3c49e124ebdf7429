"""Business words of catalogs, over real MCP: stdio and streamable HTTP, answering and not."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

import pytest

from crew.agents.catalog_answers import Unreadable, records_of, terms_of
from crew.agents.mcp_glossary import read_glossaries
from crew.artifacts import GlossaryTerm
from crew.errors import InvalidSettings
from crew.settings import GlossarySettings, load_settings
from tests.servers.mcp_catalog import TERMS, served

ROOT = Path(__file__).parents[2]


def over_stdio(product: str, **more: object) -> GlossarySettings:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv = ['', {product!r}]"
    code += "; import runpy; runpy.run_module('tests.servers.mcp_catalog', run_name='__main__')"
    given = {"command": sys.executable, "args": ("-c", code), "timeout_seconds": 30, **more}
    return GlossarySettings.model_validate(given)


def over_http(url: str, kind: str = "other", **more: object) -> GlossarySettings:
    given = {"kind": kind, "url": url, "tool": "terms" if kind == "other" else "", **more}
    return GlossarySettings.model_validate(given)


def by_name(terms: tuple[GlossaryTerm, ...]) -> dict[str, GlossaryTerm]:
    return {t.name: t for t in terms}


@pytest.mark.parametrize(
    ("kind", "owner", "synonyms", "origin"),
    [
        ("openmetadata", "Finance", ("live customer",), "OpenMetadata"),
        ("atlan", "jane", (), "Atlan"),
        ("datahub", "Finance", (), "DataHub"),
    ],
)
def test_the_products_words_are_read_over_http(
    kind: str, owner: str, synonyms: tuple[str, ...], origin: str, tmp_path: Path
) -> None:
    with served(kind) as place:
        asked = over_http(place.url, kind, token_env="CATALOG_TOKEN")
        terms = by_name(read_glossaries([asked], tmp_path, {"CATALOG_TOKEN": "sesame"}))
    assert terms["Active customer"] == GlossaryTerm(
        name="Active customer",
        synonyms=synonyms,
        definition="Ordered in the last 90 days.",
        owner=owner,
        origin=origin,
    )
    assert set(place.tokens) == {"Bearer sesame"}
    assert not {"Idle customer", "orders", "Old word", "gone"} & set(terms)
    assert "sesame" not in "".join(f.read_text() for f in tmp_path.iterdir())


def test_a_server_of_our_own_is_asked_over_stdio(tmp_path: Path) -> None:
    terms = read_glossaries([over_stdio("openmetadata", kind="openmetadata")], tmp_path)
    assert "Active customer" in by_name(terms)
    assert len(terms) == TERMS - 2  # over several pages; a draft and a table are no terms


def test_no_more_terms_than_allowed_are_read(tmp_path: Path) -> None:
    with served("openmetadata") as place:
        asked = over_http(place.url, "openmetadata", max_terms=60)
        assert 50 < len(read_glossaries([asked], tmp_path)) <= 60


def test_words_of_any_catalog_have_no_rule_and_no_length(tmp_path: Path) -> None:
    with served("plain") as place:
        asked = over_http(place.url, arguments={"glossary": "the board"}, name="Our wiki")
        net, long = read_glossaries([asked], tmp_path)
    assert (net.name, net.definition) == ("Net revenue", "As the board has it.")
    assert (net.owner, net.synonyms, net.origin) == ("Controlling", ("net sales",), "Our wiki")
    assert net.formula is None and net.condition is None and not net.measures
    assert len(long.name) <= 82 and len(long.definition) <= 602


@pytest.mark.parametrize("product", ["nonsense", "failing"])
def test_an_answer_that_cannot_be_read_is_said_and_passed_over(
    product: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with served(product) as place, caplog.at_level(logging.WARNING):
        assert read_glossaries([over_http(place.url)], tmp_path) == ()
    reason = "Sign in" if product == "nonsense" else "the index is being rebuilt"
    assert reason in caplog.text and "None of its words are known" in caplog.text
    assert not list(tmp_path.iterdir())


def test_slow_servers_hold_nobody_up_for_longer_than_their_timeout(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with served("slow") as place, caplog.at_level(logging.WARNING):
        began = time.monotonic()
        asked = [over_http(place.url, timeout_seconds=1), over_http(place.url, timeout_seconds=1.5)]
        assert read_glossaries(asked, tmp_path) == ()
        assert time.monotonic() - began < 2.5
    assert "did not answer within 1 s" in caplog.text


@pytest.mark.parametrize("dead", ["port", "program", "exits", "no token"])
def test_one_that_is_not_there_leaves_the_words_of_the_others(
    dead: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    away = {
        "port": over_http("http://127.0.0.1:9/mcp", timeout_seconds=3),
        "program": over_stdio("plain", command="/no/such/program", tool="terms"),
        "exits": over_stdio("plain", args=("-c", "raise SystemExit(3)"), tool="terms"),
        "no token": over_http("http://127.0.0.1:9/mcp", token_env="NOT_SET"),
    }[dead]
    with served("atlan") as place, caplog.at_level(logging.WARNING):
        terms = read_glossaries([away, over_http(place.url, "atlan")], tmp_path, {})
    assert set(by_name(terms)) == {"Active customer"}
    assert "cannot be read" in caplog.text


def test_words_are_kept_and_used_while_the_server_is_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with served("datahub") as place:
        first = read_glossaries([over_http(place.url, "datahub")], tmp_path)
        calls = len(place.tokens)
        assert read_glossaries([over_http(place.url, "datahub")], tmp_path) == first
        assert len(place.tokens) == calls
    with caplog.at_level(logging.WARNING):
        asked = over_http(place.url, "datahub", max_age_minutes=0, timeout_seconds=3)
        assert read_glossaries([asked], tmp_path) == first
    assert "The 1 words that it gave at 2" in caplog.text
    next(tmp_path.iterdir()).write_text("{broken")
    assert read_glossaries([asked], tmp_path) == ()


@pytest.mark.parametrize(
    "answer",
    ["", "null", "[1]", '{"results": [], "error": "no"}', {"message": "ok"}, [["x"]], 7,
     '{"data": ' * 9 + "[]" + "}" * 9, "[" * 10_000],
)  # fmt: skip
def test_hostile_answers_are_unreadable(answer: object) -> None:
    with pytest.raises(Unreadable):
        records_of(answer)


def test_strange_fields_do_no_harm() -> None:
    strange = {"name": ["a"], "displayName": {"x": 1}, "urn": 5, "owners": [None, {"owner": 3}]}
    assert terms_of([strange, {"name": "ok", "synonyms": {"name": "fine"}}], "x", 5) == (
        GlossaryTerm(name="ok", synonyms=("fine",), origin="x"),
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"kind": "atlan"}, "either a url or a command"),
        ({"kind": "atlan", "url": "u", "command": "c"}, "either a url or a command"),
        ({"url": "u"}, "the tool that lists the terms"),
        ({"kind": "atlan", "url": "https://me:pw@host/mcp"}, "out of the url"),
        ({"kind": "atlan", "url": "u", "token": "abc"}, "token"),
    ],
)
def test_settings_that_cannot_be_used_are_told(given: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidSettings, match=told) as caught:
        load_settings(glossaries=(given,))
    assert "abc" not in str(caught.value) and "pw" not in str(caught.value)


def test_the_projects_own_words_come_before_those_of_catalogs(tmp_path: Path) -> None:
    from crew.assemble import read_terms
    from crew.catalog.dbt_project import DbtProject
    from crew.ports import Checkout

    checkout = Checkout(tmp_path, tmp_path, "shop", None, "", "main", "")
    (tmp_path / "glossary.yml").write_text(
        "terms:\n  - name: churn\n    definition: Cancelled.\n  - name: Term 5\n"
    )
    block = {"name": "term_6", "package_name": "shop", "block_contents": "Ours."}
    metadata = {"project_name": "shop"}
    project = DbtProject(
        {"metadata": metadata, "nodes": {}, "sources": {}, "docs": {"doc.shop.term_6": block}}
    )
    with served("openmetadata") as place:
        asked = {"kind": "openmetadata", "url": place.url, "max_terms": 10}
        settings = load_settings(glossaries=(asked,), state=tmp_path / "state")
        terms = by_name(read_terms(settings, checkout, project))
    origins = {
        n: t.origin for n, t in terms.items() if n in {"churn", "Term 5", "term 6", "Term 7"}
    }
    assert origins == {
        "churn": "glossary.yml",
        "Term 5": "glossary.yml",
        "term 6": "docs block term_6",
        "Term 7": "OpenMetadata",
    }
    assert "Term 6" not in terms

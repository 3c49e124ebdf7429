"""Business words of catalogs, over real MCP: stdio and streamable HTTP, answering and not."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from crew.agents.catalog_answers import Unreadable, records_of, terms_of
from crew.agents.crewai_environment import import_crewai
from crew.agents.mcp_glossary import _end, origin_of, read_glossaries
from crew.agents.mcp_reader import Reader, Reading, read
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


@pytest.fixture(scope="module", autouse=True)
def crewai_at_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    import_crewai(tmp_path_factory.mktemp("crewai"))


def read_here(glossary: GlossarySettings) -> tuple[GlossaryTerm, ...]:
    """What its reader tells, without the seconds of a process of its own."""
    told: list[Reading] = []
    read(Reader(glossary=glossary, origin=origin_of(glossary), folder=ROOT), told.append)
    (reading,) = told
    return reading.terms


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
    kind: str,
    owner: str,
    synonyms: tuple[str, ...],
    origin: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CATALOG_TOKEN", "sesame")
    with served(kind) as place:
        terms = by_name(read_here(over_http(place.url, kind, token_env="CATALOG_TOKEN")))
    assert terms["Active customer"] == GlossaryTerm(
        name="Active customer",
        synonyms=synonyms,
        definition="Ordered in the last 90 days.",
        owner=owner,
        origin=origin,
    )
    assert set(place.tokens) == {"Bearer sesame"}
    assert not {"Idle customer", "orders", "Old word", "gone"} & set(terms)


def test_a_server_of_our_own_is_asked_over_stdio() -> None:
    terms = read_here(over_stdio("openmetadata", kind="openmetadata"))
    assert "Active customer" in by_name(terms)
    assert len(terms) == TERMS - 2  # over several pages; a draft and a table are no terms


def test_no_more_terms_than_allowed_are_read() -> None:
    with served("openmetadata") as place:
        assert 50 < len(read_here(over_http(place.url, "openmetadata", max_terms=60))) <= 60


def test_words_of_any_catalog_have_no_rule_and_no_length() -> None:
    with served("plain") as place:
        asked = over_http(place.url, arguments={"glossary": "the board"}, name="Our wiki")
        net, long = read_here(asked)
    assert (net.name, net.definition) == ("Net revenue", "As the board has it.")
    assert (net.owner, net.synonyms, net.origin) == ("Controlling", ("net sales",), "Our wiki")
    assert net.formula is None and net.condition is None and not net.measures
    assert len(long.name) <= 82 and len(long.definition) <= 602


@pytest.mark.parametrize(
    ("product", "reason"),
    [
        ("nonsense", "Sign in"),
        ("failing", "the index is being rebuilt"),
        ("atlan", "no tool 'terms'"),
    ],
)
def test_what_cannot_be_read_is_said(product: str, reason: str) -> None:
    with served(product) as place, pytest.raises(Unreadable, match=reason):
        read_here(over_http(place.url))


def test_slow_servers_hold_nobody_up_for_longer_than_their_timeout(tmp_path: Path) -> None:
    with served("slow") as place:
        began = time.monotonic()
        asked = [over_http(place.url, timeout_seconds=t) for t in (1, 1.5)]
        terms, faults = read_glossaries(asked, tmp_path)
        assert time.monotonic() - began < 3
    assert terms == () and not list(tmp_path.iterdir())
    assert "did not answer within 1 s. None of its words are known" in faults[0]


def test_what_a_reader_started_ends_with_it() -> None:
    code = "import subprocess as s; s.Popen(['sleep', '60'], start_new_session=True).wait()"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    while not (servers := psutil.Process(process.pid).children()):
        time.sleep(0.02)
    _end(process)
    _, alive = psutil.wait_procs(servers, timeout=5)
    assert process.poll() is not None and not alive


def test_those_that_are_not_there_leave_the_words_of_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    away = {
        "attempts failed": over_http("http://127.0.0.1:9/mcp", timeout_seconds=60),
        "/no/such/program": over_stdio(
            "plain", command="/no/such/program", tool="terms", timeout_seconds=60
        ),
        "the variable NOT_SET is not set": over_http("http://localhost", token_env="NOT_SET"),
    }
    given = {"CATALOG_TOKEN": "sesame"}
    with served("atlan") as place, caplog.at_level(logging.WARNING):
        asked = over_http(place.url, "atlan", token_env="CATALOG_TOKEN", timeout_seconds=60)
        terms, faults = read_glossaries([*away.values(), asked], tmp_path, given)
        calls = len(place.tokens)
        assert read_glossaries([asked], tmp_path, given) == (terms, ())  # kept
        assert len(place.tokens) == calls > 0
    assert set(by_name(terms)) == {"Active customer"}
    assert set(place.tokens) == {"Bearer sesame"}
    assert all(reason in fault for reason, fault in zip(away, faults, strict=True))
    assert all(fault in caplog.text for fault in faults)
    assert "sesame" not in "".join(f.read_text() for f in tmp_path.iterdir())
    old = asked.model_copy(update={"max_age_minutes": 0.0})
    again, (fault,) = read_glossaries([old], tmp_path, {})
    assert again == terms and "The 1 words that it gave at 2" in fault
    next(tmp_path.iterdir()).write_text("{broken")
    assert read_glossaries([old], tmp_path, {})[0] == ()


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
        asked = {"kind": "openmetadata", "url": place.url, "max_terms": 10, "timeout_seconds": 60}
        settings = load_settings(glossaries=(asked,), state=tmp_path / "state")
        found, faults = read_terms(settings, checkout, project)
    assert not faults
    terms = by_name(found)
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

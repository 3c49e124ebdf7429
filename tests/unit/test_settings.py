"""Settings: the file, the environment, the command line, and every problem at once."""

from __future__ import annotations

import ast
import inspect
import itertools
import os
import textwrap
from pathlib import Path

import pytest
from pydantic import BaseModel

from crew.budget import BudgetSettings
from crew.delivery.github_host import GitHubSettings
from crew.errors import InvalidSettings
from crew.settings import Prices, Settings, load_settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory and no setting in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in [n for n in os.environ if n.upper().startswith("FIRSTMILE_")]:
        monkeypatch.delenv(name)
    return tmp_path


def test_without_any_setting_the_defaults_need_no_key_and_no_network() -> None:
    settings = load_settings()
    assert (settings.llm, settings.to, settings.project) == ("auto", "local", ".")
    assert settings.models == {}
    assert settings.state == Path(".firstmile")
    assert settings.budget == BudgetSettings()


def test_each_source_wins_over_the_one_before(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "firstmile.yml").write_text(
        "project: /from/file\nmodel: openai/file\ntarget: file\nbudget: {steps: 5, usd: 1.5}\n"
        "prices: {openai/x: {prompt: 1, completion: 2}}\n"
        "agents: {tester: {name: ollama/t, url: 'http://gpu:11434', seed: 7}}\n"
    )
    monkeypatch.setenv("FIRSTMILE_MODEL", "openai/environment, anthropic/next")
    monkeypatch.setenv("FIRSTMILE_TARGET", "environment")
    monkeypatch.setenv("FIRSTMILE_BUDGET__USD", "3")
    settings = load_settings(target="given", llm=None)
    assert settings.project == "/from/file"
    assert [m.name for m in settings.models["planner"]] == ["openai/environment", "anthropic/next"]
    assert settings.target == "given"
    assert (settings.budget.steps, settings.budget.usd) == (5, 3.0)
    assert settings.prices["openai/x"].completion == 2.0
    [own] = settings.models["tester"]
    assert (own.name, own.url, own.seed) == ("ollama/t", "http://gpu:11434", 7)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("llm: openai/x", "belongs into `model`"),
        ("llm: sometimes", "'none', 'auto' or 'always'"),
        ("llm: always", "needs a `model`"),
        ("model: gpt", "no provider/model"),
        ("model: {name: openai/x, url: 'ftp://x'}", "begins with http"),
        ("model: {name: openai/x, url: 'https://me:secret@x'}", "key_env"),
        ("agents: {tster: openai/x}", "no agent 'tster'"),
        ("stronger: openai/x", "there is none"),
        ("model: {name: openai/x, timeout_seconds: .inf}", "less than or equal"),
    ],
)
def test_settings_of_language_models_that_cannot_be_used(
    folder: Path, content: str, words: str
) -> None:
    (folder / "firstmile.yml").write_text(content)
    with pytest.raises(InvalidSettings) as caught:
        load_settings()
    assert words in caught.value.message


def test_a_key_in_the_place_of_its_variable_is_refused_and_not_shown(folder: Path) -> None:
    (folder / "firstmile.yml").write_text("model: {name: openai/x, key_env: sk-proj-a1b2c3d4}")
    with pytest.raises(InvalidSettings, match="key_env") as caught:
        load_settings()
    assert "a1b2c3d4" not in str(caught.value)


def test_no_language_model_is_asked_where_the_settings_say_none() -> None:
    settings = load_settings(llm="none", model=["openai/a", {"name": "openai/b", "retries": 0}])
    assert settings.models == {} and len(settings.model) == 2


def test_all_problems_are_told_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "firstmile.yml").write_text(
        "projekt: x\nbudget: {steps: 0, hours: 1}\nprogress_seconds: soon\n"
    )
    monkeypatch.setenv("FIRSTMILE_DBT_TIMEOUT_SECONDS", "-1")
    with pytest.raises(InvalidSettings) as caught:
        load_settings(to="gitlab")
    for name in (
        "projekt", "budget.steps", "budget.hours", "progress_seconds", "dbt_timeout_seconds",
        "to",
    ):  # fmt: skip
        assert f"- {name}: " in caught.value.message
    assert "firstmile.yml" in caught.value.cure and "FIRSTMILE_" in caught.value.cure


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"llm: [", "not valid YAML"),
        (b"- llm\n", "not a mapping"),
        (b"jira: {url: 'https://x', token: abc}\n", "jira.token"),
        (b"projects: {a: {project: b, github: {private_key: abc}}}\n", "github.private_key"),
        (b"database_url: postgresql://me:pass@host/db\n", "database with its user"),
        (b"just words\n", "not a mapping"),
        (b"llm: \xff\xfe\n", "not valid YAML"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(folder: Path, content: bytes, words: str) -> None:
    (folder / "firstmile.yml").write_bytes(content)
    with pytest.raises(InvalidSettings, match=words) as caught:
        load_settings()
    assert caught.value.cure


def test_an_empty_file_means_the_defaults(folder: Path) -> None:
    (folder / "firstmile.yml").write_text("# nothing yet\n")
    assert load_settings() == Settings()


def test_an_unreadable_value_in_the_environment_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTMILE_BUDGET", "{steps: ")
    with pytest.raises(InvalidSettings, match="budget"):
        load_settings()


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        setattr(load_settings(), "llm", "none")  # noqa: B010


def described(model: type[BaseModel]) -> set[str]:
    """Fields with a description, or with a string under them."""
    [tree] = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(tree, ast.ClassDef)
    under = {
        field.target.id
        for field, text in itertools.pairwise(tree.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
    }  # fmt: skip
    return under | {n for n, field in model.model_fields.items() if field.description}


@pytest.mark.parametrize("model", [Settings, BudgetSettings, Prices, GitHubSettings])
def test_each_setting_is_described(model: type[BaseModel]) -> None:
    assert set(model.model_fields) - described(model) == set()


def test_secrets_stay_out_of_every_text(folder: Path) -> None:
    environment = {"FIRSTMILE_GITHUB_TOKEN": "ghp_verysecretindeed"}
    github = GitHubSettings.load({"repository": "shop/dbt"}, environment)
    for text in (repr(github), str(github), github.model_dump_json(), f"{github!r}"):
        assert "verysecret" not in text


def test_a_secret_in_the_file_is_refused_not_ignored() -> None:
    environment = {"FIRSTMILE_GITHUB_TOKEN": "ghp_fromtheenvironment"}
    with pytest.raises(InvalidSettings, match="token") as caught:
        GitHubSettings.load({"repository": "shop/dbt", "token": "ghp_inthefile"}, environment)
    assert "ghp_" not in str(caught.value)


def test_settings_do_not_show_a_secret_that_was_written_into_the_file(folder: Path) -> None:
    (folder / "firstmile.yml").write_text("github: {repository: shop/dbt, token: ghp_inthefile}\n")
    try:
        shown = repr(load_settings())
    except InvalidSettings as error:
        shown = str(error)
    assert "ghp_" not in shown

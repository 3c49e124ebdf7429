from __future__ import annotations

from pathlib import Path

import pytest

from crew.verification.path_policy import check_paths
from crew.verification.yaml_policy import check_yaml

ALLOWED, DENIED = ("models", "tests"), ("macros", "models/macros", "dbt_packages")

BAD = [
    "dbt_project.yml", "profiles.yml", "packages.yml", "macros/x.sql", "models/macros/x.sql",
    ".github/workflows/ci.yml", "models/.hidden/x.sql", "models/.x.sql", "/etc/x.sql",
    "models/../macros/x.sql", "../models/x.sql", "models/x.py", "models/x.csv", "models/x.sh",
    "models//x.sql", "./models/x.sql", "seeds/x.sql", "models", "", "C:/models/x.sql",
    "models\\x.sql", "models/dbt_project.yml", "models/profiles.yml", "modelsx/a.sql",
    "dbt_packages/p/models/x.sql", "models/link/x.sql", "models/linked.sql", "models/x.sql\0.sh",
]  # fmt: skip


@pytest.mark.parametrize("path", BAD)
def test_a_path_elsewhere_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "project/models").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "project/models/link").symlink_to(tmp_path / "outside")
    (tmp_path / "project/models/linked.sql").symlink_to(tmp_path / "project/models/other.sql")
    assert check_paths([path], tmp_path / "project", ALLOWED, DENIED)


def test_files_below_model_and_test_paths_pass(tmp_path: Path) -> None:
    paths = ["models/marts/x.sql", "models/_models.yml", "tests/t.sql", "models/docs.md"]
    assert check_paths(paths, tmp_path, ALLOWED, DENIED) == []
    assert check_paths(["models/x.sql", "models/X.sql"], tmp_path, ALLOWED, DENIED)


BAD_YAML = [
    "models: [{name: a, config: {post-hook: drop table x}}]",
    "models: [{name: a, config: {pre_hook: [x]}}]",
    "models: [{name: a, config: {grants: {select: [x]}}}]",
    "models: [{name: a, config: {database: other}}]",
    "models: [{name: a, config: {sql_header: x}}]",
    "models: [{name: a, description: '{{ env_var(\"X\") }}'}]",
    "models: [{name: a, description: '{{ run_query(1) }}'}]",
    "models: [{name: a, columns: [{name: b, data_tests: [{x: {arguments: {y: '{{ z() }}'}}}]}]}]",
    "models: [{name: a, data_tests: [{unique: {config: {where: '{% x %}'}}}]}]",
    "sources: [{name: a, meta: {external_location: /etc/passwd}, tables: [{name: b}]}]",
    "macros: [{name: a}]",
    "on-run-start: [x]",
    "unit_tests: [{name: a, model: b, overrides: {macros: {x: 1}}, given: [], expect: {rows: []}}]",
    "[a, b]",
    "a: [",
]

GOOD_YAML = [
    "version: 2\nmodels: [{name: a, description: '{{ doc(\"a\") }}', columns: [{name: enabled}]}]",
    "unit_tests: [{name: a, model: b, given: [{input: ref('o'), rows: [{database: 1}]}], "
    "expect: {rows: [{enabled: true}]}}]",
    "models: [{name: a, columns: [{name: b, data_tests: [{relationships: {arguments: "
    "{to: ref('o'), field: b}}}]}]}]",
    "models: [{name: a, columns: [{name: b, data_tests: [{relationships: {arguments: "
    "{to: \"{{ ref('o') }}\", field: b}}}]}]}]",
    "",
]


@pytest.mark.parametrize("text", BAD_YAML)
def test_yaml_that_reaches_further_is_refused(text: str) -> None:
    assert check_yaml(text)
    if not text.startswith("a: ["):
        assert check_yaml(text, text) == [] or text.startswith("[")


@pytest.mark.parametrize("text", GOOD_YAML)
def test_honest_yaml_passes(text: str) -> None:
    assert check_yaml(text) == []


def test_yaml_that_multiplies_itself_is_refused() -> None:
    levels = "\n".join(f"  l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 9))
    assert check_yaml("anchors:\n  l0: &l0 [x]\n" + levels)

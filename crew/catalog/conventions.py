"""Mines a project's habits from its own files: names, folders, layout and test style."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Literal

from crew.artifacts import Conventions
from crew.catalog.dbt_project import DbtProject, ProjectRelation, entity_of
from crew.catalog.staging_habits import staged_names, staged_zone
from crew.drafting.vocabulary import singular


def mine_conventions(project: DbtProject, folder: Path) -> Conventions:
    """Habits that the majority of the project's own models follow; defaults where it has none."""
    models = [r for r in project.relations.values() if r.kind == "model" and _own(r, folder)]
    staging = [m for m in models if m.layer == "staging"]
    marts = [m for m in models if m.layer == "mart"]
    default = Conventions()
    root = _most((m.path.split("/")[0] for m in models), "models")
    sqls = [m.raw_sql for m in models]
    yamls = [
        (folder / p).read_text("utf-8")
        for p in {m.schema_path for m in models if m.schema_path}
        if (folder / p).is_file()
    ]
    return Conventions(
        staging_pattern=_staging_pattern(project, staging) or default.staging_pattern,
        staging_folder=_staging_folder(project, staging, root),
        staging_materialization=_most((m.materialization for m in staging), "view"),
        mart_folder=_mart_folder(marts, root),
        mart_pattern=_mart_pattern(marts),
        mart_materialization=_most(
            (m.materialization for m in marts if m.materialization != "incremental"), "table"
        ),
        schema_file_pattern=_schema_pattern(models),
        tests_key=_tests_key(yamls),
        final_select_star=_share(sqls, r"select\s+\*\s+from\s+\w+\s*$") >= 0.5 if sqls else True,
        trailing_commas=_share(sqls, r"^\s*,\s*\w", re.M) < 0.5,
        upper_keywords=_share(sqls, r"\bSELECT\b", 0) > 0.5,
        indent=_indent(sqls),
        group_by=_group_by(sqls),
        packages=tuple(sorted(project.macros_packages)),
        unique_combination=project.unique_combination_test,
        config_in_sql=_share(sqls, r"\{\{\s*config\(") > 0.5,
        staged_names=staged_names(m.raw_sql for m in staging),
        staged_zone=staged_zone(m.raw_sql for m in staging),
    )


def conventions_in_words(found: Conventions) -> tuple[tuple[str, str], ...]:
    """The habits as (name, sentence), as memory keeps them."""
    columns = {"columns": "their names", "positions": "positions", "all": "group by all"}
    said = {
        "staging_names": f"Staging models are called {found.staging_pattern}.",
        "staging_folder": f"Staging models lie in {found.staging_folder}.",
        "staging_materialization": f"Staging models are materialized as {found.staging_materialization}.",
        "mart_names": f"Marts are called {found.mart_pattern}.",
        "mart_folder": f"Marts lie in {found.mart_folder}.",
        "mart_materialization": f"Marts are materialized as {found.mart_materialization}.",
        "schema_files": f"Models are described in files called {found.schema_file_pattern}.",
        "tests_key": f"Tests stand below the key {found.tests_key}.",
        "group_by": f"Rows are grouped by {columns[found.group_by]}.",
        "commas": f"Commas stand at the {'end' if found.trailing_commas else 'beginning'} of lines.",
    }
    if found.unique_combination:
        said["keys"] = f"Keys of several columns are tested by {found.unique_combination[0]}."
    return tuple(said.items())


def _own(relation: ProjectRelation, folder: Path) -> bool:
    return (folder / relation.path).is_file()


def _most(values: Iterable[str], default: str) -> str:
    common = Counter(v for v in values if v).most_common(1)
    return common[0][0] if common else default


def _share(texts: list[str], pattern: str, flags: int = re.I) -> float:
    found = [bool(re.search(pattern, t.strip(), flags)) for t in texts]
    return sum(found) / len(found) if found else 0.0


def _staging_pattern(project: DbtProject, staging: list[ProjectRelation]) -> str | None:
    """`stg_shop__orders` over source `shop.orders` -> `stg_{source}__{entity}`."""
    found: Counter[str] = Counter()
    for model in staging:
        sources = [
            project.by_id[p]
            for p in model.parents
            if p in project.by_id and project.by_id[p].kind == "source"
        ]
        name = model.key
        if len(sources) == 1:
            source = sources[0]
            name = re.sub(
                rf"(?<![a-z0-9]){re.escape(source.source_name)}(?![a-z0-9])",
                "{source}",
                name,
                count=1,
            )
            table = source.identifier.lower()
            for form in (table, singular(table), entity_of(table), singular(entity_of(table))):
                if re.search(rf"(?<![a-z0-9]){re.escape(form)}$", name):
                    name = re.sub(rf"(?<![a-z0-9]){re.escape(form)}$", "{entity}", name)
                    break
        if "{entity}" in name:
            found[name] += 1
    return found.most_common(1)[0][0] if found else None


def _staging_folder(project: DbtProject, staging: list[ProjectRelation], root: str) -> str:
    found: Counter[str] = Counter()
    for model in staging:
        folder = str(PurePosixPath(model.path).parent)
        sources = {project.by_id[p].source_name for p in model.parents if p in project.by_id} - {""}
        for source in sources:
            folder = re.sub(rf"/{re.escape(source)}$", "/{source}", folder)
        found[folder] += 1
    return found.most_common(1)[0][0] if found else f"{root}/staging/{{source}}"


def _mart_folder(marts: list[ProjectRelation], root: str) -> str:
    """The folder that holds the marts, or the one above where areas have folders of their own."""
    folders = Counter(str(PurePosixPath(m.path).parent) for m in marts)
    if not folders:
        return f"{root}/marts"
    above = next((f for f in folders if PurePosixPath(f).name in {"marts", "mart"}), None)
    if above:
        return above
    parents = {str(PurePosixPath(f).parent) for f in folders}
    marts_root = next(
        (p for p in sorted(parents) if PurePosixPath(p).name in {"marts", "mart"}), None
    )
    return marts_root or folders.most_common(1)[0][0]


def _mart_pattern(marts: list[ProjectRelation]) -> str:
    prefixes = Counter(
        m.key.split("_")[0] for m in marts if re.match(r"^(fct|fact|agg|mart|rpt|report)_", m.key)
    )
    if marts and prefixes and sum(prefixes.values()) >= 0.3 * len(marts):
        return f"{prefixes.most_common(1)[0][0]}_{{name}}"
    return "{name}"


def _schema_pattern(models: list[ProjectRelation]) -> str:
    """File name of model YAML, with the folder's own name taken out."""
    found: Counter[str] = Counter()
    for path in {m.schema_path for m in models if m.schema_path}:
        file = PurePosixPath(path)
        parent = file.parent.name
        name = re.sub(rf"(?<![a-z0-9]){re.escape(parent)}(?![a-z0-9])", "{folder}", file.name)
        found[name] += 1
    return found.most_common(1)[0][0] if found else "_{folder}__models.yml"


def _tests_key(yamls: list[str]) -> Literal["data_tests", "tests"]:
    old = sum(len(re.findall(r"^\s*-?\s*tests:", y, re.M)) for y in yamls)
    new = sum(len(re.findall(r"^\s*-?\s*data_tests:", y, re.M)) for y in yamls)
    return "tests" if old > new else "data_tests"


def _indent(sqls: list[str]) -> int:
    widths = Counter(
        len(m.group(1))
        for sql in sqls
        for m in re.finditer(r"\bselect\s*\n( +)\S", sql, re.I)
        if len(m.group(1)) in {2, 4}
    )
    two = sum(1 for sql in sqls if re.search(r"^  \S", sql, re.M))
    if not widths:
        return 2 if sqls and two > len(sqls) / 2 else 4
    # Inside a CTE the select's own indent doubles the width; the smallest one seen often is it.
    return 2 if widths[2] > 0 and widths[2] * 2 >= widths[4] else 4


def _group_by(sqls: list[str]) -> Literal["columns", "positions", "all"]:
    positions = sum(bool(re.search(r"group by\s+\d", s, re.I)) for s in sqls)
    everything = sum(bool(re.search(r"group by all\b", s, re.I)) for s in sqls)
    columns = sum(bool(re.search(r"group by\s+(?!all\b)[a-z]", s, re.I)) for s in sqls)
    if everything > max(positions, columns):
        return "all"
    return "positions" if positions > columns else "columns"

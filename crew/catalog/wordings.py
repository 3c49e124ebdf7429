"""Mines how the project describes its columns, so that new ones are described in its own words."""

from __future__ import annotations

from collections import Counter, defaultdict

from crew.artifacts import Wording
from crew.catalog.dbt_project import DbtProject, ProjectColumn, ProjectRelation, key_names
from crew.drafting.vocabulary import singular, stems
from crew.verification.documentation_checks import is_filler

MUCH_COMMONER = 2
"""A wording must stand at so many times more relations than the next one."""
_NAMED = 3
_GENERIC = {
    "id", "key", "code", "uuid", "name", "title", "label", "value", "type", "kind", "category",
    "status", "state", "date", "number", "description", "comment", "note", "level", "rank",
    "amount", "price", "total", "count", "quantity", "is_active", "is_deleted", "active", "source",
    "created_at", "updated_at", "deleted_at", "started_at", "ended_at", "start_date", "end_date",
    "valid_from", "valid_to", "created_by", "updated_by",
}  # fmt: skip
"""Names that mean something else in every entity."""


def mine_wordings(project: DbtProject) -> tuple[Wording, ...]:
    """The commonest description of each column name; none where two are about equally common.

    Descriptions that say no more than the name, and those of a relation's own key, which tell what
    identifies its rows, are left out. One of a generic name, or that speaks of the entity it
    stands at, holds for that entity alone. Sources are left out: they describe raw data.
    """
    found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for relation in project.relations.values():
        if relation.kind == "source":
            continue
        keys = key_names(relation)
        for name, column in relation.columns.items():
            if name not in keys and not is_filler(name, column.description):
                entity = singular(relation.entity) if _is_bound(column, relation) else ""
                found[name, entity].append((column.description, relation.key))
    wordings = []
    for (name, entity), described in sorted(found.items()):
        if text := _commonest([d for d, _ in described]):
            at = ", ".join([k for d, k in described if _plain(d) == _plain(text)][:_NAMED])
            wordings.append(Wording(column=name, description=text, provenance=at, entity=entity))
    return tuple(wordings)


def _is_bound(column: ProjectColumn, relation: ProjectRelation) -> bool:
    name = column.name.lower()
    told = set(stems(column.description)) - set(stems(name))
    return name in _GENERIC or bool(told & set(stems(singular(relation.entity))))


def _commonest(descriptions: list[str]) -> str:
    first, *rest = Counter(map(_plain, descriptions)).most_common(2)
    if rest and first[1] < MUCH_COMMONER * rest[0][1]:
        return ""
    return next(d for d in descriptions if _plain(d) == first[0])


def _plain(text: str) -> str:
    return " ".join(text.lower().rstrip(". ").split())

"""The labelled retrieval set is whole, and its figures mean what they say."""

from __future__ import annotations

import pytest

from bench.memory_set import KINDS, Project, load
from bench.retrieval import Search, above, by_words, evaluate, fused


def test_the_set_is_large_enough_to_compare_by() -> None:
    projects = load()
    assert len(projects) >= 4
    for project in projects:
        assert len(project.entries) >= 150
        assert sum(bool(q.relevant) for q in project.queries) >= 65
        assert sum(not q.relevant for q in project.queries) >= 10
        assert {q.kind for q in project.queries if q.relevant} == set(KINDS)


def test_a_search_that_knows_everything_is_perfect_and_an_empty_one_finds_nothing() -> None:
    def knowing(project: Project) -> Search:
        answers = {(q.kind, q.text): q.relevant for q in project.queries}
        return lambda kind, text, limit: answers[kind, text][:limit]

    best = evaluate(knowing, load())["all", "all"]
    none = evaluate(lambda _: lambda kind, text, limit: (), load())["all", "all"]
    assert (best.hit5, best.mrr10, best.false_alarms) == (1.0, 1.0, 0.0)
    assert (none.hit5, none.mrr10, none.false_alarms) == (0.0, 0.0, 0.0)
    assert best.queries == sum(f.queries for (p, k), f in evaluate(knowing, load()).items()
                               if p != "all" and k == "all")  # fmt: skip


def test_words_find_a_name_and_fusion_keeps_the_common_best() -> None:
    shop = next(p for p in load() if p.name == "online_shop")
    words = by_words(shop, lambda text: text.lower().replace(",", " ").replace(".", " ").split())
    (first, score), *_ = words("model", "fct ad spend", 5)
    assert first == "model:fct_ad_spend" and score > 0
    both = fused([words, words], [1.0, 1.0])
    assert both("model", "fct ad spend", 5)[0] == (first, pytest.approx(2 / 61))
    assert above(words, float("inf"))("model", "fct ad spend", 5) == []

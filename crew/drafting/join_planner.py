"""Plans joins over known keys, many-to-one only, so that no join can multiply rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import networkx as nx

from crew.artifacts import Evidence, JoinEdge

MAX_HOPS = 4
_LOSS_WEIGHT = 20.0  # losing one row in twenty is worth one join more


class AmbiguousJoin(Exception):
    """Parallel keys lead from one relation to the next; `edges` are the ones to choose from."""

    def __init__(self, base: str, target: str, edges: tuple[JoinEdge, ...]) -> None:
        super().__init__(f"more than one key leads from {base} to {target}")
        self.base, self.target, self.edges = base, target, edges


class NoJoin(Exception):
    """No many-to-one way leads from `base` to `target`."""

    def __init__(self, base: str, target: str) -> None:
        super().__init__(f"no key leads from {base} to {target}")
        self.base, self.target = base, target


class JoinPlanner:
    """Ways over the edges of one evidence.

    The way that loses fewest rows wins, then the one within the base's own layer, then the
    shortest.
    """

    def __init__(self, evidence: Evidence) -> None:
        self.edges = evidence.joins
        self._evidence = evidence
        self._layers = {c.key: c.layer for c in evidence.relations}
        self._lost = {e: _lost_share(e, evidence) for e in self.edges}
        self._graph: nx.DiGraph[str] = nx.DiGraph()
        for edge in self.edges:
            self._graph.add_edge(edge.left, edge.right)

    def add(self, edges: Sequence[JoinEdge]) -> None:
        """Further ways, to and from relations that are made for a result."""
        self.edges = (*self.edges, *(e for e in edges if e not in self.edges))
        for edge in edges:
            self._lost[edge] = _lost_share(edge, self._evidence)
            self._graph.add_edge(edge.left, edge.right)

    def hops(self, base: str) -> dict[str, int]:
        """Relations within four many-to-one steps of `base`, with their distance."""
        if base not in self._graph:
            return {base: 0}
        return dict(nx.single_source_shortest_path_length(self._graph, base, cutoff=MAX_HOPS))

    def path(self, base: str, target: str, keys: Sequence[str] = ()) -> list[JoinEdge]:
        """The best way; with `keys`, one that these columns of `base` start, if there is one.

        Raises NoJoin, or AmbiguousJoin where parallel keys compete.
        """
        if base == target:
            return []
        if target not in self.hops(base):
            raise NoJoin(base, target)
        ways = self._ways(base, target, keys) or self._ways(base, target, ())
        if not ways:
            raise NoJoin(base, target)
        best = min(ways, key=self._price)
        return [self._single(base, target, options) for options in best]

    def passed(self, base: str, target: str) -> set[str]:
        """Relations on the best way, both ends included; empty where no single way leads."""
        try:
            return {base} | {e.right for e in self.path(base, target)}
        except (NoJoin, AmbiguousJoin):
            return set()

    def ways(self, base: str, target: str) -> list[list[JoinEdge]]:
        """All ways that differ in the column of `base` they start with, best first of each."""
        firsts = {e.left_column for e in self.edges if e.left == base}
        found = []
        for column in sorted(firsts):
            try:
                found.append(self._only_by(base, target, column))
            except (NoJoin, AmbiguousJoin):
                continue
        return found

    def plan(self, base: str, targets: Iterable[str], keys: Sequence[str] = ()) -> list[JoinEdge]:
        """Edges that reach all targets from `base`, each relation joined once, in order."""
        near = self.hops(base)
        planned: dict[str, JoinEdge] = {}
        for target in sorted(set(targets) - {base}, key=lambda t: (near.get(t, 99), t)):
            for edge in self.path(base, target, keys):
                planned.setdefault(edge.right, edge)
        return list(planned.values())

    def _only_by(self, base: str, target: str, column: str) -> list[JoinEdge]:
        ways = self._ways(base, target, (column,))
        if base == target or not ways:
            raise NoJoin(base, target)
        return [self._single(base, target, options) for options in min(ways, key=self._price)]

    def _ways(self, base: str, target: str, keys: Sequence[str]) -> list[list[list[JoinEdge]]]:
        """Chains of relations from `base` to `target`, with the edges to choose from at each."""
        ways = [
            [self._options(a, b, keys if a == base else ()) for a, b in pairwise(nodes)]
            for nodes in nx.all_simple_paths(self._graph, base, target, cutoff=MAX_HOPS)
        ]
        return [w for w in ways if all(w)]

    def _options(self, left: str, right: str, keys: Sequence[str]) -> list[JoinEdge]:
        options = [e for e in self.edges if e.left == left and e.right == right]
        return [e for e in options if e.left_column in keys] if keys else options

    def _price(self, way: list[list[JoinEdge]]) -> tuple[float, tuple[str, ...]]:
        lost = sum(min(self._lost[e] for e in options) for options in way)
        own = self._layers.get(way[0][0].left)
        strange = sum(self._layers.get(options[0].right) != own for options in way)
        return len(way) + 0.6 * strange + _LOSS_WEIGHT * lost, tuple(o[0].right for o in way)

    def _single(self, base: str, target: str, options: list[JoinEdge]) -> JoinEdge:
        plain = [e for e in options if e.left_column.lower() == e.right_column.lower()]
        if len(options) > 1 and len(plain) == 1:
            options = plain
        if len(options) > 1:
            raise AmbiguousJoin(base, target, tuple(options))
        return options[0]


def _lost_share(edge: JoinEdge, evidence: Evidence) -> float:
    """Share of the left rows that the edge leaves without a partner; unknown counts as none."""
    card = evidence.relation(edge.left)
    column = card.column(edge.left_column) if card else None
    filled = 1.0
    if card and card.row_count and column and column.nulls:
        filled = 1.0 - column.nulls / card.row_count
    return 1.0 - filled * (1.0 if edge.match_share is None else edge.match_share)

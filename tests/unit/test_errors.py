"""The tree of errors: what to do is decided by its first split."""

from __future__ import annotations

import inspect
import re

import pytest

from crew import errors
from crew.errors import FirstmileError, TerminalError, TransientError

CLASSES = [
    c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == "crew.errors"
]
LEAVES = [c for c in CLASSES if not c.__subclasses__()]


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda c: c.__name__)
def test_every_leaf_is_on_exactly_one_side(leaf: type[FirstmileError]) -> None:
    assert issubclass(leaf, TransientError) != issubclass(leaf, TerminalError)
    assert issubclass(leaf, FirstmileError)
    assert leaf.__doc__


def test_the_docstring_draws_the_tree_as_it_is() -> None:
    drawn = re.findall(r"^([│├└─ ]*)([A-Z]\w+)", inspect.getdoc(errors) or "", re.M)
    path: list[str] = []
    found = {}
    for indent, name in drawn[1:]:
        depth = len(indent) // 4
        path = [*path[:depth], name]
        found[name] = path[depth - 1] if depth else "Exception"
    actual = {c.__name__: c.__mro__[1].__name__ for c in CLASSES}
    assert found == actual


def test_a_message_is_followed_by_its_cure() -> None:
    assert str(errors.InvalidInput("It broke.", "Mend it.")) == "It broke.\nMend it."
    assert str(errors.InvalidInput("It broke.")) == "It broke."
    assert errors.WorkerLost("Gone.", "Again.").cure == "Again."

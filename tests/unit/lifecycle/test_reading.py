"""Docstrings of all that keys lead to, found in one pass however the keys lead to each other."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pytest_cellcache.lifecycle.reading import _Sets
from pytest_cellcache.lifecycle.surroundings import reach
from pytest_cellcache.model.keys import BODY, DOC, Key

NODES = [Key(BODY, "a.py", f"f{number}") for number in range(8)]
_node = st.integers(0, len(NODES) - 1)


class Closure:
    def docs(self, keys: Any) -> frozenset[Key]:
        return frozenset(Key(DOC, key.path, key.name) for key in keys if key.name != "f3")


@given(
    edges=st.dictionaries(_node, st.frozensets(_node, max_size=4)),
    asked=st.lists(st.frozensets(_node, min_size=1, max_size=3), min_size=1, max_size=4),
)
def test_docs_are_those_of_everything_reached(
    edges: dict[int, frozenset[int]], asked: list[frozenset[int]]
) -> None:
    def lead(key: Key) -> frozenset[Key]:
        return frozenset(NODES[n] for n in edges.get(NODES.index(key), ()))

    closure: Any = Closure()
    docs = _Sets(lambda key: closure.docs((key,)), lead)
    for numbers in asked:
        roots = [NODES[number] for number in sorted(numbers)]
        assert docs.reached(roots) == closure.docs(reach(roots, lead))

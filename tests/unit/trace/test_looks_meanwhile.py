"""What a thread changes while it is looked at is looked at again."""

from __future__ import annotations

import types
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

import pytest

from pytest_cellcache.trace import looks

SET, DEQUE = (dict(looks.LOOKS)[kind] for kind in (set, deque))
KINDS: dict[str, tuple[Any, Callable[[Any], list[int]], Callable[[Any, object], Any]]] = {
    "set": ({"a", "b"}, SET, set.add),
    "deque": (deque("ab"), DEQUE, deque.append),
    "mapping": ({"a": "b"}, looks.mapping_ids, lambda found, new: found.update({new: new})),
    "namespace": (
        vars(types.SimpleNamespace(a="b")),
        looks.namespace_ids,
        lambda found, new: found.update({str(new): new}),
    ),
    "order": (
        OrderedDict(a="b", c="d"),
        looks.order_ids,
        lambda found, new: found.update({new: new}),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_container_that_changes_is_looked_at_again(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, look, add = KINDS[kind]
    container = type(kept)(kept)
    new = [object(), object()]
    real = looks.identity

    def identity(thing: object) -> int:
        """Stand for a thread that has its turn just now."""
        if new:
            add(container, new.pop())
        return real(thing)

    monkeypatch.setattr(looks, "identity", identity)
    found = look(container)
    assert not new
    assert found == look(container)

"""What another process tells of modules that it has imported again."""

from __future__ import annotations

import pytest

from pytest_cellcache.model.observation import CodeRef, Observation, Site, Spawned, Touched
from pytest_cellcache.trace.contract import Early, Imports
from pytest_cellcache.trace.early import early_from_json, early_to_json

CODE = CodeRef("/p/lib.py", 3, "made")


def test_all_of_it_arrives() -> None:
    seen = Observation(
        codes=frozenset({CODE}),
        reads=frozenset({"/p/data", "/p/\udcff"}),
        touched=frozenset({Touched("/p/t", (1, 2, 3, 4), (1, 2, 3, 4))}),
        listed=frozenset({("/p", ("a", "b")), ("/q", None)}),
        sites=frozenset({Site("reads", "/p/data", (CODE,))}),
        spawned=frozenset({Spawned("1-1", frozenset({"/p/made"}))}),
        within=frozenset({(CODE, CODE)}),
    )
    statements = {("/p/lib.py", 1): frozenset({CODE}), ("/p/lib.py", 2): frozenset[CodeRef]()}
    imports = Imports(statements, frozenset({"/p/lib.py"}), frozenset({CODE}))
    early = Early(seen, imports, (("/p/lib.py", "X", "1"),))
    found = early_from_json(early_to_json(early))
    assert found == early
    assert type(next(iter(found.seen.sites)).frames[0]) is CodeRef
    assert early_from_json(early_to_json(Early())) == Early()


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"1", b'["tuple"]', b'["system", "x"]', b'["Early", ["set"], 1, 2, 3]'],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises((ValueError, TypeError, LookupError)):
        early_from_json(data)

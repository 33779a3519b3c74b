"""What code may write to outside the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_cellcache.graph.reaching_out import reached_out

if TYPE_CHECKING:
    from tests.unit.graph.conftest import World


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("import json\njson.left = 1\n", {"json", "json.left"}),
        ("import os.path as p\ndef f(): p.sep = 1\n", {"os.path", "os.path.sep"}),
        ("from json import JSONEncoder as E\nE.default = 1\n", {"json.JSONEncoder"}),
        ("def f():\n    import json\n    json.left = 1\n", {"json.left"}),
        ("import json\ndef f(mp): mp.setattr(json, 'x', 1)\n", {"json"}),
        ("from unittest.mock import patch\n@patch('json.dumps')\ndef f(): pass\n", {"json.dumps"}),
        ("import json\ndef f(): return json.dumps(json.left)\n", set()),
        ("from . import own\nown.x = 1\n", set()),
    ],
)
def test_names_what_is_written_to(world: World, source: str, named: set[str]) -> None:
    world.write(a=source)
    found = reached_out(world.project().index("a.py"))
    assert named <= found
    assert found or not named
    if not named:
        assert not found

"""Who looks at what there is, whoever made it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_cellcache.graph.watching import Watching

if TYPE_CHECKING:
    from tests.unit.graph.conftest import World


@pytest.mark.parametrize(
    ("source", "watches"),
    [
        ("def f(): return object.__subclasses__()\n", True),
        ("import sys\ndef f(name): return sys.modules.get(name)\n", True),
        ("import sys\ndef f(): return [m for m in sys.modules.values()]\n", True),
        ("import sys\ndef f(): return sys.modules.get('other')\n", False),
        ("import sys\ndef f(cls): return sys.modules.get(cls.__module__)\n", False),
        ("import sys\ndef f(): return map(sys.modules.get, ['other'])\n", True),
        ("import gc\ndef f(): return gc.get_objects()\n", True),
        ("import sys\ndef f(cls): return sys.modules[cls.__module__]\n", False),
        ("import sys\ndef f(): return 'test_x' in sys.modules\n", True),
        ("import sys\ndef f(): return 'other' in sys.modules\n", False),
        ("import sys\ndef f(): return len(sys.modules)\n", True),
        ("import importlib\ndef f(name): return importlib.import_module(name)\n", False),
    ],
)
def test_watchers_look_at_what_there_is(world: World, source: str, watches: bool) -> None:
    world.write(a=source, b="def f():\n    import a\n")
    watching = Watching(world.project(), {})
    watching.add(["b.py"])
    assert watching.is_watched(["sub/test_x.py"]) is watches
    again = Watching(world.project(), json.loads(json.dumps(watching.rows)))
    again.add(["b.py"])
    assert again.is_watched(["sub/test_x.py"]) is watches
    assert not watching.is_watched([])

"""What importing a module has for others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.imports import Imports

if TYPE_CHECKING:
    from tests.unit.graph.conftest import World


def imports(world: World) -> Imports:
    project = world.project()
    return Imports(project, Digester(project))


def test_files_imported_directly_and_loud_ones_behind_them(world: World) -> None:
    world.write(
        pkg____init__="",
        pkg__sub="from . import loud\nX = 1\n",
        pkg__loud="import pkg\npkg.patched = 1\n",
        plain="def f(): pass\n",
        test_a="import plain\nfrom pkg import sub\nimport json\n",
    )
    found = imports(world).brought("test_a.py")
    assert found.direct == {"plain.py", "pkg/__init__.py", "pkg/sub.py"}
    assert found.loud == {"pkg/loud.py"}
    assert not found.is_loud


@pytest.mark.parametrize(
    ("source", "is_loud"),
    [
        ("import lib\nlib.KNOWN.append(1)\n", True),
        ("import lib\nlib.X = 1\n", True),
        ("import os\nos.environ['A'] = '1'\n", True),
        ("import lib\nclass A(lib.Hooked): pass\n", True),
        ("import lib\nY = lib.X\nOWN = []\nOWN.append(Y)\n", False),
        ("import lib\ndef test(): lib.KNOWN.append(1)\n", False),
        ("def f(): pass\nf.flavour = 1\n", False),
        ("def broken(:\n", True),
    ],
)
def test_loud_is_what_changes_more_than_its_own(world: World, source: str, is_loud: bool) -> None:
    world.write(
        lib="""
        X = 1
        KNOWN = []
        class Hooked:
            def __init_subclass__(cls): KNOWN.append(cls)
        """,
        test_a=source,
    )
    assert imports(world).brought("test_a.py").is_loud is is_loud


def test_foreign_modules_that_others_may_find(world: World) -> None:
    import xml.dom  # loaded, as recording sees it

    assert xml.dom
    world.write(test_a="import json, pytest\nimport xml.dom\nfrom xml import sax_of_nowhere\n")
    assert imports(world).brought("test_a.py").names >= {"pytest", "xml.dom"}
    assert "json" not in imports(world).brought("test_a.py").names

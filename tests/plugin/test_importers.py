"""Functions of the project that import what they are given: only who runs them rests on any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

OWN = """
def import_string(path):
    module, _, name = path.rpartition(".")
    return getattr(__import__(module, None, None, [name]), name)
"""
LOADING = """
def load(extensions):
    return [import_string(each) if isinstance(each, str) else each for each in extensions]
"""
TESTS = """
import loading, wide

def test_given(): assert loading.load([3]) == [3]
def test_named(): assert loading.load(["wide.A"]) == [1]
"""
IMPORTS = {
    "by name": "from own import import_string",
    "by a package": "from pkg import import_string",
    "itself": OWN,
}
OTHERS = {
    "of another distribution": "try: from absent import import_string\nexcept ImportError: 0\n"
    + OWN,
    "rebound": OWN + "import_string = (lambda found: found)(import_string)",
}


@pytest.fixture
def loading(suite: Suite) -> Suite:
    suite.write("own.py", OWN)
    suite.write("pkg/__init__.py", "from own import import_string\n")
    suite.write("wide.py", "A = 1\nB = 1\n")
    suite.write("test_a.py", TESTS)
    return suite


@pytest.mark.parametrize("how", IMPORTS)
def test_who_does_not_run_it_imports_nothing(loading: Suite, how: str) -> None:
    loading.write("loading.py", IMPORTS[how] + LOADING)
    loading.warm()
    loading.edit("wide.py", "B = 1", "B = 2")
    assert loading.both().names == ["test_named"]


def test_the_attribute_of_a_module(loading: Suite) -> None:
    loading.write(
        "loading.py", "import own\n" + LOADING.replace("import_string", "own.import_string")
    )
    loading.warm()
    loading.edit("wide.py", "B = 1", "B = 2")
    assert loading.both().names == ["test_named"]


@pytest.mark.parametrize("how", OTHERS)
def test_any_other_may_import(loading: Suite, how: str) -> None:
    loading.write("loading.py", OTHERS[how] + LOADING)
    loading.warm()
    loading.edit("wide.py", "B = 1", "B = 2")
    assert loading.both().names == ["test_given", "test_named"]

"""Who patches a name of a module rests on that name, and not on all that the module holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

LIB: Final = """
LIMIT = 3
OTHER = {"a": 1}
TABLE = {"k": 1}
class Service:
    rate = 2
    def get(self): return self.rate
def over(n): return n > LIMIT
def fetch(): return 5
"""
TESTS: Final = """
import contextlib, pytest
from unittest import mock
from pkg import lib
def test_object(monkeypatch): monkeypatch.setattr(lib, "LIMIT", 1); assert lib.over(2)
def test_context():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lib, "LIMIT", 1)
        assert lib.over(2)
def test_text(monkeypatch): monkeypatch.setattr("pkg.lib.LIMIT", 1); assert lib.over(2)
def test_mock_object():
    with mock.patch.object(lib, "LIMIT", 1): assert lib.over(2)
def test_mock_class():
    with mock.patch("pkg.lib.Service.rate", 7): assert lib.Service().get() == 7
def test_mock_dict():
    with mock.patch.dict("pkg.lib.TABLE", {"k": 2}): assert lib.TABLE["k"] == 2
def test_mock_auto():
    with mock.patch("pkg.lib.fetch", autospec=True): assert lib.fetch() != 5
@pytest.mark.parametrize("name", ["LIMIT", "OTHER"])
def test_computed(monkeypatch, name): monkeypatch.setattr(f"pkg.lib.{name}", 1)
def test_missing():
    with contextlib.suppress(AttributeError), mock.patch("pkg.lib.NEW", 1): pass
def test_builtin(): assert [getattr(lib, "LIMIT"), hasattr(lib, "LATER")]
def test_whole(): assert len(vars(lib))
"""
DECORATED: Final = """
from unittest import mock
from pkg import lib
@mock.patch("pkg.lib.LIMIT", 1)
def test_mock(): assert lib.over(2)
"""
OF_LIMIT: Final = "builtin computed[LIMIT] context mock mock_object object text"
CASES: Final = {
    "a constant that nobody patches": ("OTHER = ", "MORE = 1\nOTHER = ", ""),
    "a constant": ("LIMIT = 3", "LIMIT = 4", OF_LIMIT),
    "one that is named at run time": ('"a": 1', '"a": 2', "computed[OTHER]"),
    "a dictionary": ('"k": 1', '"k": 3', "mock_dict"),
    "an attribute of a class": ("rate = 2", "rate = 3", "mock_class"),
    "a signature": ("fetch()", "fetch(a=1)", "mock_auto"),
    "what is not there": ("LIMIT = 3", "LIMIT = 3\nNEW = 1", "missing"),
    "what is asked for in vain": ("LIMIT = 3", "LIMIT = 3\nLATER = 1", "builtin"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_patch_rests_on_what_it_replaces(suite: Suite, name: str) -> None:
    old, new, needed = CASES[name]
    suite.write("pkg/__init__.py", "")
    suite.write("pkg/lib.py", LIB)
    suite.write("test_a.py", TESTS)
    suite.write("test_b.py", DECORATED)
    suite.warm()
    suite.edit("pkg/lib.py", old, new)
    ran = suite.both()
    assert sorted(ran.names) == sorted(f"test_{word}" for word in [*needed.split(), "whole"])


PATCHES = {
    "patch": '@mock.patch("lib.N", {value})',
    "object": '@mock.patch.object(lib, "N", {value})',
    "mapping": '@mock.patch.dict(lib.D, {{"a": {value}}})',
    "several": "@mock.patch.multiple(lib, N={value}, M=mock.DEFAULT)",
    "text": '@mock.patch("lib.N", new={value})',
}


@pytest.mark.parametrize("decorator", PATCHES.values(), ids=PATCHES)
def test_a_patch_that_decorates_concerns_nobody_else(suite: Suite, decorator: str) -> None:
    suite.write("lib.py", 'N = 1\nM = 1\nD = {"a": 1}\ndef get(): return N, D["a"]\n')
    test = "def test_patched(**_): assert 5 in (*lib.get(), 5)\n"
    before = f"{decorator.format(value=5)}\n{test}"
    suite.write(
        "test_it.py",
        f"from unittest import mock\nimport lib\n{before}def test_other(): pass\n",
    )
    suite.write("test_read.py", "import lib\ndef test_read(): assert lib.get() == (1, 1)\n")
    suite.warm()
    assert suite.both().live == []
    suite.edit("test_it.py", before, f"{decorator.format(value=6)}\n{test}")
    assert suite.both().names == ["test_patched"]
    suite.edit("test_it.py", "def test_other", f"{decorator.format(value=7)}\ndef test_other")
    suite.edit("test_it.py", "test_other():", "test_other(**_):")
    assert suite.both().names == ["test_other"]


def test_who_is_handed_a_patch_may_start_it(suite: Suite) -> None:
    suite.write("lib.py", "N = 1\n")
    suite.write(
        "test_it.py",
        """
        from unittest import mock
        import lib

        STARTED = []

        def starting(patch):
            patch.start()
            STARTED.append(patch)
            return lambda function: function

        def teardown_module():
            STARTED.pop().stop()

        @starting(mock.patch("lib.N", 5))
        def helper(): pass

        def test_read(): assert lib.N == 5
        """,
    )
    suite.warm()
    suite.edit("test_it.py", '"lib.N", 5', '"lib.N", 6')
    assert "failed" in suite.both().outcomes["test_it.py::test_read"]


@pytest.mark.parametrize(
    "patch",
    ["patch('lib.core.value', lambda: 1)", "pytest.MonkeyPatch.context()"],
)
def test_what_is_patched_was_imported_by_the_file_of_the_test(suite: Suite, patch: str) -> None:
    suite.write("lib/__init__.py", "from lib.core import value\nfrom lib.other import other")
    suite.write("lib/core.py", "def value(): return 1\n")
    suite.write("lib/other.py", "import os\ndef other(n: int) -> int: return n\n")
    suite.write(
        "conftest.py",
        f"""
        import importlib, pytest
        from unittest.mock import patch

        @pytest.fixture(autouse=True)
        def patched():
            with {patch}:
                importlib.import_module("li" + "b.core")
                yield
        """,
    )
    suite.write("test_knows.py", "import lib\ndef test_knows(): assert lib.value() == 1\n")
    suite.write("test_late.py", "def test_late():\n    import lib.core\n")
    suite.write("test_if.py", "if 1:\n    import lib.core\ndef test_if(): pass\n")
    suite.write("test_other.py", "def test_other(): pass\n")
    suite.warm()
    # It is evaluated when the module is imported, and might fail then.
    suite.edit("lib/other.py", "n: int", "n: os.PathLike")
    assert "test_knows" not in suite.both().names
    suite.edit("lib/other.py", "n: os.PathLike", "n: os.Missing")
    failed = suite.both()
    assert failed.code != 0
    suite.edit("lib/other.py", "n: os.Missing", "n: int")
    assert suite.both().code == 0
    suite.edit("lib/core.py", "return 1", "return 2 - 1")
    assert "test_knows" in suite.both().names or "lambda" in patch
    for name in ("test_knows.py", "test_if.py"):
        (suite.path / name).unlink()
    suite.warm()
    suite.edit("lib/other.py", "n: int", "n: os.stat_result")
    assert "test_late" in suite.both().names

"""What is the same whoever makes it is made by another test where the first one is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

MADE: Final = {
    "global": (
        """
        _made = None
        def make():
            global _made
            if _made is None:
                _made = 2
            return _made
        """,
        "lib._made is None",
    ),
    "entry": (
        """
        MADE = {}
        def make():
            if "n" not in MADE:
                MADE["n"] = 2
            return MADE["n"]
        """,
        "'n' not in lib.MADE",
    ),
    "attribute": (
        """
        class Maker:
            made = None
            def make(self):
                if self.made is None:
                    self.made = 2
                return self.made
        MAKER = Maker()
        def make(): return MAKER.make()
        """,
        "lib.MAKER.made is None",
    ),
}


@pytest.fixture(params=MADE)
def looking(suite: Suite, request: pytest.FixtureRequest) -> str:
    """Three files of tests: two make it, the last one looks; gives how it asks."""
    lib, is_missing = MADE[request.param]
    suite.write("lib.py", lib)
    suite.write("test_a.py", "import lib\ndef test_first(): assert lib.make() == 2\n")
    suite.write("test_b.py", "import lib\ndef test_second(): assert lib.make() == 2\n")
    suite.write("test_c.py", f"import lib\ndef test_looks(): assert not ({is_missing})\n")
    assert suite.warm().live == []
    return is_missing


def test_the_first_one_is_gone(suite: Suite, looking: str) -> None:
    (suite.path / "test_a.py").unlink()
    assert suite.both().code == 0
    suite.edit("test_c.py", "assert not", "assert")
    assert suite.both().code == 1


def test_the_first_one_is_not_chosen(suite: Suite, looking: str) -> None:
    files = ("test_b.py", "test_c.py")
    assert suite.both(*files).code == 0
    suite.edit("test_c.py", "assert not", "assert")
    assert suite.both(*files).code == 1


def test_the_first_one_makes_it_no_more(suite: Suite, looking: str) -> None:
    suite.edit("test_a.py", "lib.make() == 2", "lib")
    assert suite.both().code == 0
    suite.edit("test_c.py", "assert not", "assert")
    assert suite.both().code == 1


def test_the_first_one_alone_runs_for_who_looks(suite: Suite, looking: str) -> None:
    suite.edit("test_c.py", "assert not", "assert True and not")
    assert suite.both().names == ["test_first", "test_looks"]

"""A wider fixture is set up by its first user: what others do before that and after differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

TESTS: Final = """
    import lib
    class TestAll:
        def test_before(self): assert lib.N
        def test_uses(self, early): assert early
        def test_changes(self): lib.N = 5
        def test_unconcerned(self): assert lib
        def test_expects(self, early): assert early == 3
    """


@pytest.fixture(params=["session", "module", "class"])
def early(suite: Suite, request: pytest.FixtureRequest) -> Suite:
    suite.write("lib.py", "N = 3\ndef get(): return N\n")
    suite.write(
        "conftest.py",
        f"""
        import lib, pytest
        @pytest.fixture(scope="{request.param}")
        def early(): return lib.get()
        @pytest.fixture
        def through(early): return early
        """,
    )
    suite.write("test_a.py", TESTS)
    assert suite.warm().live == []
    return suite


@pytest.mark.parametrize("now", ["(self)", "(self, request)"])
def test_the_first_one_uses_it_no_more(early: Suite, now: str) -> None:
    early.edit("test_a.py", "uses(self, early): assert early", f"uses{now}: assert True")
    assert early.both().code == 1
    early.write("test_a.py", TESTS)
    assert early.both().code == 0


def test_the_first_one_is_skipped(early: Suite) -> None:
    early.edit("test_a.py", "import lib", "import lib, pytest")
    early.edit("test_a.py", "    def test_uses", "    @pytest.mark.skip\n    def test_uses")
    assert early.both().code == 1


def test_the_first_one_is_gone(early: Suite) -> None:
    early.edit("test_a.py", "    def test_uses(self, early): assert early\n", "")
    assert early.both().code == 1


def test_the_first_one_comes_later(early: Suite) -> None:
    uses, changes = (
        "    def test_uses(self, early): assert early\n",
        "    def test_changes(self): lib.N = 5\n",
    )
    early.edit("test_a.py", uses + changes, changes + uses)
    assert early.both().code == 1


def test_another_one_comes_first(early: Suite) -> None:
    early.edit("test_a.py", "uses(self, early): assert early", "uses(self): assert True")
    assert early.both().code == 1
    early.edit("test_a.py", "early == 3", "early == 5")
    assert early.both().code == 0
    early.edit("test_a.py", "before(self): assert lib.N", "before(self, through): assert through")
    assert early.both().code == 1


def test_another_one_that_makes_no_difference(early: Suite) -> None:
    early.edit("test_a.py", "before(self): assert lib.N", "before(self, early): assert lib.N")
    assert early.both().names == ["TestAll::test_before"]

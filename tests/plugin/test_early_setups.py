"""What was set up early looks at what tests change that run: it is set up at its place again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

SETUPS: Final = {
    "value": ("", "return len(R)", "early"),
    "entry": ("", "R['n'] = len(R)", "R['n']"),
    "elsewhere": ("", "S['n'] = len(R)", "S['n']"),
    "method": ("", "return [*R.values()]", "len(early)"),
}
EDITS: Final = {"writer": ("= 5", "= 7"), "reader": ("0 == ", "-0 == ")}


def write(suite: Suite, scope: str, setup: str) -> None:
    _, does, tells = SETUPS[setup]
    suite.write("lib.py", "R = {}\nS = {}\n")
    suite.write(
        "conftest.py",
        f"""
        import pytest
        from lib import R, S
        @pytest.fixture(scope="{scope}")
        def early():
            {does}
        @pytest.fixture(scope="{scope}")
        def unconcerned(): return 1
        """,
    )
    suite.write(
        "test_a.py",
        f"""
        from lib import R, S
        class TestAll:
            def test_unconcerned(self, unconcerned): assert unconcerned
            def test_first(self, early): pass
            def test_other_user(self, early): pass
            def test_writes(self): R['z'] = 5
            def test_reads(self, early, unconcerned): assert R and 0 == {tells}
            def test_last(self): pass
        """,
    )


@pytest.mark.parametrize("edit", [("writer",), ("reader",), ("writer", "reader")], ids="+".join)
@pytest.mark.parametrize("setup", SETUPS)
@pytest.mark.parametrize("scope", ["class", "module", "session"])
def test_a_fixture_is_set_up_before_what_it_would_see(
    suite: Suite, scope: str, setup: str, edit: tuple[str, ...]
) -> None:
    write(suite, scope, setup)
    assert suite.warm().live == []
    for name in edit:
        suite.edit("test_a.py", *EDITS[name])
    ran = suite.both()
    assert ran.names == [f"TestAll::test_{name}" for name in ("first", "writes", "reads")]
    assert suite.both().live == []


@pytest.mark.parametrize("edit", [("writer",), ("reader",), ("writer", "reader")], ids="+".join)
def test_a_producer_runs_before_what_it_would_see(suite: Suite, edit: tuple[str, ...]) -> None:
    suite.write(
        "test_a.py",
        """
        R, S = {}, {}
        def test_free(): pass
        def test_produces(): S['n'] = len(R)
        def test_writes(): R['z'] = 5
        def test_reads(): assert R and 0 == S['n']
        """,
    )
    assert suite.warm().live == []
    for name in edit:
        suite.edit("test_a.py", *EDITS[name])
    assert suite.both().names == ["test_produces", "test_writes", "test_reads"]
    assert suite.both().live == []


LATE: Final = {
    "session": ("", "early", "lib.get() + early"),
    "module": ("", "early", "lib.get() + early"),
    "what a test leaves": ("    lib.MADE['n'] = lib.get()\n", "", "lib.made()"),
}


@pytest.mark.parametrize("kind", LATE)
def test_who_needs_what_a_replayed_test_changes_finds_what_was_made_before_that(
    suite: Suite, kind: str
) -> None:
    """It has no record, so nobody knows before it runs that others must."""
    does, asks, tells = LATE[kind]
    suite.write("lib.py", "N = 3\nMADE = {}\ndef get(): return N\ndef made(): return MADE['n']\n")
    scope = kind if asks else "session"
    suite.write(
        "conftest.py",
        f"""
        import lib, pytest
        @pytest.fixture(scope="{scope}")
        def early(): return lib.get()
        """,
    )
    suite.write(
        "test_a.py",
        f"import lib\ndef test_early({asks}):\n{does}    assert lib.get() == 3\n"
        "def test_changes():\n    lib.N = 5\n    assert lib.get() == 5\n"
        f"def test_fails({asks}):\n    if lib.get() == 5: assert {tells} != {8 if asks else 3}\n",
    )
    for _ in range(3):
        assert suite.both().code == 1
    suite.edit("test_a.py", "!=", "!= 1 +")
    assert suite.both().code == 0
    assert suite.both().live == []


def test_who_has_changed_and_needs_it_finds_what_was_made_before_what_runs(suite: Suite) -> None:
    suite.write("lib.py", "N = {}\nMADE = {}\ndef made(): return MADE['n']\n")
    suite.write(
        "test_a.py",
        """
        import lib
        def test_makes(): lib.MADE['n'] = len(lib.N)
        def test_changes(): lib.N['z'] = 5
        def test_reads():
            if lib.N: assert True
        """,
    )
    assert suite.warm().live == []
    suite.edit("test_a.py", "['z'] = 5", "['z'] = 6")
    suite.edit("test_a.py", "assert True", "assert lib.made() != 0")
    assert suite.both().code == 1


@pytest.mark.parametrize("scope", ["class", "module"])
def test_what_has_ended_and_left_something_is_not_set_up_again(suite: Suite, scope: str) -> None:
    """Who would run between others comes too late for a fixture that they have used."""
    suite.write(
        "lib.py",
        """
        ITEMS = []
        STATE = {"bumped": 0}
        def grow():
            ITEMS.append(1)
            return len(ITEMS) + STATE["bumped"]
        def other(x): return x
        """,
    )
    suite.write(
        "conftest.py",
        f"""
        import lib, pytest
        @pytest.fixture(scope="{scope}")
        def number(): return lib.grow()
        """,
    )
    suite.write(
        "test_a.py",
        """
        import lib
        class TestFirst:
            def test_uses(self, number): assert lib.other(number) == 1
            def test_leaves(self, number): lib.STATE["left"] = number
        class TestSecond:
            def test_bumps(self): lib.STATE["bumped"] = 4
        """,
    )
    suite.write(
        "test_b.py",
        """
        import lib
        class TestThird:
            def test_fails(self, number): assert lib.STATE["bumped"] + number != 10
        """,
    )
    assert suite.both().code == 1
    suite.edit("lib.py", "return x", "return x + 0")
    for _ in range(3):
        assert suite.both().code == 1


def test_what_has_ended_with_another_parameter_is_not_set_up_again(suite: Suite) -> None:
    suite.write("lib.py", "import itertools\nCOUNT = itertools.count(1)\n")
    suite.write(
        "conftest.py",
        """
        import lib, pytest
        @pytest.fixture(scope="session", params=[1, 2])
        def number(request): return next(lib.COUNT)
        """,
    )
    suite.write(
        "test_a.py",
        "def test_a(number): assert number\ndef test_b(number): assert number != 2\n",
    )
    for _ in range(4):
        assert suite.both().code == 1


@pytest.mark.parametrize("scope", ["class", "module"])
def test_what_another_module_would_end_is_not_set_up_again(suite: Suite, scope: str) -> None:
    """Who runs late in another module ends what this one shares: mates come too late for that."""
    suite.write("lib.py", "import itertools\nCOUNT = itertools.count(1)\nSEEN = []\n")
    suite.write(
        "conftest.py",
        f"""
        import lib, pytest
        @pytest.fixture(scope="{scope}")
        def number(): return next(lib.COUNT)
        """,
    )
    suite.write("test_a.py", "import lib\ndef test_leaves(): lib.SEEN.append(1)\n")
    suite.write(
        "test_b.py",
        """
        import lib
        class TestAll:
            def test_fails(self, number): assert number != 1
            def test_mate(self, number): assert number
            def test_reads(self):
                seen = [*lib.SEEN]
                assert next(lib.COUNT) + len(seen) not in (2, 3)
        """,
    )
    for _ in range(3):
        assert suite.both().code == 1
    suite.edit("test_b.py", "(2, 3)", "(2, 1 + 2)")
    for _ in range(3):
        assert suite.both().code == 1


@pytest.mark.parametrize("clears", ["lib.CALLS.clear()", "lib.CALLS[:] = []", "lib.CALLS = []"])
def test_a_mate_does_not_leave_again_what_has_been_cleared_since(suite: Suite, clears: str) -> None:
    """Mates of a failure run in case it needs one, and later ones would find what they leave."""
    suite.write("lib.py", "CALLS = []\ndef call(): CALLS.append(1)\ndef others(): return []\n")
    suite.write(
        "test_a.py",
        f"""
        import lib
        def test_calls(): lib.call()
        def test_clears_and_fails():
            {clears}
            assert lib.others()
        def test_other(): assert lib.others() == []
        def test_reads(): assert len(lib.CALLS) == 0
        """,
    )
    for _ in range(2):
        assert suite.both().code == 1
    suite.edit("test_a.py", "others() == []", "others() == [1]")
    for _ in range(2):
        assert suite.both().code == 1


@pytest.mark.parametrize("kind", ["class", "module", "setup_class", "setUpClass"])
def test_a_mate_does_not_end_what_others_use_and_has_left_something(
    suite: Suite, kind: str
) -> None:
    """What a class or module shares is set up once; a mate of another one would let it end."""
    suite.write("lib.py", "import random\nCHANCE = random.Random(3)\nSEEN = []\n")
    base, setup = "", f"@pytest.fixture(scope='{kind}', autouse=True)\n    def once(self"
    if kind.startswith("set"):
        base = "(unittest.TestCase)" if kind == "setUpClass" else ""
        setup = f"@classmethod\n    def {kind}(cls"
    suite.write("test_a.py", "import lib\ndef test_leaves(): lib.SEEN.append(1)\n")
    suite.write(
        "test_b.py",
        f"import lib, pytest, unittest\n"
        "class TestFirst:\n    def test_mate(self): pass\n"
        f"class TestSecond{base}:\n"
        f"    {setup}): lib.LAST = lib.CHANCE.random()\n"
        "    def test_fails(self): assert lib.LAST > 1\n"
        "    def test_fails_too(self): assert lib.LAST > 1 + 0\n"
        "    def test_tells(self): assert lib.LAST == lib.random.Random(3).random()\n",
    )
    for _ in range(2):
        assert suite.both().code == 1
    suite.edit("test_b.py", "1 + 0", "1 - 0")
    suite.edit("test_b.py", "== lib", "!= 5 and lib.LAST == lib")
    for _ in range(2):
        assert suite.both().code == 1

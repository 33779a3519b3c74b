"""What shared setup consults is in the footprint of every test that uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite


@pytest.mark.parametrize("scope", ["function", "class", "module", "package", "session"])
def test_a_fixture_of_any_scope_counts_for_each_user(suite: Suite, scope: str) -> None:
    suite.write("lib.py", "def up(): return 1\ndef down(): return 1\ndef other(): return 1\n")
    suite.write(
        "conftest.py",
        f"""
        import lib
        import pytest

        @pytest.fixture(scope={scope!r})
        def base():
            return lib.up()

        @pytest.fixture(scope={scope!r})
        def shared(base):
            yield base
            lib.down()
        """,
    )
    for name in ("test_a.py", "test_b.py"):
        suite.write(
            name,
            """
            import lib

            def test_first(shared): assert shared == 1
            def test_second(shared): assert shared == 1
            def test_alone(): assert lib.other() == 1
            """,
        )
    suite.warm()
    users = [f"test_{n}.py::test_{t}" for n in "ab" for t in ("first", "second")]
    suite.edit("lib.py", "def up(): return 1", "def up(): return 2 - 1")
    assert suite.both().live == users
    suite.edit("lib.py", "def down(): return 1", "def down(): return 2")
    assert suite.both().live == users
    suite.edit("lib.py", "def up(): return 2 - 1", "def up(): return 3")
    assert set(suite.both().live) >= set(users)


def test_xunit_and_unittest_setup_count(suite: Suite) -> None:
    names = "module function klass method case klass2 teardown".split()
    suite.write("lib.py", "".join(f"def {name}(): return 1\n" for name in names))
    suite.write(
        "test_a.py",
        """
        import unittest
        import lib

        def setup_module(): lib.module()
        def setup_function(): lib.function()

        def test_a(): pass

        class TestIt:
            @classmethod
            def setup_class(cls): lib.klass()
            def setup_method(self): lib.method()
            def test_b(self): pass
            def test_c(self): pass

        class TestCase(unittest.TestCase):
            @classmethod
            def setUpClass(cls): lib.klass2()
            def setUp(self): lib.case()
            def tearDown(self): lib.teardown()
            def test_d(self): pass
            def test_e(self): pass
        """,
    )
    suite.warm()
    b, d = (["TestIt::test_b", "TestIt::test_c"], ["TestCase::test_d", "TestCase::test_e"])
    for name, users in {
        "module": ["test_a", *b, *d],
        "function": ["test_a"],
        "klass": b,
        "method": b,
        "case": d,
        "klass2": d,
        "teardown": d,
    }.items():
        suite.edit("lib.py", f"def {name}(): return 1", f"def {name}(): return 2")
        assert suite.both().names == users, name


def test_conftest_hooks_count_below_their_folder(suite: Suite) -> None:
    suite.write("conftest.py", "")
    suite.write(
        "one/conftest.py",
        """
        def pytest_runtest_setup(item):
            item.mine = 1

        def pytest_generate_tests(metafunc):
            if "number" in metafunc.fixturenames:
                metafunc.parametrize("number", [1])
        """,
    )
    suite.write("one/test_a.py", "def test_a(number): assert number > 0\n")
    suite.write("two/test_b.py", "def test_b(): pass\n")
    suite.warm()
    suite.edit("one/conftest.py", "item.mine = 1", "item.mine = 2")
    assert suite.both().names == ["test_a[1]"]
    suite.edit("one/conftest.py", "[1]", "[0]")
    again = suite.both()
    assert set(again.live) == {"one/test_a.py::test_a[0]"}
    assert again.code == 1


def test_a_new_override_or_autouse_fixture_counts(suite: Suite) -> None:
    suite.write("conftest.py", "import pytest\n@pytest.fixture\ndef value(): return 1\n")
    suite.write("one/test_a.py", "def test_a(value): assert value == 1\n")
    suite.write("two/test_b.py", "def test_b(value): assert value == 1\n")
    suite.warm()
    suite.write("one/conftest.py", "import pytest\n@pytest.fixture\ndef value(): return 2\n")
    again = suite.both()
    assert set(again.names) == {"test_a"}
    assert again.code == 1
    suite.write(
        "two/conftest.py",
        "import pytest\n@pytest.fixture(autouse=True)\ndef auto(): raise ValueError\n",
    )
    assert suite.both().names == ["test_a", "test_b"]


def test_a_fixture_asked_for_by_name_counts(suite: Suite) -> None:
    suite.write("lib.py", "def up(): return 1\ndef inner(): return 1\n")
    suite.write(
        "test_a.py",
        """
        import lib
        import pytest

        @pytest.fixture(scope="module")
        def inner():
            return lib.inner()

        @pytest.fixture(scope="module")
        def hidden():
            return lib.up()

        @pytest.fixture(scope="module")
        def middle(request):
            return request.getfixturevalue("inner")

        def test_first(request): assert request.getfixturevalue("hidden") == 1
        def test_second(request): assert request.getfixturevalue("hidden") == 1
        def test_third(middle): assert middle == 1
        def test_fourth(middle): assert middle == 1
        def test_alone(): pass
        """,
    )
    suite.warm()
    suite.edit("lib.py", "def up(): return 1", "def up(): return 2")
    assert suite.both().names == ["test_first", "test_second"]
    suite.edit("lib.py", "def inner(): return 1", "def inner(): return 2")
    assert set(suite.both().names) == {"test_first", "test_second", "test_third", "test_fourth"}


@pytest.mark.parametrize("scope", ["function", "module"])
@pytest.mark.parametrize("how", ["argument", "by name", "through another"])
def test_what_a_skipping_fixture_consulted_counts(suite: Suite, scope: str, how: str) -> None:
    asks = {
        "argument": "(needs): pass",
        "by name": "(request): request.getfixturevalue('needs')",
        "through another": "(through): pass",
    }[how]
    suite.write("lib.py", "def has(): return False\n")
    suite.write(
        "test_a.py",
        f"""
        import lib
        import pytest

        @pytest.fixture(scope={scope!r})
        def needs():
            if not lib.has():
                pytest.skip("no such thing")

        @pytest.fixture
        def through(request):
            return request.getfixturevalue("needs")

        def test_a{asks}
        def test_b{asks}
        def test_alone(): pass
        """,
    )
    suite.warm()
    suite.edit("lib.py", "return False", "return True")
    again = suite.both()
    assert again.names == ["test_a", "test_b"]
    assert "skipped" not in str(again.outcomes)


def test_a_failing_teardown_keeps_every_user_out(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest

        @pytest.fixture(scope="module")
        def breaks():
            yield
            raise ValueError

        def test_alone(): pass
        def test_a(breaks): pass
        def test_b(breaks): pass
        """,
    )
    assert suite.both().code == 1
    # In a selection another test is the last one, and shows the error.
    assert suite.both("--deselect", "test_a.py::test_b").code == 1
    assert suite.both().names == ["test_a", "test_b"]


def test_hits_do_not_break_the_setup_stack_of_live_tests(suite: Suite) -> None:
    suite.write("lib.py", "def live(): return 1\ndef log(text): LOG.append(text)\nLOG = []\n")
    live = ("test_2", "test_4", "TestIt::test_6", "test_8")
    suite.write(
        "conftest.py",
        """
        import pytest

        @pytest.fixture(scope="session")
        def session():
            state = []
            yield state
            print("<", *state, ">")

        @pytest.fixture(scope="module", params=[1, 2])
        def module(session, request):
            session.append("up")
            yield session
            session.append("down")
        """,
    )
    body = "import lib\n"
    for number in (1, 2, 3, 4):
        inside = "lib.live()" if number % 2 == 0 else "pass"
        body += f"def test_{number}(module): {inside}\n"
    body += "class TestIt:\n    def test_5(self, module): pass\n"
    body += "    def test_6(self, module): lib.live()\n    def test_7(self): pass\n"
    body += "def test_8(session): lib.live()\ndef test_9(): pass\n"
    suite.write("test_a.py", body)
    suite.write("test_b.py", body)
    suite.warm()
    suite.edit("lib.py", "def live(): return 1", "def live(): return 2")
    again = suite.both("-s")
    assert {name.partition("[")[0] for name in again.names} == set(live)
    assert again.text.count("< up down up down up down up down >") == 1


def test_one_more_parameter_runs_one_more_test(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest

        @pytest.mark.parametrize("number", [1, 2])
        def test_a(number): assert number < 3
        """,
    )
    suite.warm()
    suite.edit("test_a.py", "[1, 2]", "[1, 2, 3]")
    again = suite.both()
    assert again.decisions["test_a.py::test_a[3]"]["attempts"] == 2
    assert again.report["totals"]["ran"] == 1
    assert again.code == 1


def test_a_new_test_file_runs_alone(suite: Suite) -> None:
    suite.write("tests/test_a.py", "def test_a(): pass\n")
    suite.warm()
    suite.write("tests/test_b.py", "def test_b(): pass\n")
    assert suite.both().names == ["test_b"]

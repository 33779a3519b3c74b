"""Fixtures of all kinds and places: async, in classes, plugins, with effects beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

# Suites under test leave connections open, in our own process.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

if TYPE_CHECKING:
    from tests.plugin.conftest import Counted


def test_async_fixtures(counted: Counted) -> None:
    counted.write(
        conftest="""
        import asyncio
        import pytest
        import pytest_asyncio

        @pytest_asyncio.fixture(scope="session", loop_scope="session")
        async def made():
            await asyncio.sleep(0)
            return [1, 2]

        @pytest_asyncio.fixture(scope="session", loop_scope="session")
        async def wide():
            await asyncio.sleep(0)
            yield [3]

        @pytest_asyncio.fixture
        async def single():
            await asyncio.sleep(0)
            yield {"a": 1}
        """,
        test_a="""
        import asyncio
        import lib
        import pytest

        @pytest.mark.asyncio(loop_scope="session")
        async def test_a(made, single, wide):
            assert lib.one() == 1
            assert made == [1, 2]
            assert wide == [3]
            assert single == {"a": 1}

        def test_b(made):
            assert lib.one() == 1
        """,
    )
    option = ("-p", "asyncio")
    _, calls = counted.run(*option)
    assert (calls["made"], calls["single"]) == (1, 1)
    counted.edit()
    ran, calls = counted.run(*option)
    assert not {"made", "single", "wide"} & set(calls)
    assert len(ran.names) == 2


def test_an_async_fixture_that_leaves_a_task(counted: Counted) -> None:
    counted.write(
        conftest="""
        import asyncio
        import pytest_asyncio

        @pytest_asyncio.fixture(scope="session", loop_scope="session")
        async def made():
            asyncio.get_running_loop().call_later(60, print)
            return [1]
        """,
        test_a="""
        import lib

        def test_a(made):
            assert lib.one() == 1
        """,
    )
    option = ("-p", "asyncio")
    ran, _ = counted.run(*option)
    assert counted.why(ran, "made").startswith("effect")
    counted.edit()
    _, calls = counted.run(*option)
    assert calls["made"] == 1


def test_fixtures_in_classes_and_modules(counted: Counted) -> None:
    counted.write(
        test_a="""
        import lib
        import pytest

        @pytest.fixture(scope="module")
        def made():
            return [1]

        class TestIt:
            @pytest.fixture(scope="class")
            def inner(self, made):
                return [*made, 2]

            @pytest.fixture
            def mine(self):
                return {3}

            @pytest.fixture
            def setting(self):
                self.here = 1
                return 4

            def test_a(self, inner, mine, setting):
                assert lib.one() == 1
                assert (inner, mine, self.here) == ([1, 2], {3}, 1)

            def test_b(self, inner):
                assert inner == [1, 2]
        """,
    )
    counted.run()
    counted.edit()
    ran, calls = counted.run()
    assert ran.names == ["TestIt::test_a"]
    assert calls == {"setting": 1}


def test_two_conftests_with_classes_of_their_own(counted: Counted) -> None:
    for folder in ("one", "two"):
        counted.write(
            **{
                f"{folder}__conftest": f"""
                import pytest

                class Thing:
                    where = "{folder}"

                @pytest.fixture(scope="session")
                def thing():
                    return Thing()

                @pytest.fixture
                def kind():
                    return Thing
                """,
                f"{folder}__test_{folder}": f"""
                import lib

                def test_it(thing, kind):
                    assert lib.one() == 1
                    assert type(thing) is kind and thing.where == "{folder}"
                """,
            }
        )
    counted.suite.write("pytest.ini", "[pytest]\npythonpath = .\ncell_cache_min_seconds = 0\n")
    counted.run()
    counted.edit()
    ran, calls = counted.run()
    assert len(ran.names) == 2
    assert "thing" not in calls


def test_a_plugin_outside_of_the_project(counted: Counted) -> None:
    counted.write(
        conftest="pytest_plugins = ['site_plugin']\n",
        site_plugin="""
        import pytest

        @pytest.fixture(scope="session")
        def made():
            return [1]
        """,
        test_a="""
        import lib
        def test_a(made): assert lib.one() == 1 and made == [1]
        """,
    )
    counted.run()
    counted.edit()
    assert counted.run()[1] == {}


def test_a_fixture_that_reads_a_file_a_variable_and_an_override(counted: Counted) -> None:
    counted.suite.write("data.txt", "one")
    counted.write(
        conftest="""
        import os
        import pytest

        @pytest.fixture(scope="session")
        def base():
            return "b"

        @pytest.fixture(scope="session")
        def made(base):
            with open("data.txt") as file:
                return [file.read(), os.environ.get("CELL_TEST"), base]
        """,
        test_a="""
        import lib
        def test_a(made): assert lib.one() == 1 and made[0] and made[2]
        """,
    )
    assert counted.run()[1] == {"base": 1, "made": 1}
    counted.edit()
    assert counted.run()[1] == {}
    counted.suite.write("data.txt", "two")
    assert counted.run()[1] == {"made": 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CELL_TEST", "x")
        assert counted.run()[1] == {"made": 1}
    assert counted.run()[1] == {}
    counted.edit(
        "test_a.py",
        "def test_a",
        "import pytest\n@pytest.fixture(scope='session')\ndef base(): return 'c'\ndef test_a",
    )
    assert counted.run()[1] == {"base": 1, "made": 1}


def test_what_a_restored_fixture_consulted_counts_for_its_tests(counted: Counted) -> None:
    counted.suite.write("data.txt", "1")
    counted.write(
        conftest="""
        import pytest

        def parse(text):
            return int(text)

        @pytest.fixture(scope="session")
        def made():
            with open("data.txt") as file:
                return [parse(file.read())]
        """,
        test_a="""
        import lib
        def test_a(made): assert lib.one() == 1 and made == [1]
        """,
    )
    counted.run()
    counted.edit()
    assert counted.run()[1] == {}  # recorded with a restored fixture
    counted.suite.write("data.txt", "2")
    ran, calls = counted.run()
    assert ran.code == 1
    assert calls == {"made": 1}
    counted.suite.write("data.txt", "1")
    assert counted.run()[1] == {}
    counted.edit("conftest.py", "int(text)", "int(text) + 1")
    ran, calls = counted.run()
    assert ran.code == 1
    assert calls == {"made": 1}


def test_the_environment_of_another_fixture(counted: Counted) -> None:
    counted.write(
        conftest="""
        import os
        import pytest

        @pytest.fixture(autouse=True)
        def setting(monkeypatch):
            monkeypatch.setenv("CELL_TEST", "here")

        @pytest.fixture
        def made():
            return [os.environ.get("CELL_TEST")]

        @pytest.fixture
        def other():
            return [2]
        """,
        test_a="""
        import lib
        def test_a(made, other): assert lib.one() == 1 and made == ["here"]
        """,
    )
    counted.run()
    counted.edit()
    ran, calls = counted.run()
    assert calls["setting"] == 1
    assert not {"made", "other"} & set(calls)
    counted.edit("conftest.py", '"here"', '"there"')
    ran, calls = counted.run()
    assert ran.code == 1
    assert calls["made"] == 1


def test_what_an_earlier_test_changed(counted: Counted) -> None:
    counted.write(
        conftest="""
        import pytest

        @pytest.fixture(scope="session")
        def low():
            return []

        @pytest.fixture(scope="session")
        def made(low):
            return len(low)
        """,
        test_a="""
        import lib
        def test_0(low): low.append(1)
        def test_a(made): assert lib.one() == 1 and made == 1
        """,
    )
    ran, _ = counted.run()
    assert counted.why(ran, "made") == "used-before low"
    counted.edit()
    ran, calls = counted.run()
    assert calls["made"] >= 1
    assert "made" not in [f["name"] for f in ran.report["fixtures"] if f["source"] == "restored"]


def test_live_fixtures_are_torn_down_once(counted: Counted) -> None:
    log = counted.suite.path.parent / f"{counted.suite.path.name}-calls"
    counted.write(
        conftest=f"""
        import os
        import pytest

        LOG = os.open({str(log)!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

        def live(scope):
            @pytest.fixture(scope=scope)
            def fixture():
                yield scope
                os.write(LOG, scope[:1].encode())  # no audit event tells of it
            return fixture

        on_session = live("session")
        on_module = live("module")
        on_test = live("function")

        @pytest.fixture(scope="session")
        def made():
            return [1]
        """,
        test_a="""
        import lib
        def test_a(on_session, on_module, on_test, made): assert lib.one() == 1
        def test_b(on_session, on_module, on_test, made): assert lib.one() == 1
        """,
        test_b="def test_c(on_session, on_module, made): pass\n",
    )
    counted.run()
    counted.edit()
    log.unlink()
    counted.calls.clear()
    counted.suite.cached()
    assert counted.calls == {"on_session": 1, "on_module": 1, "on_test": 2}
    assert sorted(log.read_text()) == ["f", "f", "m", "s"]


def test_declarations(counted: Counted) -> None:
    counted.suite.write("unseen.bin", "1")
    counted.write(
        conftest="""
        import pytest
        from pytest_cellcache import cell_cache

        @pytest.fixture(scope="session")
        @cell_cache(enabled=False)
        def out():
            return 1

        @pytest.fixture(scope="session")
        @cell_cache(inputs=["unseen.bin"], env=["CELL_TEST"])
        def made():
            return 2

        @pytest.fixture(scope="session")
        @cell_cache(pure=True)
        def vouched():
            yield [3]
            print("closed")
        """,
        test_a="""
        import lib
        def test_a(out, made, vouched): assert lib.one() == 1
        """,
    )
    ran, calls = counted.run()
    assert calls == {"out": 1, "made": 1, "vouched": 1}
    assert counted.why(ran, "out") == "disabled "
    counted.edit()
    assert counted.run()[1] == {"out": 1}
    counted.suite.write("unseen.bin", "2")
    assert counted.run()[1] == {"out": 1, "made": 1}
    counted.suite.write("unseen.bin", "3")
    assert counted.run()[1] == {"out": 1, "made": 1}


@pytest.mark.parametrize("mode", ["read", "refresh"])
def test_modes(counted: Counted, mode: str) -> None:
    counted.write(
        conftest="""
        import pytest

        @pytest.fixture(scope="session")
        def made():
            return [1]
        """,
        test_a="""
        import lib
        def test_a(made): assert lib.one() == 1
        """,
    )
    counted.run()
    counted.edit()
    found = counted.suite.cached(f"--cell-cache-mode={mode}")
    assert [f["source"] for f in found.report["fixtures"]] == [
        {"read": "restored", "refresh": "ran"}[mode]
    ]


def test_plugins_that_run_items_get_no_stubs(counted: Counted) -> None:
    counted.write(
        conftest="""
        import sqlite3
        import pytest

        @pytest.fixture(scope="session")
        def made():
            return {"conn": sqlite3.connect(":memory:"), "n": 1}
        """,
        test_a="""
        import lib
        import pytest

        COUNT = []

        def test_a(made): assert lib.one() == 1 and made["n"]

        @pytest.mark.flaky(reruns=2)
        def test_b(made):
            COUNT.append(1)
            assert lib.one() == 1 and made["conn"].execute("select 1")
            assert len(COUNT) == 2

        def test_c(made): assert lib.one() == 1 and made["n"]
        """,
    )
    counted.run()
    counted.edit()
    calls = counted.run("-p", "rerunfailures")[1]
    assert calls == {"made": 1}


def test_what_a_cancelled_attempt_changed_is_put_back(counted: Counted) -> None:
    counted.write(
        conftest="""
        import sqlite3
        import pytest

        @pytest.fixture(scope="session")
        def made():
            return {"conn": sqlite3.connect(":memory:"), "n": 1}
        """,
        test_a="""
        import lib

        COUNT = []
        NAMES = {}

        class Kind: pass

        def test_b(made):
            COUNT.append(1)
            NAMES[len(NAMES)] = 1
            Kind.seen = getattr(Kind, "seen", 0) + 1
            assert lib.one() == 1 and made["conn"].execute("select 1")
            assert (len(COUNT), len(NAMES), Kind.seen) == (1, 1, 1)

        def test_c(made):
            COUNT.append(1)
            assert lib.one() == 2 or len(COUNT) == 2
        """,
    )
    counted.run()
    counted.edit()
    ran, _ = counted.run()
    assert ran.names.count("test_b") == 2


BY_NAME = """
import sqlite3, pytest

@pytest.fixture(scope="session")
def low(): return [1]

@pytest.fixture(scope="session")
def made(low): return {"low": low, "two": 2}

@pytest.fixture(scope="session")
def partial(low): return {"conn": sqlite3.connect(":memory:"), "names": ["a"]}

@pytest.fixture
def get(request): return request.getfixturevalue
"""


def test_what_is_asked_for_by_a_name_in_the_source_is_restored(counted: Counted) -> None:
    counted.write(
        conftest=BY_NAME,
        test_a="""
        import lib, pytest

        def test_a(request): assert request.getfixturevalue("made")["two"] == 1 + lib.one()
        def test_b(get): assert get("made")["low"] == [lib.one()]
        @pytest.mark.parametrize("name", ["made", "low"])
        def test_c(request, name): assert len(request.getfixturevalue(name)) >= lib.one()
        def test_d(request): assert request.getfixturevalue("partial")["names"] and lib.one()
        def test_e(request): assert "fixture" and request.getfixturevalue("".join("low")) == [1]
        """,
    )
    _, calls = counted.run()
    assert calls == {"low": 1, "made": 1, "partial": 1, "get": 1, "name": 2}
    counted.edit()
    ran, calls = counted.run("--deselect=test_a.py::test_d")
    assert set(ran.names) == {"test_a", "test_b", "test_c[made]", "test_c[low]"}
    assert calls == {"get": 1, "name": 2}
    # What asks may keep it where nobody sees a stub: what has any is not restored.
    ran, calls = counted.run()
    assert calls == {"partial": 1}
    counted.edit("conftest.py", '"two": 2', '"two": 3')
    ran, calls = counted.run()
    assert ran.decisions["test_a.py::test_a"]["outcome"] == "failed"
    counted.edit("conftest.py", '"two": 3', '"two": 2')
    assert counted.run()[0].code == 0


def test_what_is_asked_for_by_name_and_changed_is_made_anew(counted: Counted) -> None:
    counted.write(
        conftest=BY_NAME,
        test_a="""
        import lib

        def test_a(request):
            request.getfixturevalue("low").append(lib.one())
            assert request.getfixturevalue("low") == [1, 1]
        def test_b(low): assert low[-1] == 1 and len(low) == 2
        """,
    )
    counted.run()
    counted.edit()
    ran, calls = counted.run()
    assert "test_a" in ran.names
    assert calls["low"] == 1
    assert counted.run()[0].names == []

"""What a set-up does beside giving its value is detected, and then it runs, with a reason."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

# Suites under test leave connections open, in our own process.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

if TYPE_CHECKING:
    from tests.plugin.conftest import Counted, Suite

TEST = """
    import lib
    import helper

    def test_a(made):
        assert lib.one() == 1

    def test_b(made):
        pass
"""

EFFECTS = {
    "environment": ("import os; os.environ['THERE'] = '1'", "effect environment THERE"),
    "directory": ("import os, tempfile; os.chdir(tempfile.gettempdir())", "effect directory"),
    "import path": ("import sys; sys.path.append('/nowhere')", "effect import-path"),
    "global": ("global STATE; STATE = [2]", "effect module STATE"),
    "list of a module": ("helper.LIST.append(1)", "effect module LIST"),
    "class": ("helper.Kind.size = 3", "effect module Kind"),
    "object of a module": ("helper.THING.size = 3", "effect module THING"),
    "object of the standard library": ("helper.OPTIONS.size = 3", "effect module OPTIONS"),
    "object of nobody's": ("OPTIONS.size = 3", "effect module OPTIONS"),
    "fake module": ("import sys, types; sys.modules['fake'] = types.ModuleType('fake')",
                    "effect module fake"),
    "logging": ("import logging; log = logging.getLogger('x'); log.setLevel(log.level + 1)",
                "effect logging"),
    "warnings": ("import warnings; warnings.simplefilter('ignore')", "effect warnings"),
    "random": ("import random; random.random()", "effect random"),
    "patch": ("import time; time.noted = 1; time.sleep = len", "effect patched time"),
    "file": ("open('written.txt', 'w').close()", "effect files written.txt"),
    "process": ("import subprocess, sys; subprocess.run([sys.executable, '-c', ''])",
                "effect process"),
    "thread": ("import threading; e = threading.Event(); t = threading.Thread(target=e.wait, "
               "daemon=True); t.start()", "trace-gap thread-left"),
    "socket": ("import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.close()",
               "effect socket"),
    "node": ("request.node.name", "effect request node"),
    "configuration": ("request.config.thing = 1", "effect config"),
    "option": ("request.config.option.thing = 1", "effect config"),
    "stash": ("request.config.stash[pytest.StashKey()] = 1", "effect config"),
    "class attribute": ("request.cls", "effect request cls"),
    "finalizer": ("request.addfinalizer(lambda: helper.LIST.clear())", "finalizer "),
    "by name": ("request.getfixturevalue('other')", "by-name "),
}  # fmt: skip


@pytest.mark.parametrize("name", EFFECTS)
def test_effects_are_seen(counted: Counted, name: str) -> None:
    statement, reason = EFFECTS[name]
    counted.write(
        helper="""
        import argparse

        LIST = []
        OPTIONS = argparse.Namespace()

        class Kind:
            size = 1

        THING = Kind()
        """,
        conftest=textwrap.dedent(f"""
        import os, random, sys, time
        import pytest
        import helper
        from helper import OPTIONS

        STATE = [1]

        @pytest.fixture(scope="session", autouse=True)
        def put_back():
            kept = dict(os.environ), os.getcwd(), list(sys.path), time.sleep
            yield
            os.environ.clear(); os.environ.update(kept[0]); os.chdir(kept[1])
            sys.path[:] = kept[2]; time.sleep = kept[3]

        @pytest.fixture(scope="session")
        def other():
            return 4

        @pytest.fixture{"" if name in ("node", "class attribute") else '(scope="session")'}
        def made(request):
            {statement}
            return [1, 2]
        """),
        test_a=TEST,
    )
    ran, calls = counted.run()
    assert counted.why(ran, "made").startswith(reason)
    again, _ = counted.run()
    assert again.names == [] or name in ("thread", "file")
    counted.edit()
    _, calls = counted.run()
    assert calls["made"] >= 1
    assert not any(fixture["source"] == "restored" for fixture in again.report["fixtures"])


BOUND = {
    "teardown": ("yield [1]; helper.LIST.append(1)", "teardown "),
    "teardown in a with": ("with helper.block():\n                yield [1]", "teardown "),
    "process id": ("import os; return [os.getpid()]", "not-storable it holds"),
    "id": ("return [id(helper)]", "not-storable it holds"),
    "lock": ("import threading; return threading.Lock()", "not-storable a _thread.lock"),
    "generator": ("return (n for n in ())", "not-storable a generator"),
    "sentinel": ("return object()", "not-storable a object"),
    "recursion": ("a = []\n            for _ in range(5000): a = [a]\n            return a",
                  "not-storable pickling it fails: "),
    "rude class": ("return helper.Rude()", "not-storable Oops in "),
    "liar": ("return helper.Liar()", "not-storable "),
    "exception": ("return [helper.raised()]", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", BOUND)
def test_values_that_cannot_be_kept(counted: Counted, name: str) -> None:
    statement, reason = BOUND[name]
    counted.write(
        helper="""
        import contextlib

        LIST = []

        class Oops(Exception): pass

        @contextlib.contextmanager
        def block():
            yield

        class Rude:
            def __reduce_ex__(self, protocol):
                raise Oops("no")

        class Liar:
            def __getstate__(self):
                return {"a": 1}

            def __setstate__(self, state):
                raise Oops("never")

        def raised():
            try:
                raise Oops("here")
            except Oops as error:
                return error
        """,
        conftest=textwrap.dedent(f"""
        import pytest
        import helper

        @pytest.fixture(scope="session")
        def made():
            {statement}
        """),
        test_a=TEST,
    )
    ran, calls = counted.run()
    assert counted.why(ran, "made").startswith(reason)
    assert calls == {"made": 1}
    assert counted.run()[1] == {}
    counted.edit()
    ran, calls = counted.run()
    assert ran.names == ["test_a"]
    assert calls == ({"made": 1} if reason else {})


def test_a_global_that_cannot_be_looked_into(counted: Counted) -> None:
    counted.write(
        helper="""
        import sqlite3
        CONN = sqlite3.connect(":memory:", check_same_thread=False)
        CONN.execute("create table t (n)")
        """,
        conftest="""
        import re
        import pytest
        from helper import CONN

        PATTERN = re.compile("a")

        @pytest.fixture(scope="session")
        def made():
            CONN.execute("insert into t values (1)")
            return [1]

        @pytest.fixture(scope="session")
        def fine():
            return [PATTERN.findall("aa")]

        @pytest.fixture(scope="session")
        def purpose():
            len("")

        @pytest.fixture(scope="session")
        def after(purpose):
            return 1
        """,
        test_a="import lib\ndef test_a(made, fine, after): assert lib.one() == 1\n",
    )
    ran, _ = counted.run()
    assert counted.why(ran, "made") == "effect module CONN"
    assert counted.why(ran, "fine") == ""
    assert counted.why(ran, "after") == "session-bound purpose"
    counted.edit()
    assert counted.run()[1] == {"made": 1, "purpose": 1, "after": 1}


def test_effects_of_fixtures_of_one_test_are_seen(counted: Counted) -> None:
    counted.write(
        helper="LIST = []\n",
        conftest="""
        import pytest
        import helper

        @pytest.fixture
        def made():
            helper.LIST.append(1)
            return [1, 2]
        """,
        test_a=TEST,
    )
    ran, _ = counted.run()
    assert counted.why(ran, "made") == "effect module LIST"
    counted.edit()
    _, calls = counted.run()
    assert calls["made"] >= 1


def test_what_a_fixture_undoes_ties_no_tests_together(counted: Counted) -> None:
    counted.write(
        helper="class Kind:\n    def __init__(self):\n        pass\n",
        conftest="""
        import pytest
        import helper

        @pytest.fixture(autouse=True)
        def patched():
            real = helper.Kind.__init__
            helper.Kind.__init__ = lambda self: real(self)
            yield
            helper.Kind.__init__ = real

        @pytest.fixture
        def made():
            return [helper.Kind()]
        """,
        test_a=TEST,
    )
    counted.run()
    counted.edit()
    ran, _ = counted.run()
    assert ran.names == ["test_a"]


SET_BY_FIXTURES = {
    "setup_module": (
        """
        def setup_module(module):
            module.DATA = [5]

        """,
        "DATA",
    ),
    "global": (
        """
        DATA = None

        def setup_module():
            global DATA
            DATA = [5]

        def teardown_module():
            global DATA
            DATA = None

        """,
        "DATA",
    ),
    "another module": (
        """
        import pytest, helper

        @pytest.fixture(scope="module", autouse=True)
        def made():
            helper.DATA = [5]
            yield
            helper.DATA = None

        """,
        "helper.get()",
    ),
    "class": (
        """
        import pytest

        class Kind:
            data = None

        @pytest.fixture(scope="session", autouse=True)
        def made():
            Kind.data = [5]

        """,
        "Kind.data",
    ),
}


@pytest.mark.parametrize("name", SET_BY_FIXTURES)
def test_who_has_a_fixture_set_up_needs_no_other_user_of_it(counted: Counted, name: str) -> None:
    setting, data = SET_BY_FIXTURES[name]
    test = f"def test_{{}}(): assert {data}[0] == 5\n"
    tests = "".join(test.format(each) for each in "abc")
    counted.write(
        helper="DATA = None\ndef get():\n    return DATA\n",
        test_a=textwrap.dedent(setting) + tests,
        test_b="def test_other(): pass\n",
    )
    counted.run()
    counted.edit(
        "test_a.py", f"def test_b(): assert {data}[0] == 5", f"def test_b(): assert {data}"
    )
    ran, calls = counted.run()
    assert ran.names == ["test_b"]
    assert max([*counted.calls.values(), *calls.values()]) == 1
    assert ran.report["totals"]["requeued"] == 0


def test_who_has_another_set_up_of_a_fixture_needs_the_users_of_this_one(counted: Counted) -> None:
    counted.write(
        helper="DATA = []\n",
        test_a="""
        import pytest, helper

        @pytest.fixture(scope="module", params=["x", "y"])
        def made(request):
            helper.DATA.append(request.param)
            return request.param

        def test_a(made): assert made

        @pytest.mark.parametrize("made", ["y"], indirect=True)
        def test_b(made): assert helper.DATA[0] == "x" and helper.DATA[-1] == made
        """,
    )
    counted.run()
    counted.edit("test_a.py", "assert helper.DATA[0]", "assert 1 and helper.DATA[0]")
    ran, _ = counted.run()
    assert ran.names == ["test_a[x]", "test_b[y]"]


def test_a_replayed_test_ends_what_it_needs_with_another_parameter(suite: Suite) -> None:
    suite.write("level.txt", "1")
    suite.write(
        "test_a.py",
        """
        import pathlib, pytest

        @pytest.fixture(scope="module", params=["a", "b", "c"])
        def made(request):
            level = pathlib.Path("level.txt").read_text() if request.param == "a" else ""
            yield request.param
            if level == "2":
                raise RuntimeError("late")

        def test_one(made): assert made
        def test_two(made): assert made in "abc"
        """,
    )
    suite.warm()
    suite.write("level.txt", "2")
    ran = suite.both()
    assert ran.names == ["test_one[a]", "test_two[a]"]
    assert ran.outcomes["test_a.py::test_one[b]"].startswith("setup:failed")
    suite.write("level.txt", "1")
    suite.both()


def test_a_cancelled_attempt_does_not_undo_the_end_of_another_parameter(counted: Counted) -> None:
    counted.write(
        test_a="""
        import pytest
        OPEN = []

        @pytest.fixture(scope="module", params=[1, 2, 3])
        def made(request):
            assert not OPEN
            OPEN.append(request.param)
            yield request.param
            OPEN.remove(request.param)

        def test_one(made): assert made
        def test_two(made): assert OPEN == [made]
        """
    )
    counted.run()
    counted.edit("test_a.py", "assert made", "assert made > 0")
    counted.run()
    counted.edit("test_a.py", "assert OPEN == [made]", "assert [made] == OPEN")
    counted.run()


LASTING = {
    "environment": ("os.environ['THERE'] = '1'", "'THERE' in os.environ"),
    "default": ("os.environ.setdefault('THERE', '1')", "'THERE' in os.environ"),
    "directory": ("os.chdir('/')", "os.getcwd() == '/'"),
    "import path": ("'/x' in sys.path or sys.path.append('/x')", "'/x' in sys.path"),
    "global": ("helper.start()", "helper.STATE"),
    "class": ("helper.Kind.size = 3", "helper.Kind.size == 3"),
    "object": ("helper.THING.size = 3", "hasattr(helper.THING, 'size')"),
    "random": ("random.seed(3)", "random.random() == random.Random(3).random()"),
}


@pytest.mark.parametrize("name", LASTING)
def test_what_is_in_effect_already_is_an_effect(counted: Counted, name: str) -> None:
    """Done a second time it changes nothing; a first time, without the other tests, it would."""
    statement, claim = LASTING[name]
    counted.write(
        helper="""
        STATE = {}
        def start(): STATE["started"] = True
        class Kind: size = 1
        THING = Kind()
        """,
        conftest=f"""
        import os, random, sys
        import pytest
        import helper

        @pytest.fixture(scope="session", autouse=True)
        def put_back():
            kept = dict(os.environ), os.getcwd(), list(sys.path)
            yield
            os.environ.clear(); os.environ.update(kept[0]); os.chdir(kept[1])
            sys.path[:] = kept[2]

        @pytest.fixture
        def made():
            {statement}
            return [1, 2]
        """,
        test_a=f"""
        import os, random, sys
        import helper
        def test_a(made): assert made
        def test_b(made): assert made and ({claim})
        """,
    )
    counted.run()
    assert counted.run()[0].live == []
    counted.edit("test_a.py", f"({claim})", f"not ({claim})")
    ran, calls = counted.run()  # fails as it would without the cache
    assert "failed" in ran.outcomes["test_a.py::test_b"]
    assert calls["made"] >= 1


def test_what_a_fixture_has_set_is_changed_once_for_all_its_users(suite: Suite) -> None:
    suite.write("lib.py", "STATE = {}\nSEEN = []\n\ndef more(): return 1\n")
    suite.write(
        "conftest.py",
        """
        import pytest, lib

        @pytest.fixture(scope="session")
        def made():
            lib.STATE["set"] = 1
        """,
    )
    suite.write(
        "test_a.py",
        """
        import lib

        def test_first(made): lib.SEEN.append(1)
        def test_second(made): lib.SEEN.append(2)
        def test_reader(): assert lib.STATE["set"]
        """,
    )
    suite.both()
    for number in (1, 2):
        suite.edit("test_a.py", f"SEEN.append({number})", f"SEEN.append({number} + lib.more())")
    assert suite.both().names == ["test_first", "test_second"]


@pytest.mark.parametrize("scope", ["function", "module", "session"])
def test_a_dictionary_may_stand_for_the_environment(suite: Suite, scope: str) -> None:
    suite.write(
        "conftest.py",
        f"""
        import os, pytest

        @pytest.fixture(scope="{scope}")
        def replaced():
            before = os.environ
            os.environ = {{"HERE": "1"}}
            yield
            os.environ = before
        """,
    )
    suite.write(
        "test_a.py",
        """
        import os

        def test_before(): assert "HERE" not in os.environ

        def test_reads(replaced): assert os.environ["HERE"] == "1"

        def test_sets(replaced):
            os.environ["THERE"] = "2"
            assert os.environ["THERE"] == "2"

        def test_swaps():
            before = os.environ
            try:
                os.environ = {"HERE": "3"}
                assert os.environ.get("HERE") == "3"
            finally:
                os.environ = before
        """,
    )
    first = suite.both()
    assert "internal-error" not in first.text
    suite.both()
    assert suite.both().names == []
    suite.edit("test_a.py", 'os.environ["THERE"] == "2"', 'os.environ["THERE"] == "3"')
    assert suite.both().code == 1
    suite.edit("test_a.py", 'os.environ["THERE"] == "3"', 'os.environ["THERE"] in "2"')
    suite.edit("conftest.py", '"HERE": "1"', '"HERE": "4"')
    again = suite.both()
    assert again.code == 1
    assert "internal-error" not in again.text

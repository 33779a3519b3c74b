"""An attempt that does what cannot be put back is not made twice: the second would find it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

# A module, what moves something in it, and what holds where that was done twice.
CASES: Final = {
    "counter": (
        "import itertools\nC = itertools.count()",
        "lib.X = next(lib.C)",
        "lib.X == 1",
    ),
    "iterator of a list": ("I = iter([0, 1, 2, 3, 4])", "lib.X = next(lib.I)", "lib.X == 1"),
    "iterator at its end": ("I = iter([0])", "lib.X = next(lib.I, 1)", "lib.X == 1"),
    "pairs": ("P = zip([0, 1, 2, 3], 'abcd')", "lib.X = next(lib.P)[0]", "lib.X == 1"),
    "cycle": (
        "import itertools\nC = itertools.cycle([0, 1, 2, 3])",
        "lib.X = next(lib.C)",
        "lib.X == 1",
    ),
    "generator": ("G = (n for n in range(9))", "lib.X = next(lib.G)", "lib.X == 1"),
    "items of a generator": (
        "G = map(str, (n for n in range(9)))",
        "lib.X = next(lib.G)",
        "lib.X == '1'",
    ),
    "memo": (
        "import functools\n@functools.lru_cache\ndef get(): return 0",
        "lib.get()",
        "lib.get.cache_info().hits == 1",
    ),
    "coroutine": (
        "async def made(): return 0\nC = made()\ndef step():\n    try: C.send(None)\n"
        "    except StopIteration: return 0\n    except RuntimeError: return 1",
        "lib.X = lib.step()",
        "lib.X == 1",
    ),
    "matches": (
        "import re\nM = re.finditer('.', '0123')",
        "lib.X = next(lib.M)[0]",
        "lib.X == '1'",
    ),
    "iterator of a deque": (
        "import collections\nD = collections.deque([0, 1, 2, 3])\nI = iter(D)",
        "lib.X = next(lib.I)",
        "lib.X == 1",
    ),
    "hash": (
        "import hashlib\nH = hashlib.md5()\nTWO = hashlib.md5(b'55').digest()",
        "lib.H.update(b'5')",
        "lib.H.digest() == lib.TWO",
    ),
    "text": ("import io\nT = io.StringIO()", "lib.T.write('5')", "lib.T.getvalue() == '55'"),
    "place in a file": ("F = open(__file__)", "lib.F.read(2)", "lib.F.tell() == 4"),
    "database": (
        "import sqlite3\nC = sqlite3.connect(':memory:')\nC.execute('create table t(a)')",
        "lib.C.execute('insert into t values (5)')",
        "len(lib.C.execute('select * from t').fetchall()) == 2",
    ),
    "file": (
        "import tempfile, pathlib\nF = pathlib.Path(tempfile.mkdtemp(), 'f')\nF.write_text('')",
        "lib.F.write_text(lib.F.read_text() + '5')",
        "lib.F.read_text() == '55'",
    ),
    "folder": (
        "import tempfile, pathlib\nF = pathlib.Path(tempfile.mkdtemp())",
        "(lib.F / str(len([*lib.F.iterdir()]))).mkdir()",
        "len([*lib.F.iterdir()]) == 2",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_who_fails_for_what_another_no_longer_does_fails_each_time(suite: Suite, name: str) -> None:
    module, moving, both = CASES[name]
    suite.write("lib.py", module)
    suite.write(
        "test_a.py",
        f"""
        import lib

        def test_moves():
            {moving}

        def test_moves_and_looks():
            {moving}
            assert {both}

        def test_other(): pass
        """,
    )
    suite.both()
    suite.edit("test_a.py", f"def test_moves():\n    {moving}", "def test_moves():\n    pass")
    for _ in range(3):
        again = suite.both()
        assert again.code == 1
        assert again.decisions["test_a.py::test_other"]["source"] == "cached"


NEW: Final = """
    def test_new():
        {moving}
        assert {both}
"""


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("coroutine", "matches")])
def test_one_that_begins_to_fail_fails_each_time(suite: Suite, name: str) -> None:
    """It is the only one that moves anything; what replayed tests did not do is no reason."""
    module, moving, both = CASES[name]
    suite.write("lib.py", module)
    suite.write("test_a.py", "import lib\n\ndef test_first(): pass\n\ndef test_it(): pass\n")
    suite.both()
    new = f"def test_it():\n    {moving}\n    assert {both}\n"
    suite.edit("test_a.py", "def test_it(): pass\n", new)
    for _ in range(3):
        assert suite.both().code == 1


GONE: Final = {
    "dictionary": ("{}", "del lib.KEPT['a']"),
    "in order": ("collections.OrderedDict()", "lib.KEPT.popitem(last=False)"),
    "list below": ("{'a': []}", "lib.KEPT.clear()"),
}


@pytest.mark.parametrize("name", GONE)
def test_what_a_test_lets_go_of_is_gone(suite: Suite, name: str) -> None:
    """What would put it back keeps it for as long as an attempt is silent, and no longer."""
    kept, drop = GONE[name]
    suite.write("lib.py", f"import collections\nKEPT = {kept}\n\nclass Kind: pass\n")
    suite.write(
        "test_a.py",
        f"""
        import gc, weakref
        import lib

        def test_other(): pass

        def test_keeps():
            lib.KEPT["a"] = lib.Kind()

        def test_drops():
            found = weakref.ref(lib.KEPT["a"])
            assert found() is not None
            {drop}
            gc.collect()
            still = found()
            assert not still
        """,
    )
    suite.both()
    suite.edit("test_a.py", "assert found() is not None", "assert found() is not 1")
    assert suite.both().decisions["test_a.py::test_other"]["source"] == "cached"


LOOKING: Final = {
    "reference": ("import weakref", "found = weakref.ref({})"),
    "by its name": ("from weakref import ref", "found = ref({})"),
    "in a function": (
        "import weakref as w\n\ndef refer(x):\n    return w.ref(x)",
        "found = refer({})",
    ),
    "in a method": (
        "import weakref\nclass Looks:\n    def refer(self, x):\n        return weakref.ref(x)",
        "found = Looks().refer({})",
    ),
    "mapping": (
        "import weakref\nclass Of:\n    all = staticmethod(weakref.WeakSet)",
        "every = Of.all([{}]); found = lambda: next(iter(every), None)",
    ),
    "end": (
        "import weakref",
        "n = []; weakref.finalize({}, n.append, 1); found = lambda: None if n else 1",
    ),
}


@pytest.mark.parametrize("name", LOOKING)
def test_what_a_test_lets_go_of_is_gone_though_it_cannot_be_put_back(
    suite: Suite, name: str
) -> None:
    """An attempt that cannot be cancelled counts as it is, so it must not keep anything."""
    first, looks = LOOKING[name]
    suite.write(
        "lib.py",
        "class Kind: pass\n\nKEPT = {'a': Kind(), 'b': Kind()}\nNUMBERS = (n for n in range(9))\n",
    )
    text = f"""{first}
import gc
import lib

def test_other(): pass

def test_drops():
    {looks.format("lib.KEPT['a']")}
    assert next(lib.NUMBERS) == 0
    del lib.KEPT["a"]
    gc.collect()
    still = found()
    assert not still
"""
    suite.write("test_a.py", text)
    suite.both()
    suite.edit("test_a.py", "assert next(lib", "assert 1 and next(lib")
    found = suite.both()
    assert found.code == 0
    assert found.decisions["test_a.py::test_other"]["source"] == "cached"


@pytest.mark.parametrize("base", ["object", "unittest.TestCase"])
@pytest.mark.parametrize("place", ["helper", "setUp"])
def test_methods_of_its_class_count(suite: Suite, base: str, place: str) -> None:
    looks = f"def {place}(self):\n        self.found = weakref.ref(lib.KEPT['a'])"
    suite.write(
        "lib.py",
        "class Kind: pass\n\nKEPT = {'a': Kind()}\nNUMBERS = (n for n in range(9))\n",
    )
    call = f"self.{place}()" if place == "helper" or base == "object" else "pass"
    suite.write(
        "test_a.py",
        f"""
import unittest, weakref
import lib

def test_other(): pass

class TestIt({base}):
    {looks}

    def test_drops(self):
        {call}
        assert next(lib.NUMBERS) == 0
        del lib.KEPT["a"]
        still = self.found()
        assert not still
""",
    )
    suite.both()
    suite.edit("test_a.py", "assert next(lib", "assert 1 and next(lib")
    assert suite.both().code == 0


def test_a_fixture_that_only_lets_the_collector_run_looks_at_nothing(suite: Suite) -> None:
    suite.write(
        "conftest.py",
        """
        import gc
        import pytest

        @pytest.fixture(autouse=True)
        def tidy():
            yield
            gc.collect()
        """,
    )
    suite.write("lib.py", "STATE = []\n")
    suite.write(
        "test_a.py",
        """
        import lib

        def test_sets(): lib.STATE.append(1)

        def test_other(): assert 1

        def test_reads(): assert lib.STATE
        """,
    )
    suite.warm()
    suite.edit("test_a.py", "assert 1", "assert 2")
    assert suite.both().names == ["test_other"]

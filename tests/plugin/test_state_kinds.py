"""Whatever object a module keeps: who finds what another test has left in it runs after that."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

MEMOS: Final = """
import functools
R = {}
L = [1]
class K:
    @functools.lru_cache
    def get(self): return L[0]
    @classmethod
    @functools.lru_cache
    def of_class(cls): return L[0]
    @staticmethod
    @functools.cache
    def of_none(): return L[0]
    @property
    @functools.lru_cache
    def value(self): return L[0]
    @functools.cached_property
    def own(self): return L[0]
class S(K): pass
"""


def _memo(made: str, asked: str) -> tuple[str, str, str]:
    leaving = f"lib.L[0] = 5; k = {made}; lib.R['k'] = k; k.{asked}; lib.L[0] = 1"
    return MEMOS, leaving, f"lib.R['k'].{asked} == 5"


CASES: Final = {
    "array": ("import array\nA = array.array('i', [1])", "lib.A[0] = 5", "lib.A[0] == 5"),
    "memory of an array": (
        "import array\nA = array.array('i', [1])\nM = memoryview(A)",
        "lib.M[0] = 5",
        "lib.A[0] == 5",
    ),
    "memory that is mapped": (
        "import mmap\nM = mmap.mmap(-1, 10)",
        "lib.M[0] = 5",
        "lib.M[0] == 5",
    ),
    "table": (
        "import sqlite3\nC = sqlite3.connect(':memory:')",
        "lib.C.execute('create table t5(a)')",
        "lib.C.execute('select name from sqlite_master').fetchall() == [('t5',)]",
    ),
    "table by a cursor": (
        "import sqlite3\nC = sqlite3.connect(':memory:').cursor()",
        "lib.C.execute('create table t5(a)')",
        "lib.C.execute('select name from sqlite_master').fetchall() == [('t5',)]",
    ),
    "number of a database": (
        "import sqlite3\nC = sqlite3.connect(':memory:')",
        "lib.C.execute('pragma user_version = 5')",
        "lib.C.execute('pragma user_version').fetchone() == (5,)",
    ),
    "cycle": (
        "import itertools\nC = itertools.cycle(range(9))",
        "[next(lib.C) for _ in range(5)]",
        "next(lib.C) == 5",
    ),
    "cycle in its second round": (
        "import itertools\nC = itertools.cycle(range(3))\nfor _ in range(4): next(C)",
        "[next(lib.C) for _ in range(5)]",
        "next(lib.C) == 0",
    ),
    "chain of iterators": (
        "import itertools\nC = itertools.chain([0, 1, 2], [3, 4, 5, 6, 7, 8])",
        "[next(lib.C) for _ in range(5)]",
        "next(lib.C) == 5",
    ),
    "products": (
        "import itertools\nC = itertools.product(range(9))",
        "[next(lib.C) for _ in range(5)]",
        "next(lib.C) == (5,)",
    ),
    "rows of a table of text": (
        "import csv\nR = csv.reader([str(n) for n in range(9)])",
        "[next(lib.R) for _ in range(5)]",
        "next(lib.R) == ['5']",
    ),
    "place in a file": (
        "import os\nF = open(os.__file__)\nL = open(os.__file__).read()",
        "lib.F.read(5)",
        "lib.F.read(3) == lib.L[5:8]",
    ),
    "number in a closure": (
        "def made():\n    n = 1000\n    def count(k):\n        nonlocal n\n"
        "        n += k\n        return n\n    return count\ncount = made()\ncount(1)",
        "lib.count(500), lib.count(500)",
        "lib.count(0) == 2001",
    ),
    "dictionary of an object": (
        "class K: pass\nO = K()\nO.n = 1",
        "lib.O.__dict__ = {'n': 5}",
        "lib.O.n == 5",
    ),
    "number in a slot": (
        "class K:\n    __slots__ = ('n',)\nk = K()\nk.n = int('1000')",
        "lib.k.n += 500; lib.k.n += 500",
        "lib.k.n == 2000",
    ),
    "number in a generator": (
        "def count():\n    n = 1000\n    while True:\n        n += (yield n) or 0\n"
        "G = count()\nnext(G)\nG.send(1)",
        "lib.G.send(500), lib.G.send(500)",
        "lib.G.send(0) == 2001",
    ),
    "number in a variable": (
        "import contextvars\nV = contextvars.ContextVar('V', default=1000)\nV.set(V.get() + 1)",
        "lib.V.set(lib.V.get() + 500), lib.V.set(lib.V.get() + 500)",
        "lib.V.get() == 2001",
    ),
    "hash": (
        "import hashlib\nH = hashlib.md5()\ndef of(text): return hashlib.md5(text).digest()",
        "lib.H.update(b'5')",
        "lib.H.digest() == lib.of(b'5')",
    ),
    "configuration": (
        "import configparser\nC = configparser.ConfigParser()\nC.read_string('[a]\\nx = 1')",
        "lib.C.set('a', 'x', '5')",
        "lib.C['a']['x'] == '5'",
    ),
    "parser of arguments": (
        "import argparse\nP = argparse.ArgumentParser()",
        "lib.P.set_defaults(n=5)",
        "lib.P.parse_args([]).n == 5",
    ),
    "element": (
        "import xml.etree.ElementTree as E\nP = E.fromstring('<a><b/></a>')",
        "lib.P[0].set('n', '5')",
        "lib.P.find('b').get('n') == '5'",
    ),
    "asynchronous queue": (
        "import asyncio\nQ = asyncio.Queue()",
        "lib.Q.put_nowait(5)",
        "lib.Q.get_nowait() == 5",
    ),
    "lock": (
        "import threading\nL = threading.Lock()",
        "lib.L.acquire(blocking=5 == 5) if 5 < 6 else None",
        "lib.L.locked()",
    ),
    "subclass": (
        "class B: pass",
        "global K; K = type('S', (lib.B,), {'n': 5})",
        "lib.B.__subclasses__()[0].n == 5",
    ),
    "subclass of a subclass": (
        "class B: pass\nclass C(B): pass",
        "global K; K = type('S', (lib.C,), {'n': 5})",
        "[each.n for base in lib.B.__subclasses__() for each in base.__subclasses__()] == [5]",
    ),
    "abstract class": (
        "import abc\nclass P(abc.ABC): pass\nclass K: pass",
        "lib.P.register(lib.K) if 5 < 6 else None",
        "isinstance(lib.K(), lib.P)",
    ),
    "code of a function": (
        "def f(): return 1\ndef g(n=5): return 5\ndef h(): return 7",
        "lib.f.__code__ = {5: lib.g, 7: lib.h}[5].__code__",
        "lib.f.__code__.co_name == 'g'",
    ),
    "named default": (
        "def f(*, a=1): return a",
        "lib.f.__kwdefaults__['a'] = 5",
        "lib.f() == 5",
    ),
    "abstract class of others": (
        "import numbers\nclass K: pass\ndef is_number(): return isinstance(K(), numbers.Number)",
        "lib.numbers.Number.register(lib.K) if 5 < 6 else None",
        "lib.is_number()",
    ),
    "value in C": (
        "import ctypes\nV = ctypes.c_int(1)",
        "lib.V.value = 5",
        "lib.V.value == 5",
    ),
    "structure in C": (
        "import ctypes\nclass S(ctypes.Structure): _fields_ = [('x', ctypes.c_int)]\nV = [S(1)]",
        "lib.V[0].x = 5",
        "lib.V[0].x == 5",
    ),
    "value of several processes": (
        "import multiprocessing\nV = multiprocessing.Value('i', 1)",
        "lib.V.value = 5",
        "lib.V.value == 5",
    ),
    "context of numbers": (
        "import decimal\nC = decimal.Context()",
        "lib.C.prec = 5",
        "lib.C.prec == 5",
    ),
    "what an exception was made with": (
        "E = ValueError(1)",
        "lib.E.args = (5,)",
        "lib.E.args == (5,)",
    ),
    "file without a name": (
        "import tempfile\nF = tempfile.TemporaryFile('w+')",
        "lib.F.write('5')",
        "lib.F.seek(0) or lib.F.read() == '5'",
    ),
    "file for both": (
        "import tempfile\nF = tempfile.NamedTemporaryFile()",
        "lib.F.write(b'5')",
        "lib.F.seek(0) or lib.F.read() == b'5'",
    ),
    "text in memory": (
        "import io\nF = io.TextIOWrapper(io.BytesIO(), write_through=True)",
        "lib.F.write('5')",
        "lib.F.buffer.getvalue() == b'5'",
    ),
    "class of an object": (
        "class A: n = 1\nclass B(A): n = 5\nclass C(A): n = 7\nL = [A()]",
        "lib.L[0].__class__ = {5: lib.B, 7: lib.C}[5]",
        "lib.L[0].n == 5",
    ),
    "class of an object with slots": (
        "class A: __slots__ = ('x',); n = 1\nclass B: __slots__ = ('x',); n = 5\n"
        "class C: __slots__ = ('x',); n = 7\nO = A()",
        "lib.O.__class__ = {5: lib.B, 7: lib.C}[5]",
        "lib.O.n == 5",
    ),
    "bases of a class": (
        "class A: n = 1\nclass B: n = 5\nclass C: n = 7\nclass D(A): pass\nclass E(D): pass",
        "lib.D.__bases__ = ({5: lib.B, 7: lib.C}[5],)",
        "lib.E.n == 5",
    ),
    "default of a method": (
        "class A:\n    def f(self, a=1): return a",
        "lib.A.f.__defaults__ = (5,)",
        "lib.A().f() == 5",
    ),
    "default of a function in a function": (
        "def make():\n    def f(a=1): return a\n    return f\nD = {'f': make()}",
        "lib.D['f'].__defaults__ = (5,)",
        "lib.D['f']() == 5",
    ),
    "annotation": (
        "def f(a: int): pass",
        "lib.f.__annotations__['a'] = 5",
        "lib.f.__annotations__['a'] == 5",
    ),
    "annotation of a class": (
        "class A:\n    a: int",
        "lib.A.__annotations__['a'] = 5",
        "lib.A.__annotations__['a'] == 5",
    ),
    "annotation of a module": (
        "a: int = 1",
        "lib.__annotations__['a'] = 5",
        "lib.__annotations__['a'] == 5",
    ),
    "annotations of a module": (
        "a: int = 1",
        "lib.__annotations__ = {'a': 5}",
        "lib.__annotations__['a'] == 5",
    ),
    "docstring of a module": ("'doc'", "lib.__doc__ = '5'", "lib.__doc__ == '5'"),
    "docstring of a function": ("def f(): 'doc'", "lib.f.__doc__ = '5'", "lib.f.__doc__ == '5'"),
    "docstring by other code": (
        "def f(): 'doc'\ndef describe(text): f.__doc__ = text",
        "lib.describe('5')",
        "lib.f.__doc__ == '5'",
    ),
    "docstring like another": (
        "import functools\ndef f(): 'doc'\ndef g5(): '5'\ndef g7(): '7'",
        "__import__('functools').update_wrapper(lib.f, lib.g5)",
        "lib.f.__doc__ == '5'",
    ),
    "docstring of a method": (
        "class A:\n    def f(self): 'doc'",
        "lib.A.f.__doc__ = '5'",
        "lib.A.f.__doc__ == '5'",
    ),
    "docstring of a property": (
        "class A:\n    @property\n    def f(self): 'doc'",
        "lib.A.f.__doc__ = '5'",
        "lib.A.f.__doc__ == '5'",
    ),
    "docstring of a class": ("class A: 'doc'", "lib.A.__doc__ = '5'", "lib.A.__doc__ == '5'"),
    "name of a function": ("def f(): pass", "lib.f.__name__ = '5'", "lib.f.__name__ == '5'"),
    "attribute of a method": (
        "class A:\n    def f(self): pass",
        "lib.A.f.n = 5",
        "lib.A.f.n == 5",
    ),
    "attribute of a static method": (
        "class A:\n    @staticmethod\n    def f(): pass",
        "lib.A.f.n = 5",
        "lib.A.f.n == 5",
    ),
    "attribute of a bound method": (
        "class A:\n    def f(self): pass\nO = A()",
        "lib.O.f.__func__.n = 5",
        "lib.O.f.n == 5",
    ),
    "attribute of a method by other code": (
        "class A:\n    def f(self): pass\ndef mark(f, n): f.n = n",
        "lib.mark(lib.A.f, 5)",
        "lib.A.f.n == 5",
    ),
    "cause of an exception": (
        "E = KeyError()",
        "lib.E.__cause__ = ValueError(5)",
        "lib.E.__cause__.args == (5,)",
    ),
    "number of an exception": ("E = OSError(2, '')", "lib.E.errno = 5", "lib.E.errno == 5"),
    "queue": ("import queue\nQ = queue.Queue()", "lib.Q.put(5)", "lib.Q.get_nowait() == 5"),
    "chain of mappings": (
        "import collections\nC = collections.ChainMap({}, {})",
        "lib.C['a'] = 5",
        "lib.C['a'] == 5",
    ),
    "thread": ("import threading\nT = threading.local()", "lib.T.x = 5", "lib.T.x == 5"),
    "namespace": ("import types\nN = types.SimpleNamespace()", "lib.N.x = 5", "lib.N.x == 5"),
    "database": (
        "import sqlite3\nC = sqlite3.connect(':memory:')\nC.execute('create table t(a)')",
        "lib.C.execute('insert into t values (5)')",
        "lib.C.execute('select a from t').fetchone() == (5,)",
    ),
    "memo of an object": _memo("lib.K()", "get()"),
    "memo of a base": _memo("lib.S()", "get()"),
    "memo of a local class": _memo("type('M', (lib.K,), {})()", "get()"),
    "memo of a class": _memo("lib.K()", "of_class()"),
    "memo of a static method": _memo("lib.K()", "of_none()"),
    "memo of a property": _memo("lib.K()", "value"),
    "cached property": _memo("lib.K()", "own"),
    "memo of what is in a list": (
        MEMOS,
        "lib.L[0] = 5; lib.R['k'] = [lib.K()]; lib.R['k'][0].get(); lib.L[0] = 1",
        "lib.R['k'][0].get() == 5",
    ),
}


ORDERED: Final = {
    "files": "open('/dev/null')",
    "functions": "lambda: 1",
    "numbers": "1",
}


@pytest.mark.parametrize("left", ORDERED.values(), ids=ORDERED)
def test_who_has_looked_before_does_not_rest_on_who_leaves_something(
    suite: Suite, left: str
) -> None:
    suite.write("lib.py", "R = []\ndef seen(): return list(R)\n")
    suite.write(
        "test_it.py",
        "import lib\ndef test_reading():\n    assert lib.seen() == []\n"
        f"def test_leaving():\n    lib.R.append({left}); 5\ndef test_other(): pass\n",
    )
    suite.warm()
    suite.edit("test_it.py", "; 5", "; 7")
    assert suite.both().names == ["test_leaving"]


def test_a_log_is_left_alone(suite: Suite) -> None:
    suite.write(
        "lib.py",
        "import os\nLOG = open(os.devnull, 'a')\ndef log(text): LOG.write(text); LOG.flush()\n",
    )
    suite.write(
        "test_it.py",
        "import lib\ndef test_a(): lib.log('5')\ndef test_b(): lib.log('6')\n",
    )
    suite.warm()
    suite.edit("test_it.py", "'5'", "'7'")
    assert suite.both().names == ["test_a"]


def test_who_raises_an_exception_that_is_kept_leaves_nothing(suite: Suite) -> None:
    suite.write("lib.py", "E = ValueError('no')\ndef fail(): raise E\n")
    suite.write(
        "test_it.py",
        """
        import lib, pytest

        def test_a():
            with pytest.raises(ValueError, match="n"):
                lib.fail()

        def test_b():
            with pytest.raises(ValueError, match="no"):
                lib.fail()
        """,
    )
    suite.warm()
    suite.edit("test_it.py", '"n"', '"o"')
    assert suite.both().names == ["test_a"]


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """What suites leave open is told while the test may ignore it, and not in another one."""
    yield
    gc.collect()


@pytest.mark.parametrize(("lib", "leaving", "reading"), CASES.values(), ids=CASES)
def test_who_finds_it_rests_on_who_left_it(
    suite: Suite, lib: str, leaving: str, reading: str
) -> None:
    suite.write("lib.py", lib + "\n")
    suite.write(
        "test_it.py",
        f"import lib\ndef test_leaving():\n    {leaving}\n"
        f"def test_reading():\n    assert {reading}\n"
        "def test_other(): pass\n",
    )
    suite.warm()
    assert suite.both().live == []
    suite.edit("test_it.py", leaving, leaving.replace("5", "7"))
    ran = suite.both()
    assert "failed" in ran.outcomes["test_it.py::test_reading"]
    assert set(ran.names) == {"test_leaving", "test_reading"}
    suite.edit("test_it.py", leaving.replace("5", "7"), leaving)
    assert "passed" in suite.both().outcomes["test_it.py::test_reading"]


@pytest.mark.parametrize("kind", ["singledispatch", "singledispatchmethod"])
def test_what_dispatching_remembers_makes_nobody_a_producer(suite: Suite, kind: str) -> None:
    own = "self, " if kind == "singledispatchmethod" else ""
    suite.write(
        "lib.py",
        f"""
        import functools

        class A:
            @functools.{kind}
            def f({own}x): return "any"
            @f.register
            def _({own}x: int): return "int"
            @f.register
            def _({own}x: str): return "str"
            if {not own}: f = staticmethod(f)
        """,
    )
    suite.write(
        "test_it.py",
        """
        import lib
        def test_any(): assert lib.A().f(1.5) == "any"
        def test_int(): assert lib.A().f(1) == "int"
        def test_str(): assert lib.A().f("") == "str"
        """,
    )
    suite.warm()
    suite.edit("lib.py", '"str"', '"st" + "r"')
    assert suite.both().names == ["test_str"]


@pytest.mark.parametrize(
    "reads",
    [
        "lib.f(1) == 'any'",
        "called(1) == 'any'",
        "lib.f.dispatch(int)(1) == 'any'",
        "int not in lib.f.registry",
    ],
)
def test_an_implementation_that_a_test_registers_is_found_by_who_comes_to_dispatch(
    suite: Suite, reads: str
) -> None:
    suite.write(
        "lib.py",
        """
        import functools
        @functools.singledispatch
        def f(x): return "any"
        @f.register
        def _(x: str): return "str"
        """,
    )
    suite.write(
        "test_it.py",
        f"""
        import lib
        def called(x): return lib.f(x)
        def test_registers(): lib.f.register(int, lambda x: "int")
        def test_reads():
            if 0: assert {reads}
        """,
    )
    suite.write("test_other.py", "import lib\ndef test_other(): assert lib.f('') == 'str'\n")
    suite.warm()
    suite.edit("test_it.py", "if 0", "if 1")
    ran = suite.both()
    assert ran.code == 1
    assert "test_other" not in ran.names

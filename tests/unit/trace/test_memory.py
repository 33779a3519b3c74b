"""What an attempt did to long-lived objects and the process is put back, identities included."""

from __future__ import annotations

import builtins
import copy
import decimal
import importlib
import logging
import os
import random
import signal
import sys
import textwrap
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_cellcache.trace import state as state_module
from pytest_cellcache.trace.batch import Batch
from pytest_cellcache.trace.layout import Files
from pytest_cellcache.trace.memory import Memory
from pytest_cellcache.trace.state import StateWatch

MODULE = """
    import collections
    import contextvars
    import io
    import itertools
    import os
    import random
    import threading

    class Kind:
        size = 1

        def __init__(self):
            self.parts = []

    class Slotted:
        __slots__ = ("left", "right")

    def make():
        count = [0]
        total = 0
        def step():
            nonlocal total
            total += 1
            count[0] += 1
            return total, count
        return step

    NUMBER = 1
    TABLE = {"a": [1]}
    ORDERED = collections.OrderedDict(a=1, b=2, c=3)
    ORDERED.move_to_end("a")
    QUEUE = collections.deque([1])
    NAMES = {"x"}
    BYTES = bytearray(b"ab")
    THING = Kind()
    SLOTTED = Slotted()
    SLOTTED.left = 1
    DICE = random.Random(1)
    STEP = make()
    VARIABLE = contextvars.ContextVar("VARIABLE", default=1)
    GOING = (number for number in range(3))
    LOCK = threading.Lock()
    TEXT = io.StringIO("a")
    RAW = io.BytesIO(b"a")
    FILE = open(os.__file__)
    COUNT = itertools.count()
    LAST = iter([1])
    PAIRS = zip("abc", [1, 2, 3])
    PARTS = map(str, filter(None, enumerate(reversed([1, 2, 3]))))
"""

# What is done, and an expression that shows it.
DEEDS = {
    "global": ("m.NUMBER = 2", "m.NUMBER"),
    "new global": ("m.NEW = 2", "hasattr(m, 'NEW')"),
    "deleted global": ("del m.NUMBER", "m.NUMBER"),
    "dictionary": ("m.TABLE.clear()", "m.TABLE"),
    "ordered": ("m.ORDERED.popitem(last=False); m.ORDERED['d'] = 4", "m.ORDERED, len(m.ORDERED)"),
    "value of an ordered": ("m.ORDERED['b'] = 4", "m.ORDERED"),
    "all of an ordered": ("m.ORDERED.clear()", "m.ORDERED"),
    "order": ("m.ORDERED.move_to_end('b')", "m.ORDERED"),
    "nested list": ("m.TABLE['a'].append(2)", "m.TABLE"),
    "deque": ("m.QUEUE.append(2)", "m.QUEUE"),
    "set": ("m.NAMES.add('y')", "sorted(m.NAMES)"),
    "bytes": ("m.BYTES.extend(b'c')", "bytes(m.BYTES)"),
    "attribute": ("m.THING.size = 2", "m.THING.size"),
    "list of an object": ("m.THING.parts.append(2)", "m.THING.parts"),
    "class": ("m.Kind.size = 2; m.Kind.new = 3", "m.Kind.size, hasattr(m.Kind, 'new')"),
    "slots": (
        "m.SLOTTED.left = 2; m.SLOTTED.right = 3",
        "m.SLOTTED.left, hasattr(m.SLOTTED, 'right')",
    ),
    "dice": ("m.DICE.random()", "m.DICE.getstate()"),
    "closure": ("m.STEP()", "[cell.cell_contents for cell in m.STEP.__closure__]"),
    "variable": ("os.environ['CELL_MEMORY'] = '1'", "os.environ.get('CELL_MEMORY')"),
    "search path": ("sys.path.append('/nowhere')", "list(sys.path)"),
    "working directory": ("os.chdir('/')", "os.getcwd()"),
    "random": ("random.random()", "random.getstate()"),
    "context variable": ("m.VARIABLE.set(2)", "m.VARIABLE.get()"),
    "level": ("log.setLevel(10)", "log.level"),
    "handler": ("log.addHandler(logging.NullHandler())", "log.handlers"),
    "logging": ("logging.disable(50)", "logging.root.manager.disable"),
    "decimal": ("decimal.getcontext().prec = 5", "decimal.getcontext().prec"),
    "traps": ("decimal.getcontext().traps[decimal.Inexact] = True", "decimal.getcontext().traps"),
    "builtin": ("builtins.remembered = 1", "hasattr(builtins, 'remembered')"),
    "recursion": ("sys.setrecursionlimit(4321)", "sys.getrecursionlimit()"),
    "arguments": ("sys.argv.append('-x')", "sys.argv"),
    "lock": ("m.LOCK.acquire()", "m.LOCK.locked()"),
    "text in memory": ("m.TEXT.read(); m.TEXT.write('b')", "m.TEXT.getvalue(), m.TEXT.tell()"),
    "bytes in memory": ("m.RAW.write(b'bc')", "m.RAW.getvalue(), m.RAW.tell()"),
    "place in a file": ("m.FILE.read(5)", "m.FILE.tell()"),
    "counter": ("next(m.COUNT)", "m.COUNT"),
    "iterator at its end": ("list(m.LAST)", "m.LAST.__length_hint__()"),
    "several iterators": ("next(m.PAIRS)", "list(copy.deepcopy(m.PAIRS))"),
    "iterators of iterators": ("list(m.PARTS)", "list(copy.deepcopy(m.PARTS))"),
    "signal": ("signal.signal(10, signal.SIG_IGN)", "signal.getsignal(10)"),
}


@pytest.fixture
def module() -> Iterator[types.ModuleType]:
    module = types.ModuleType("remembered")
    module.__file__ = "/watched/remembered.py"
    sys.modules[module.__name__] = module
    exec(compile(textwrap.dedent(MODULE), module.__file__, "exec"), vars(module))
    yield module
    module.FILE.close()
    del sys.modules[module.__name__]


_WATCHES: Final[list[StateWatch]] = []


def watch() -> StateWatch:
    found = StateWatch(Files(lambda filename: filename.startswith("/watched/"), lambda *_: False))
    found.begin()
    _WATCHES.append(found)
    found.take()
    return found


@pytest.fixture(autouse=True)
def _watch_no_longer() -> Iterator[None]:
    yield
    while _WATCHES:
        _WATCHES.pop().end()


@pytest.mark.parametrize("name", DEEDS)
def test_what_was_done_is_undone(module: types.ModuleType, name: str) -> None:
    deed, shown = DEEDS[name]
    space: dict[str, Any] = {"m": module, "log": logging.getLogger("remembered")}
    space |= {
        each.__name__: each for each in (builtins, copy, decimal, logging, os, random, signal, sys)
    }
    before = repr(eval(shown, space))
    memory = watch().remember()
    exec(deed, space)
    assert repr(eval(shown, space)) != before if name != "deleted global" else True
    assert memory.put_back()
    assert repr(eval(shown, space)) == before


def test_what_cannot_be_undone_is_said(module: types.ModuleType) -> None:
    memory = watch().remember()
    next(module.GOING)
    assert not memory.put_back()


def test_nothing_done_is_nothing_to_undo(module: types.ModuleType) -> None:
    table = module.TABLE
    assert watch().remember().put_back()
    assert module.TABLE is table


def test_copies_are_made_anew_only_after_changes(
    module: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def make(batches: Iterable[Batch], calm: Iterable[Batch]) -> Memory:
        made.append(Memory(batches, calm))
        return made[-1]

    monkeypatch.setattr(state_module, "Memory", make)
    state = watch()
    state.remember()
    assert state.take() == frozenset()
    state.remember()
    assert len(made) == 1
    module.NUMBER = 2
    assert state.take()
    state.remember()
    assert len(made) == 2


LATE: Final = {
    "mapping": ("m.TABLE['late'] = 1", "m.TABLE"),
    "variable": ("os.environ['LATE_MODULE'] = 'x'", "os.environ.get('LATE_MODULE')"),
    "random": ("random.seed(5)", "random.getstate()"),
}


@pytest.mark.parametrize("name", LATE)
@pytest.mark.parametrize("is_mixed", [False, True], ids=["alone", "mixed"])
def test_what_an_import_did_stays(
    module: types.ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    is_mixed: bool,
) -> None:
    deed, shown = LATE[name]
    text = f"import os, random, sys\nm = sys.modules['remembered']\n{deed}\n"
    (tmp_path / "late_module.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("LATE_MODULE", raising=False)
    space = {"m": module, "os": os, "random": random}
    state = random.getstate()
    before = repr(eval(shown, space))
    memory = watch().remember()
    if is_mixed:
        exec(deed.replace("late", "own").replace("LATE_MODULE", "OWN").replace("5", "6"), space)
    try:
        importlib.import_module("late_module")
        after = repr(eval(shown, space))
        module.NUMBER = 7
        assert memory.may_put_back() is not is_mixed
        assert memory.put_back() is not is_mixed
        assert module.NUMBER != 7
        assert is_mixed or repr(eval(shown, space)) == after
        sys.modules.pop("late_module")
        if not is_mixed:
            memory.unload()
            assert memory.put_back()
            assert repr(eval(shown, space)) == before
    finally:
        sys.modules.pop("late_module", None)
        os.environ.pop("LATE_MODULE", None)
        os.environ.pop("OWN", None)
        random.setstate(state)

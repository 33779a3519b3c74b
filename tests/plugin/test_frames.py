"""Who reads line numbers of frames rests on the lines of those that somebody has got hold of."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

HEAD: Final = """
import gc, inspect, logging, sys, threading, traceback
import store
"""
FAR: Final = "".join(f"# far {number}\n" for number in range(12))
OTHER: Final = f"{FAR}\ndef other():\n    return 1\n"

HERE: Final = {
    "frame": "sys._getframe(1).f_lineno",
    "by another name": "found(1).f_lineno",
    "currentframe": "inspect.currentframe().f_back.f_lineno",
    "stack": "inspect.stack(0)[1].lineno",
    "getframeinfo": "inspect.getframeinfo(sys._getframe(1)).lineno",
    "extract_stack": "traceback.extract_stack()[-2].lineno",
}
"""How the caller's line is read."""


def write(suite: Suite, reading: str) -> None:
    told = f"found = sys._getframe\ndef line(): return {reading}\n"
    suite.write("store.py", "KEPT = []\n")
    suite.write("lib.py", HEAD + told + OTHER)
    suite.write(
        "calls.py",
        f"import lib\n{FAR}# here\ndef call():\n    return lib.line()\n",
    )
    suite.write(
        "test_a.py",
        """
        import calls, lib

        def test_line():
            assert lib.other() == 1
            assert calls.call() == 16

        def test_other():
            assert lib.other() == 1
        """,
    )
    suite.warm()


@pytest.mark.parametrize("reading", HERE.values(), ids=HERE)
def test_lines_of_who_is_not_on_the_way_are_nothing_to_it(suite: Suite, reading: str) -> None:
    write(suite, reading)
    suite.edit("lib.py", "def other", "# new\ndef other")
    assert suite.both().names == []
    suite.edit("lib.py", "return 1", "return 2 - 1")
    assert suite.both().names == ["test_line", "test_other"]


@pytest.mark.parametrize("reading", HERE.values(), ids=HERE)
def test_lines_of_who_is_on_the_way_count(suite: Suite, reading: str) -> None:
    write(suite, reading)
    suite.edit("calls.py", "# here", "# here\n# new")
    again = suite.both()
    assert again.code == 1
    assert again.names == ["test_line"]


WAYS: Final = {
    "caller of the caller": (
        """
def line(): return sys._getframe(2).f_lineno
def between(): return line()
# here
def call():
    return between()
""",
        "lib.call() == 8",
    ),
    "traceback": (
        """
# here
def fail():
    raise ValueError
def line():
    try:
        fail()
    except ValueError as error:
        return error.__traceback__.tb_next.tb_frame.f_lineno
""",
        "lib.line() == 6",
    ),
    "line of a traceback": (
        """
# here
def fail():
    raise ValueError
def line():
    try:
        fail()
    except ValueError as error:
        return error.__traceback__.tb_next.tb_lineno
""",
        "lib.line() == 6",
    ),
    "extract_tb": (
        """
# here
def fail():
    raise ValueError
def line():
    try:
        fail()
    except ValueError as error:
        return traceback.extract_tb(error.__traceback__)[-1].lineno
""",
        "lib.line() == 6",
    ),
    "generator": (
        """
# here
def steps():
    yield 1
def line():
    found = steps()
    next(found)
    return found.gi_frame.f_lineno
""",
        "lib.line() == 6",
    ),
    "coroutine": (
        """
# here
async def wait():
    return 1
def line():
    found = wait()
    try:
        return found.cr_frame.f_lineno
    finally:
        found.close()
""",
        "lib.line() == 5",
    ),
    "ended": (
        """
# here
def keep():
    return sys._getframe()
def line():
    return keep().f_lineno
""",
        "lib.line() == 6",
    ),
    "all objects": (
        """
# here
def fail():
    raise ValueError
def line():
    try:
        fail()
    except ValueError as error:
        found = gc.get_referents(error.__traceback__.tb_next)
    (frame,) = [each for each in found if hasattr(each, "f_lineno")]
    return frame.f_lineno
""",
        "lib.line() == 6",
    ),
    "trace": (
        """
# here
def fail():
    return 1
def line():
    lines = []
    def trace(frame, event, arg):
        lines.append(frame.f_lineno)
        return trace
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        fail()
    finally:
        sys.settrace(before)
    return lines
""",
        "6 in lib.line()",
    ),
    "thread": (
        """
# here
def wait(begun, ended):
    begun.set(); ended.wait()
def line():
    begun, ended = threading.Event(), threading.Event()
    thread = threading.Thread(target=wait, args=(begun, ended))
    thread.start()
    begun.wait()
    frame = sys._current_frames()[thread.ident]
    while frame.f_code is not wait.__code__:
        frame = frame.f_back
    found = frame.f_lineno
    ended.set(); thread.join()
    return found
""",
        "lib.line() == 6",
    ),
    "record of a log": (
        """
# here
def call():
    logging.getLogger("x").error("one")
class Kept(logging.Handler):
    def __init__(self):
        super().__init__()
        self.records = []
    def emit(self, record): self.records.append(record)
def line():
    kept = Kept()
    logging.getLogger("x").addHandler(kept)
    try:
        call()
    finally:
        logging.getLogger("x").removeHandler(kept)
    return kept.records[0].lineno
""",
        "lib.line() == 6",
    ),
    "module": (
        """
# here
def line(): return FRAME.f_lineno
FRAME = sys._getframe()
HERE = FRAME.f_lineno
""",
        "(lib.line(), lib.HERE)[1] == 7",
    ),
    "function in an import": (
        """
# here
def keep():
    return sys._getframe()
FRAME = keep()
def line():
    keep()
    return FRAME.f_lineno
""",
        "lib.line() == 6",
    ),
}
"""Modules with the line that is read two lines after a mark, and what holds."""


@pytest.mark.parametrize("way", WAYS)
def test_a_line_that_moves(suite: Suite, way: str) -> None:
    text, holds = WAYS[way]
    suite.write("store.py", "KEPT = []\n")
    suite.write("lib.py", HEAD + text)
    suite.write("test_a.py", f"import lib\ndef test_line(): assert {holds}\n")
    suite.warm()
    suite.edit("lib.py", "# here", "# here\n# new")
    suite.both()


@pytest.mark.parametrize("what", ["trace", "profile"])
def test_what_a_trace_function_runs_is_not_seen(suite: Suite, what: str) -> None:
    suite.write(
        "test_a.py",
        f"""
        import sys

        def value():
            return 1

        def other():
            return 1

        def test_traced():
            found = []
            before = sys.get{what}()
            sys.set{what}(lambda *_: found.append(value()))
            try:
                other()
            finally:
                sys.set{what}(before)
            assert found[0] == 1

        def test_other():
            assert other() == 1
        """,
    )
    suite.both()
    suite.edit("test_a.py", "value():\n    return 1", "value():\n    return 2")
    again = suite.both()
    assert again.code == 1
    assert again.names == ["test_traced"]


LEFT: Final = {
    "frame": ("return sys._getframe()", "store.KEPT[0].f_lineno", 6),
    "caller": ("return sys._getframe(1)", "store.KEPT[0].f_lineno", 19),
    "generator": (
        "found = steps(); next(found); return found",
        "store.KEPT[0].gi_frame.f_lineno",
        8,
    ),
    "error": ("return caught()", "store.KEPT[0].__traceback__.tb_next.tb_frame.f_lineno", 10),
}


@pytest.mark.parametrize("way", LEFT)
@pytest.mark.parametrize("by", ["test", "fixture", "own fixture"])
def test_frames_that_others_have_left(suite: Suite, way: str, by: str) -> None:
    made, read, number = LEFT[way]
    lib = f"""
        # here
        def keep():
            {made}
        def steps():
            yield 1
        def fail():
            raise ValueError
        def caught():
            try:
                fail()
            except ValueError as error:
                return error
        def line():
            return {read}
        def kept():
            store.KEPT.append(keep())
        """
    suite.write("store.py", "KEPT = []\n")
    suite.write("lib.py", HEAD + textwrap.dedent(lib))
    scope = "module" if by == "fixture" else "function"
    suite.write(
        "test_a.py",
        f"""
        import pytest
        import lib, store

        @pytest.fixture(scope="{scope}")
        def made():
            lib.kept()

        def test_first({"" if by == "test" else "made"}):
            {"lib.kept()" if by == "test" else "pass"}

        def test_line({"" if by == "test" else "made"}):
            {"if not store.KEPT: lib.kept()" if by == "test" else "pass"}
            assert lib.line() == {number}
        """,
    )
    suite.warm()
    suite.edit("lib.py", "# here", "# here\n# new")
    again = suite.both()
    assert again.code == 1

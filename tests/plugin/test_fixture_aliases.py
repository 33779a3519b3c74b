"""Parts of a value that show what is in another part go on doing so: failures stay failures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Counted

LIB = """
import ctypes, types
class Inner(ctypes.Structure): _fields_ = [("x", ctypes.c_int)]
class Outer(ctypes.Structure): _fields_ = [("inner", Inner)]
def proxy():
    shown = {}
    return {"shown": shown, "proxy": types.MappingProxyType(shown)}
def caused():
    error = ValueError(1)
    error.__cause__ = KeyError(2)
    return {"error": error}
def structure():
    outer = Outer()
    return {"outer": outer, "inner": outer.inner}
def closures():
    n = 0
    def put():
        nonlocal n
        n = 1
    return {"put": put, "get": lambda: n}
"""

ALIASES = {
    "proxy": ("made['shown']['a'] = 1", "'a' not in made['proxy']"),
    "caused": ("pass", "made['error'].__cause__ is None"),
    "structure": ("made['outer'].inner.x = 1", "made['inner'].x == 0"),
    "closures": ("made['put']()", "derived['get']() == 0"),
}


@pytest.mark.parametrize("name", ALIASES)
@pytest.mark.parametrize("scope", ["function", "session"])
def test_a_test_that_fails_fails_again(counted: Counted, name: str, scope: str) -> None:
    act, wrong = ALIASES[name]
    counted.write(
        lib=LIB,
        conftest=f"""
            import pytest, lib
            @pytest.fixture(scope="{scope}")
            def made(): return lib.{name}()
            @pytest.fixture(scope="{scope}")
            def derived(made): return dict(made)
        """,
        test_a="def test_a(made, derived): assert len(made) == len(derived)",
        test_b=f"""
            def test_b(made, derived):
                {act}
                assert {wrong}
        """,
    )
    ran, _ = counted.run()
    assert "failed" in ran.outcomes["test_b.py::test_b"]
    counted.run()
    counted.edit("test_a.py", "len(made) ==", "1 and len(made) ==")
    counted.run()


def test_what_is_shown_of_another_fixture_is_shown_again(counted: Counted) -> None:
    counted.write(
        conftest="""
            import pytest, types
            @pytest.fixture(scope="session")
            def made(): return {"a": 1}
            @pytest.fixture(scope="session")
            def shown(made): return {"p": types.MappingProxyType(made)}
        """,
        test_a="def test_a(made, shown): assert shown['p'] == {'a': 1}",
    )
    counted.run()
    counted.edit("test_a.py", "== {'a': 1}", "['a'] == 1 and len(shown['p']) == len(made)")
    assert counted.run()[1] == {}

"""Who finds what follows from what was there before rests on all who have left something there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

# A module whose ``step`` goes on from where it was, and what holds after two of them.
CASES: Final = {
    "counter": ("N = 0\ndef step():\n    global N\n    N = N + 1", "lib.N == 2"),
    "counter in a mapping": ("D = {}\ndef step(): D['n'] = D.get('n', 0) + 1", "lib.D['n'] == 2"),
    "counter of an object": (
        "class K: n = 0\nk = K()\ndef step(): setattr(k, 'n', k.n + 1)",
        "lib.k.n == 2",
    ),
    "the contrary": ("N = False\ndef step():\n    global N\n    N = not N", "lib.N is False"),
    "chain": ("N = None\ndef step():\n    global N\n    N = (N,)", "lib.N == ((None,),)"),
    "states": (
        "N = 0\nNEXT = [1, 2, 3]\ndef step():\n    global N\n    N = NEXT[N]",
        "lib.N == 2",
    ),
    "by turns": (
        "N = 0\ndef step():\n    global N\n    if N == 0: N = 1\n    else: N = 2",
        "lib.N == 2",
    ),
    "exchanged": ("A, B = 1, 2\ndef step():\n    global A, B\n    A, B = B, A", "lib.A == 1"),
    "numbers by order": (
        "D = {}\ndef step(): D.setdefault(object(), len(D))",
        "sorted(lib.D.values()) == [0, 1]",
    ),
    "mapping of a library": (
        "import collections\nclass K(collections.UserDict): pass\nD = K(n=0)\n"
        "def step(): D['n'] = D['n'] + 1",
        "lib.D['n'] == 2",
    ),
    "bases": (
        "class A: n = 0\nclass K(A): pass\n"
        "def step(): K.__bases__ = (type('B', (K.__bases__[0],), {'n': K.n + 1}),)",
        "lib.K.n == 2",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_who_comes_after_one_step_less_runs(suite: Suite, name: str) -> None:
    module, shown = CASES[name]
    suite.write("lib.py", module)
    suite.write(
        "test_a.py",
        f"""
        import lib

        def test_steps():
            lib.step()

        def test_steps_and_looks():
            lib.step()
            assert {shown}

        def test_other(): pass
        """,
    )
    suite.warm()
    suite.edit("test_a.py", "def test_steps():\n    lib.step()", "def test_steps():\n    pass")
    again = suite.both()
    assert again.code == 1
    assert again.names == ["test_steps", "test_steps_and_looks"]

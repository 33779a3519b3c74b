"""What was remembered before its source was changed rests on whom it was remembered for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

# A module, what makes it remember something, and what changes that from which this follows.
CASES: Final = {
    "memo": (
        "import functools\nN = {'a': 1}\n@functools.lru_cache\ndef get(): return N['a']",
        "lib.get()",
        "lib.N['a'] = 5",
    ),
    "memo of a function that is called": (
        "import functools\nN = {'a': 1}\ndef take(): return N['a']\n"
        "@functools.cache\ndef get(): return take()\ndef put(value): N['a'] = value",
        "lib.get()",
        "lib.put(5)",
    ),
    "lazy global": (
        "N = {'a': 1}\nV = None\ndef get():\n    global V\n    if V is None: V = N['a']\n"
        "    return V",
        "lib.get()",
        "lib.N['a'] = 5",
    ),
    "lazy attribute": (
        "N = [1]\nclass K:\n    v = None\n    def get(self):\n"
        "        if self.v is None: self.v = N[0]\n        return self.v\nget = K().get",
        "lib.get()",
        "lib.N[0] = 5",
    ),
    "property of an object": (
        "import functools\nclass K:\n    n = 1\n    @functools.cached_property\n"
        "    def v(self): return self.n\nk = K()\ndef get(): return k.v",
        "lib.get()",
        "lib.k.n = 5",
    ),
    "mapping": (
        "N = {'a': 1}\nC = {}\ndef get(k='a'):\n    if k not in C: C[k] = N[k]\n    return C[k]",
        "lib.get()",
        "lib.N['a'] = 5",
    ),
    "database": (
        "import functools, sqlite3\nC = sqlite3.connect(':memory:')\n"
        "C.execute('create table t(a)')\nC.execute('insert into t values (1)')\n"
        "@functools.cache\ndef get(): return C.execute('select max(a) from t').fetchone()[0]",
        "lib.get()",
        "lib.C.execute('insert into t values (5)')",
    ),
    "function": (
        "import functools\ndef made(): return 1\n@functools.cache\ndef get(): return made()",
        "lib.get()",
        "lib.made = lambda: 5",
    ),
}


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("name", CASES)
def test_who_finds_what_nobody_would_make_any_more_runs(suite: Suite, name: str) -> None:
    module, asking, changing = CASES[name]
    suite.write("lib.py", module)
    suite.write(
        "test_a.py",
        f"""
        import lib

        def test_asks(): {asking}

        def test_changes(): {changing}

        def test_finds(): assert lib.get() == 1

        def test_other(): pass
        """,
    )
    suite.warm()
    suite.edit("test_a.py", f"def test_asks(): {asking}", "def test_asks(): pass")
    again = suite.both()
    assert again.code == 1
    assert (
        {"test_asks", "test_finds"} <= {*again.names} <= {"test_asks", "test_changes", "test_finds"}
    )


def test_what_nobody_changes_rests_on_the_bodies_that_made_it(suite: Suite) -> None:
    suite.write("lib.py", CASES["memo"][0] + "\nM = {}\n")
    suite.write(
        "test_a.py",
        """
        import lib

        def test_asks(): assert lib.get()

        def test_changes(): lib.M['a'] = 5

        def test_finds(): assert lib.get() == 1
        """,
    )
    suite.warm()
    suite.edit("test_a.py", "assert lib.get()\n", "pass\n")
    assert suite.both().names == ["test_asks"]

"""Globals that statements of other modules change: they count for who reads them, and only then."""

from __future__ import annotations

from typing import Any

import pytest

TEST = "import a, state\ndef test(): assert 'k' not in state.D\ndef test2(): state.OTHER\n"
STATE = "D = {}\nOTHER = {}\nclass K: pass\n"
REGISTER = "def register(f):\n    D[f.__name__] = f\n    return f\n"
QUIET = "def register(f):\n    return f\n"


def record(bench: Any, **files: str) -> None:
    bench.write(**{"t": TEST, "state": STATE, **files})
    session = bench.open()
    attempts = [session.attempt(session.seen(f"t.py::{n}"), name=n) for n in ("test", "test2")]
    assert session.record(*attempts) == {"t.py::test": None, "t.py::test2": None}
    assert bench.open().change() == bench.open().change("test2") == "hit"


KNOWN = {
    "another use of a decorator": (
        STATE + REGISTER,
        "import state\n@state.register\ndef j(): pass\n",
        {"a": "import state\n@state.register\ndef j(): pass\n@state.register\ndef k(): pass\n"},
    ),
    "another item": (
        STATE,
        "import state\nstate.D['j'] = 1\n",
        {"a": "import state\nstate.D['j'] = 1\nstate.D['k'] = 1\n"},
    ),
    "another value": (
        STATE,
        "import state\nstate.D['j'] = 1\n",
        {"a": "import state\nstate.D['j'] = 2\n"},
    ),
    "an item that is no longer there": (
        STATE,
        "import state\nstate.D['j'] = 1\nstate.D['l'] = 1\n",
        {"a": "import state\nstate.D['l'] = 1\n"},
    ),
}


@pytest.mark.parametrize(("state", "a", "after"), KNOWN.values(), ids=KNOWN)
def test_what_changes_a_register_counts_for_its_readers_alone(
    bench: Any, state: str, a: str, after: dict[str, str]
) -> None:
    record(bench, state=state, a=a)
    bench.write(**after)
    assert bench.open().change() != "hit"
    assert bench.open().change("test2") == "hit"


NEW = {
    "an item": (STATE, "import state\n", {"a": "import state\nstate.D['k'] = 1\n"}),
    "an attribute of a class": (STATE, "import state\n", {"a": "import state\nstate.K.m = 1\n"}),
    "a decorator is used": (
        STATE + REGISTER,
        "import state\ndef k(): pass\n",
        {"a": "import state\n@state.register\ndef k(): pass\n"},
    ),
    "a decorator comes to register": (
        STATE + QUIET,
        "import state\n@state.register\ndef k(): pass\n",
        {"state": STATE + REGISTER},
    ),
    "a call comes to register": (
        STATE + "def fill(): return 1\n",
        "import state\nX = state.fill()\n",
        {"state": STATE + "def fill():\n    D['k'] = 1\n    return 1\n"},
    ),
    "a decorator comes to register where others do": (
        STATE + "D['j'] = 1\n" + QUIET,
        "import state\n@state.register\ndef k(): pass\n",
        {"state": STATE + "D['j'] = 1\n" + REGISTER},
    ),
}
READERS = {"K": "import a, state\ndef test(): state.K\ndef test2(): state.OTHER\n", "D": TEST}


@pytest.mark.parametrize(("state", "a", "after"), NEW.values(), ids=NEW)
def test_what_becomes_a_register_counts_for_its_readers(
    bench: Any, state: str, a: str, after: dict[str, str]
) -> None:
    """Nothing had changed the global before: its readers must notice the first who does."""
    record(bench, t=READERS["K" if "K.m" in str(after) else "D"], state=state, a=a)
    bench.write(**after)
    assert bench.open().change() != "hit"


def test_a_body_that_comes_to_register_in_a_third_file(bench: Any) -> None:
    """What a key of an unchanged file is worth is decided in another one."""
    deco = "import state\ndef register(f):\n    return f\n"
    record(
        bench,
        t="import a, state\nstate.D['j'] = 1\ndef test(): state.D\ndef test2(): state.OTHER\n",
        a="import deco\n@deco.register\ndef k(): pass\n",
        deco=deco,
    )
    bench.write(deco=deco.replace("    return", "    state.D[1] = f\n    return"))
    assert bench.open().change() != "hit"

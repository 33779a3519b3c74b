"""Which fixtures are known to be cheap: by definition, body and parameter; the last time counts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_cellcache.hooks.definitions import Definition
from pytest_cellcache.hooks.speeds import Speeds
from pytest_cellcache.model.declare import Declaration
from pytest_cellcache.store.memory import MemoryStore


def define(name: str = "made") -> Definition:
    made: Any = SimpleNamespace(func=lambda: None)
    return Definition(
        fixturedef=made,
        name=name,
        identity=None,
        upstream=(),
        is_direct=True,
        is_builtin=False,
        is_bound=False,
        is_parameter=False,
        parameter="",
        group="conftest.py",
        parts=(name,),
        declaration=Declaration(),
    )


def speeds(store: MemoryStore, body: str = "body") -> Speeds:
    return Speeds(store, 0.05, lambda path, name: body)


# Set-ups as (parameter, seconds), and whether the fixture is cheap then.
CASES = {
    "cheap": ([("", 0.01)], True),
    "slow": ([("", 0.06)], False),
    "slow by chance": ([("", 0.06), ("", 0.01)], True),
    "slow from now on": ([("", 0.01), ("", 0.06)], False),
    "slow with one parameter": ([("1", 0.01), ("2", 0.06), ("3", 0.01)], False),
    "cheap with all": ([("1", 0.01), ("2", 0.01)], True),
}


@pytest.mark.parametrize("name", CASES)
def test_in_this_run_and_in_the_next(name: str) -> None:
    setups, is_cheap = CASES[name]
    store, made = MemoryStore(), define()
    first = speeds(store)
    first.look_up(made)
    assert made.key not in first.cheap
    for parameter, setup_s in setups:
        first.note(made.key, parameter, setup_s)
    assert (made.key in first.cheap) is is_cheap
    assert first.is_slow(made.key) is not is_cheap
    first.keep()
    again = speeds(store)
    again.look_up(made)
    assert (made.key in again.cheap) is is_cheap
    assert again.is_slow(made.key) is not is_cheap


def test_a_parameter_that_was_not_seen_is_not_known() -> None:
    store, made = MemoryStore(), define()
    first = speeds(store)
    first.look_up(made)
    first.note(made.key, "1", 0.01)
    assert first.knows(made.key, "1")
    assert not first.knows(made.key, "2")


def test_a_run_with_one_parameter_does_not_make_the_others_cheap() -> None:
    store, made = MemoryStore(), define()
    for parameter, setup_s in (("2", 0.06), ("1", 0.01)):
        run = speeds(store)
        run.look_up(made)
        run.note(made.key, parameter, setup_s)
        run.keep()
    last = speeds(store)
    last.look_up(made)
    assert last.is_slow(made.key)


def test_another_body_is_another_fixture() -> None:
    store, made = MemoryStore(), define()
    first = speeds(store)
    first.look_up(made)
    first.note(made.key, "", 0.01)
    first.keep()
    edited = speeds(store, "another body")
    edited.look_up(made)
    assert made.key not in edited.cheap
    assert not edited.is_slow(made.key)


def test_a_note_that_is_something_else_says_nothing() -> None:
    store, made = MemoryStore(), define()
    store.put_note("fixture times", b'["x"]')
    run = speeds(store)
    run.look_up(made)
    assert made.key not in run.cheap

"""After any sequence of operations, the store in a directory and the one in memory agree."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_cellcache.model.events import Warned
from pytest_cellcache.model.record import Entry
from pytest_cellcache.store.contract import NOTE_LIFE_S, NOTE_REFRESH_S, YOUNG_S, Store
from pytest_cellcache.store.directory import DirectoryStore
from pytest_cellcache.store.memory import MemoryStore

GROUPS = ["g", "h", "i"]
NOTES = ["stat", "cells/ab"]
CONTENTS = [b"", b"one", b"two" * 300]

groups = st.sampled_from(GROUPS)
contents = st.sampled_from(CONTENTS)
bodies = st.dictionaries(
    st.sampled_from("xyé"),
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-2, 2) | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=2),
        max_leaves=3,
    ),
    max_size=2,
)
entries = st.builds(
    lambda unit, created_s, content, body: (unit, float(created_s), content, body),
    st.sampled_from("uvw"),
    st.integers(0, 4),
    st.none() | contents,
    bodies,
)
operations = st.one_of(
    st.tuples(st.just("append"), groups, st.lists(entries, max_size=4)),
    st.tuples(st.just("append"), groups, st.lists(entries, max_size=4)),
    st.tuples(st.just("put_blob"), contents),
    st.tuples(st.just("put_note"), st.sampled_from(NOTES), contents),
    st.tuples(st.just("get_note"), st.sampled_from(NOTES)),
    st.tuples(st.just("touch"), groups),
    st.tuples(st.just("clear")),
    st.tuples(st.just("compact"), st.sampled_from([0, 300, 600, 1200, 1 << 40]), st.integers(0, 3)),
    st.tuples(
        st.just("wait"), st.sampled_from([1.0, YOUNG_S + 1, NOTE_REFRESH_S + 1, NOTE_LIFE_S + 1])
    ),
)


def apply(store: Store, operation: tuple[Any, ...]) -> object:
    name, *arguments = operation
    if name != "append":
        return getattr(store, name)(*arguments)
    group, rows = arguments
    return store.append(
        group,
        [
            Entry(unit, created_s, () if content is None else (store.put_blob(content),), {**body})
            for unit, created_s, content, body in rows
        ],
    )


def contents_of(store: Store, blob_names: list[str]) -> object:
    read = [store.read(group) for group in GROUPS]
    for found in read:
        assert [e.created_s for e in found] == sorted((e.created_s for e in found), reverse=True)
    return (
        [sorted(map(repr, found)) for found in read],
        [store.get_blob(name) for name in blob_names],
        [store.get_note(name) for name in NOTES],
        store.size_bytes(),
    )


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(operations, max_size=20))
def test_any_operations_leave_both_with_the_same(steps: list[tuple[Any, ...]]) -> None:
    warned: list[Warned] = []
    now_s = 1_700_000_000.0

    def clock() -> float:
        return now_s

    with tempfile.TemporaryDirectory() as place:
        stores: list[Store] = [
            DirectoryStore(Path(place, "store"), may_write=True, warn=warned.append, clock=clock),
            MemoryStore(warn=warned.append, clock=clock),
        ]
        names = [MemoryStore().put_blob(content) for content in CONTENTS]
        for step in steps:
            now_s += 1.0
            if step[0] == "wait":
                now_s += step[1]
                continue
            in_directory, in_memory = (apply(store, step) for store in stores)
            assert in_directory == in_memory, step
            assert contents_of(stores[0], names) == contents_of(stores[1], names), step
            if step[0] == "compact":
                assert stores[0].size_bytes() <= step[1] or not any(map(stores[0].read, GROUPS))
    assert not warned

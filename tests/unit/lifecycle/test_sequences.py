from __future__ import annotations

from typing import Any

import pytest

from pytest_cellcache.lifecycle.consulted import is_below
from pytest_cellcache.lifecycle.consumers import Kept
from pytest_cellcache.lifecycle.precedence import (
    Precedence,
    others_of,
    read_unstored,
    texts,
)
from pytest_cellcache.lifecycle.sequences import (
    EVERYTHING,
    Sequences,
    digest_of_sequence,
)
from pytest_cellcache.lifecycle.units import Attempt, Instance, TestFacts
from pytest_cellcache.model import reasons
from pytest_cellcache.model.digest import digest_parts
from pytest_cellcache.model.observation import Observation
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.store.memory import MemoryStore

RANKS = {"a": 0, "b": 1, "c": 2, "d": 3}


def attempt_of(
    name: str, *instances: Instance, seen: Observation | None = None, **more: Any
) -> Attempt:
    facts = TestFacts(name, "t.py", digest_parts([]))
    used = frozenset(instances)
    return Attempt(facts, seen or Observation(), used, None, None, 0.1, **more)


def wide(name: str, **seen: Any) -> Instance:
    made = Instance(name, Observation(**seen))
    made.place = f"::{name}@"
    return made


def sequences_of(*, by_chance: bool = False) -> Sequences:
    return Sequences(lambda seen: seen, lambda path: path.lstrip("/"), by_chance=by_chance)


def files(*names: str) -> frozenset[str]:
    return frozenset(names)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, False),
        ({"producers": ["a", "b"]}, False),
        ({"producers": ["b", "a"]}, True),  # the other way round
        ({"producers": ["a", "d"]}, True),  # comes later now
        ({"producers": ["a", "gone"]}, True),
        ({"later": ["d", "gone"]}, False),
        ({"later": ["a"]}, True),
        ({"either": [["a", "d"], ["b"]]}, False),
        ({"either": [["a"], ["d", "gone"]]}, True),  # nobody sets the fixture up before
        ({"producers": "a", "later": 3, "either": [1]}, True),
    ],
)
def test_whether_a_record_fits_the_order(told: dict[str, Any], expected: bool) -> None:
    precedence = Precedence(RANKS)
    assert precedence.is_broken(told, "c") is expected
    assert precedence.is_broken(told, "c") is expected  # from what it remembers


def test_known_producers_that_did_not_run_before_are_remembered() -> None:
    row = Kept(attempt_of("c"), frozenset(), ("a",), ("d",))
    last = {"producers": ["a", "b", "x"], "later": ["y", "d"]}
    assert others_of(row._replace(either=(("x",),)), last, "abcd") == ["d", "y"]
    assert others_of(row, {"either": [["x", "a"], ["z"]]}, {"a"}) == ["d", "x", "z"]
    # b ran and is a producer no more
    assert others_of(row, last, {"a", "b", "c", "d"}) == ["d", "x", "y"]
    assert others_of(row, {}, ()) == ["d"]
    assert len(others_of(row, {"later": [f"t{n}" for n in range(500)]}, ())) == 100


def test_texts_of_whatever_was_read() -> None:
    assert texts(["a", 1, None]) == ["a"]
    assert texts(("a",)) == ["a"]
    assert texts("abc") == texts(None) == texts(3) == []


def test_sequences_are_told_apart() -> None:
    assert digest_of_sequence(["a", "b"]) != digest_of_sequence(["b", "a"])
    assert digest_of_sequence(["ab"]) != digest_of_sequence(["a", "b"])


def test_what_is_below() -> None:
    assert is_below(["/a/b"], ["/a"])
    assert is_below(["/a"], ["/a"])
    assert not is_below(["/ab"], ["/a"])
    assert not is_below(["/a"], [])


def test_each_test_that_is_given_something_unseen_comes_after_the_one_before() -> None:
    found, made = sequences_of(), wide("made")
    first = attempt_of("a", made, met=frozenset({made}), handled=frozenset({made}))
    other = attempt_of("b", made)
    third = attempt_of("c", made, met=frozenset({made}))
    for attempt in (first, other, third):
        found.add(attempt)
    assert found.to_json(first) == {
        "before": {made.place: digest_of_sequence([])},
        "handled": [made.place],
    }
    assert found.to_json(other) == {}
    assert found.to_json(third) == {"before": {made.place: digest_of_sequence(["a"])}}
    assert {key.name for key in found.of(third).producers} == {"a"}


def test_by_chance_nobody_is_a_producer() -> None:
    found, made = sequences_of(by_chance=True), wide("made")
    given = frozenset({made})
    first = attempt_of("a", made, met=given, handled=given)
    second = attempt_of("b", made, met=given)
    found.add(first)
    found.add(second)
    assert found.to_json(second) == {"before": {made.place: "chance"}}
    assert not found.of(second).producers


def test_who_writes_a_file_comes_before_who_reads_it() -> None:
    found = sequences_of()
    writes = Observation(writes=files("/f"), changed=files("/f"))
    found.add(attempt_of("a", seen=writes))
    found.add(attempt_of("b", seen=writes))
    reader = attempt_of("c", seen=Observation(reads=files("/f")))
    found.add(reader)
    # nothing is left of what the first one wrote
    assert {key.name for key in found.of(reader).producers} == {"b"}
    assert found.to_json(attempt_of("a")) == {"wrote": ["f"]}


def test_a_log_that_fixtures_go_on_with_is_nobodys() -> None:
    found = sequences_of()
    log = {"writes": files("/log"), "appends": files("/log"), "changed": files("/log")}
    made, own = wide("made", **log), Instance("own", Observation(**log))
    attempt = attempt_of("a", made, own)
    found.add(attempt)
    assert "handled" not in found.to_json(attempt)


def test_a_file_that_a_fixture_made_is_its_own() -> None:
    found = sequences_of()
    made = wide("made", writes=files("/tree/f"), changed=files("/tree/f"))
    writer = attempt_of(
        "a", made, seen=Observation(writes=files("/tree/f"), changed=files("/tree/f"))
    )
    found.add(writer)
    assert found.to_json(writer)["handled"] == [made.place]


def test_too_many_paths_are_everything() -> None:
    found = sequences_of()
    names = files(*(f"/{number}" for number in range(200)))
    attempt = attempt_of("a", seen=Observation(writes=names, changed=names))
    found.add(attempt)
    assert found.to_json(attempt) == {"wrote": [EVERYTHING]}


class Before:
    """Nobody wrote files that others read."""

    def sides(self) -> Before:
        return self

    def before(self, unit: Any, roots: Any) -> tuple[str, ...]:
        return ()


def test_who_found_one_producer_more_forgets_none_of_the_others() -> None:
    store, found = MemoryStore(), sequences_of()
    found.add(attempt_of("more", inherits=("b",)))
    found.add(attempt_of("failed"))
    fates = dict.fromkeys(("more", "failed"), Reason(reasons.INHERITED))
    left: Any = Before()
    found.keep_unstored(fates, {"more": ["a", "b"]}, left, store)
    assert read_unstored(store, "t.py") == {
        "more": {"since": True, "producers": ["b", "a"]},
        "failed": {"since": True},
    }


def test_notes_of_tests_without_a_record_may_be_anything() -> None:
    store = MemoryStore()
    assert read_unstored(store, "t.py") == {}
    for data in (b"[]", b"{", b'{"a": 1}', b"\xff"):
        store.put_note("unstored/t.py", data)
        assert read_unstored(store, "t.py") == {}
    store.put_note("unstored/t.py", b'{"a": {"producers": ["b"]}}')
    assert read_unstored(store, "t.py") == {"a": {"producers": ["b"]}}

"""What is recorded in one run, and what a later run makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cellcache.lifecycle.units import Instance
from pytest_cellcache.model.digest import digest_text
from pytest_cellcache.model.reasons import Reason

TEXT = {"t": "import a\ndef test(): a.f()\n", "a": "X = 1\ndef f(): return X\ndef g(): return 2\n"}
RAN = ("t.py::test", "a.py::f")


def recorded(bench: Any, *bodies: str, **seen: Any) -> None:
    bench.write(**TEXT)
    session = bench.open()
    fates = session.record(session.attempt(session.seen(*(bodies or RAN), **seen)))
    assert fates == {"t.py::test": None}


def test_nothing_changed(bench: Any) -> None:
    recorded(bench)
    assert bench.open().change() == "hit"


def test_a_test_that_was_never_seen(bench: Any) -> None:
    recorded(bench)
    assert bench.open().change("other") == "new"


@pytest.mark.parametrize(
    ("old", "new", "subject"),
    [
        ("return X", "return X + 1", "body a.py::f"),
        ("X = 1", "X = 2", "name a.py::X"),
        ("def f()", "def f(p=1)", "name a.py::f"),
        ("X = 1", "X = 1\nimport os\nos.umask(1)", "effects a.py"),
        ("X = 1", "(", "a.py"),
    ],
)
def test_a_change_that_it_reaches(bench: Any, old: str, new: str, subject: str) -> None:
    recorded(bench)
    bench.write(a=TEXT["a"].replace(old, new))
    verdict = bench.open().change()
    assert verdict.startswith("changed: ")
    assert subject in verdict


@pytest.mark.parametrize(
    ("old", "new"),
    [("return 2", "return 3"), ("X = 1", "# new\nX = 1\n\n"), ("def g", "def h(): pass\ndef g")],
)
def test_a_change_that_it_does_not_reach(bench: Any, old: str, new: str) -> None:
    recorded(bench)
    bench.write(a=TEXT["a"].replace(old, new))
    assert bench.open().change() == "hit"


def test_going_back_hits(bench: Any) -> None:
    recorded(bench)
    bench.write(a=TEXT["a"].replace("X = 1", "X = 2"))
    session = bench.open()
    assert session.change() == "changed: name a.py::X"
    session.record(session.attempt(session.seen(*RAN)))
    assert bench.open().change() == "hit"
    bench.write(**TEXT)
    assert bench.open().change() == "hit"


def test_what_counts_by_value(bench: Any) -> None:
    recorded(bench)
    assert bench.open().change(digest=digest_text("other")) == "item-changed"


def test_a_facet_of_the_run(bench: Any) -> None:
    recorded(bench)
    assert bench.open(python="4").change() == "changed: run python"


@pytest.mark.parametrize("kind", ["reads", "listings", "stats"])
@pytest.mark.parametrize("exists", [False, True])
def test_files_and_folders(bench: Any, kind: str, exists: bool) -> None:
    path = bench.root / "data"
    if exists and kind == "listings":
        path.mkdir()
    elif exists:
        path.write_text("1", encoding="utf-8")
    recorded(bench, **{kind: ["data"]})
    assert bench.open().change() == "hit"
    if kind == "listings":
        path.mkdir(exist_ok=True)
        (path / "x").write_text("", encoding="utf-8")
    elif kind == "stats" and exists:
        path.unlink()
    else:
        path.write_text("2", encoding="utf-8")
    name = {"reads": "file", "listings": "listing", "stats": "exists"}[kind]
    assert bench.open().change() == f"changed: {name} data"


def test_variables(bench: Any) -> None:
    recorded(bench, variables=["A", "PYTEST_X"])
    assert bench.open().change() == "hit"
    assert bench.open(environ={"B": "1", "PYTEST_X": "1"}).change() == "hit"
    assert bench.open(environ={"A": "1"}).change() == "changed: env A"


def test_a_variable_that_is_ignored_by_option(bench: Any) -> None:
    bench.write(**TEXT)
    session = bench.open(env_ignore=["MY_*"])
    session.record(session.attempt(session.seen(*RAN, variables=["MY_A"])))
    assert bench.open(environ={"MY_A": "1"}).change() == "hit"


def test_all_variables(bench: Any) -> None:
    recorded(bench, variables=["*"])
    assert bench.open(environ={"PYTEST_X": "1"}).change() == "hit"
    assert bench.open(environ={"B": "1"}).change() == "changed: env *"


def test_a_child_process_may_read_anything(bench: Any) -> None:
    recorded(bench, children=["sh"])
    assert bench.open().change() == "hit"
    (bench.root / "any.txt").write_text("", encoding="utf-8")
    assert bench.open().change() == "changed: tree"


def test_paths_that_are_ignored_by_option(bench: Any) -> None:
    bench.write(**TEXT)
    session = bench.open(ignore=["*.log"])
    session.record(session.attempt(session.seen(*RAN, reads=["x.log"])))
    (bench.root / "x.log").write_text("", encoding="utf-8")
    assert bench.open().change() == "hit"


@pytest.mark.parametrize(
    ("seen", "slug"),
    [({"gaps": ["profiler-taken"]}, "trace-gap"), ({"hosts": ["example.org"]}, "network")],
)
def test_what_cannot_be_vouched_for_is_not_kept(bench: Any, seen: Any, slug: str) -> None:
    bench.write(**TEXT)
    session = bench.open()
    fates = session.record(session.attempt(session.seen(*RAN, **seen)))
    assert fates["t.py::test"].slug == slug
    assert bench.open().change() == "new"


def test_a_failure_is_not_kept(bench: Any) -> None:
    bench.write(**TEXT)
    session = bench.open()
    reason = Reason("failed", "call")
    assert session.record(session.attempt(session.seen(*RAN), barrier=reason)) == {
        "t.py::test": reason
    }
    assert bench.open().change() == "new"


def test_a_file_that_changed_since_the_run_began_is_not_believed(bench: Any) -> None:
    bench.write(**TEXT)
    session = bench.open(later_ns=-(10**12))
    fates = session.record(session.attempt(session.seen(*RAN)))
    assert fates["t.py::test"].slug == "changed-during-run"
    recorded(bench)
    assert bench.open(later_ns=-(10**12)).change().startswith("changed: ")


def test_a_fixture_counts_with_all_it_rests_on(bench: Any) -> None:
    bench.write(**TEXT)
    session = bench.open()
    upstream = Instance("up", session.seen("a.py::g"), is_open=False)
    fixture = Instance("fix", uses={upstream}, is_open=False)
    attempt = session.attempt(session.seen(*RAN), instances=fixture.with_upstream())
    assert session.record(attempt) == {"t.py::test": None}
    bench.write(a=TEXT["a"].replace("return 2", "return 3"))
    assert bench.open().change() == "changed: body a.py::g"


def test_a_fixture_that_is_still_set_up_is_waited_for(bench: Any) -> None:
    bench.write(**TEXT)
    session = bench.open()
    fixture = Instance("fix")
    attempt = session.attempt(session.seen(*RAN), instances=[fixture])
    assert session.record(attempt, is_final=False) == {}
    fixture.is_open = False
    assert session.record(is_final=False) == {"t.py::test": None}
    assert bench.open().change() == "hit"


@pytest.mark.parametrize("state", ["is_open", "has_failed"])
def test_a_fixture_that_did_not_end_well_leaves_no_record(bench: Any, state: str) -> None:
    bench.write(**TEXT)
    session = bench.open()
    fixture = Instance("fix", is_open=False)
    setattr(fixture, state, True)
    fates = session.record(session.attempt(session.seen(*RAN), instances=[fixture]))
    assert fates["t.py::test"].subject == "fixture fix"
    assert bench.open().change() == "new"


MEMO = """
import functools
def make(): return open("data")
@functools.lru_cache
def f(): return make()
"""


def test_what_another_test_left_counts(bench: Any) -> None:
    """The first test fills the memo; the second sees neither the code nor the file."""
    bench.write(t="import a\ndef test(): a.f()\ndef test2(): a.f()\n", a=MEMO)
    session = bench.open()
    seen = session.seen("t.py::test", "a.py::f", "a.py::make", reads=["data"])
    one = session.attempt(seen, changes=[session.changed("a.py", "f")])
    two = session.attempt(session.seen("t.py::test2"), name="test2")
    session.record(one, two)
    assert bench.open().change("test2") == "hit"
    (bench.root / "data").write_text("1", encoding="utf-8")
    assert bench.open().change("test2") == "changed: file data"
    (bench.root / "data").unlink()
    bench.write(a=MEMO.replace('"data"', '"other"'))
    assert bench.open().change("test2") == "changed: body a.py::make"
    bench.write(t="import a\ndef test(): a.f(), a.f()\ndef test2(): a.f()\n", a=MEMO)
    assert bench.open().change("test2") == "hit"  # whoever filled it filled it with the same


def test_what_nobody_left_does_not_count(bench: Any) -> None:
    bench.write(t="import a\ndef test(): a.f()\ndef test2(): a.f()\n", a=MEMO)
    session = bench.open()
    seen = session.seen("t.py::test", "a.py::f", "a.py::make", reads=["data"])
    two = session.attempt(session.seen("t.py::test2"), name="test2")
    session.record(session.attempt(seen), two)
    (bench.root / "data").write_text("1", encoding="utf-8")
    bench.write(a=MEMO.replace("return open", "return 1, open"))
    assert bench.open().change("test2") == "hit"
    assert bench.open().change() != "hit"


def test_what_a_failed_test_left_counts(bench: Any) -> None:
    bench.write(t="import a\ndef test(): a.f()\ndef test2(): a.f()\n", a=MEMO)
    session = bench.open()
    seen = session.seen("t.py::test", "a.py::f", "a.py::make", reads=["data"])
    left = [session.changed("a.py", "f")]
    one = session.attempt(seen, barrier=Reason("failed"), changes=left)
    two = session.attempt(session.seen("t.py::test2"), name="test2")
    session.record(one, two)
    (bench.root / "data").write_text("1", encoding="utf-8")
    assert bench.open().change("test2") == "changed: file data"


def test_what_a_waiting_test_left_counts(bench: Any) -> None:
    bench.write(t="import a\ndef test(): a.f()\ndef test2(): a.f()\n", a=MEMO)
    session = bench.open()
    seen = session.seen("t.py::test", "a.py::f", "a.py::make", reads=["data"])
    left = [session.changed("a.py", "f")]
    one = session.attempt(seen, instances=[Instance("open")], changes=left)
    two = session.attempt(session.seen("t.py::test2"), name="test2")
    session.record(one, two, is_final=False)
    bench.write(a=MEMO.replace("return open", "return 1, open"))
    assert bench.open().change("test2") == "changed: body a.py::make"


def test_a_barrier_is_a_miss_whatever_is_stored(bench: Any) -> None:
    recorded(bench)
    assert bench.open().change(barrier=Reason("disabled")) == "disabled"


@pytest.mark.parametrize(
    "body", [{}, {"graph": 1}, {"graph": "gone", "roots": [0]}, {"roots": "x"}]
)
def test_a_damaged_record_is_a_miss(bench: Any, body: Any) -> None:
    from pytest_cellcache.model.record import Entry

    recorded(bench)
    bench.store.append("t.py", [Entry("t.py::test", 9e9, (), body)])
    assert bench.open().change() == "hit"  # the older one still holds
    bench.store.append("t.py", [Entry("t.py::other", 9e9, (), body)])
    assert bench.open().change("other").startswith("new")


def test_a_store_that_lost_the_graph_is_a_miss(bench: Any) -> None:
    recorded(bench)
    entry = bench.store.read("t.py")[0]
    bench.store.clear()
    bench.store.append("t.py", [entry])
    assert bench.open().change() == "new: its graph is missing"


def test_a_store_that_may_not_write_keeps_no_record(bench: Any) -> None:
    from pytest_cellcache.store.memory import MemoryStore

    bench.write(**TEXT)
    bench.store = MemoryStore(may_write=False)
    session = bench.open()
    fates = session.record(session.attempt(session.seen(*RAN)))
    assert fates["t.py::test"].slug == "store-unwritable"

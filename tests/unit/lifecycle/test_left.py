"""Records of tests that read what earlier tests left behind; each edit is one to the earlier."""

from __future__ import annotations

from typing import Any

import pytest

STATE = """
D = {}
L = []
MODE = 'a'
def get(k):
    if k not in D: D[k] = MODE + k
    return D[k]
def add(k): L.append(k)
def set_mode(m):
    global MODE
    MODE = m
def helper(k): return k
def work(k): return helper(k)
def remembering(f):
    memo = {}
    def inner(k):
        if k not in memo: memo[k] = f(k)
        return memo[k]
    return inner
quick = remembering(work)
"""
TESTS = "import a\ndef test(): {}\ndef test2(): {}\ndef test3(): {}\n"


class Story:
    """Three tests; what each ran and changed is told by hand."""

    def __init__(self, bench: Any, *texts: str) -> None:
        self.bench = bench
        bench.write(a=STATE, t=TESTS.format(*texts, *["pass"] * (3 - len(texts))))
        self.session = bench.open()
        self.attempts: list[Any] = []

    def ran(self, *names: str, changed: tuple[str, str, bool] | None = None) -> None:
        name = ["test", "test2", "test3"][len(self.attempts)]
        seen = self.session.seen(f"t.py::{name}", *(f"a.py::{body}" for body in names))
        changes = []
        if changed is not None:
            changes = [self.session.changed("a.py", *changed[:2], is_keyed=changed[2])]
        self.attempts.append(self.session.attempt(seen, name=name, changes=changes))

    def after(self, old: str, new: str) -> dict[str, str]:
        """Record, edit the tests or else ``a.py``, and give what then becomes of each test."""
        self.session.record(*self.attempts)
        for name in ("t", "a"):
            text = (self.bench.root / f"{name}.py").read_text(encoding="utf-8")
            if old in text:
                self.bench.write(**{name: text.replace(old, new)})
                break
        session = self.bench.open()
        return {attempt.facts.nodeid: session.change(attempt.facts.nodeid.partition("::")[2])
                for attempt in self.attempts}  # fmt: skip


def test_what_accumulates_counts_with_the_test_that_did_it(bench: Any) -> None:
    story = Story(bench, "a.add(1)", "a.L", "a.D")
    story.ran("add", changed=("L", "", False))
    story.ran()
    story.ran()
    found = story.after("a.add(1)", "a.add(2)")
    assert found == {
        "t.py::test": "changed: body t.py::test",
        "t.py::test2": "changed: body t.py::test",
        "t.py::test3": "hit",
    }


def test_who_must_run_before_is_noted(bench: Any) -> None:
    story = Story(bench, "a.add(1)", "a.L", "a.D")
    story.ran("add", changed=("L", "", False))
    story.ran()
    story.ran()
    story.session.record(*story.attempts)
    verifier = bench.open().verifier
    found = {each.facts.nodeid: (*verifier.producers_of(each.facts),) for each in story.attempts}
    assert found == {
        "t.py::test": (),
        "t.py::test2": ("t.py::test",),
        "t.py::test3": (),
    }


def test_what_is_filled_counts_without_the_test_that_did_it(bench: Any) -> None:
    story = Story(bench, "a.get('x')", "a.get('x')")
    story.ran("get", changed=("D", "x", True))
    story.ran("get")
    assert story.after("def test(): a", "def test(): 1, a")["t.py::test2"] == "hit"


@pytest.mark.parametrize("text", ["'x' in a.D", "len(a.D)", "list(a.D)", "a.D['x']"])
def test_who_reads_a_place_without_filling_it_rests_on_who_filled_it(bench: Any, text: str) -> None:
    """Whether it is filled at all is up to the earlier test."""
    story = Story(bench, "a.get('x')", text)
    story.ran("get", changed=("D", "x", True))
    story.ran()
    assert story.after("a.get('x')", "a.get('y')")["t.py::test2"] != "hit"


def test_what_filled_values_were_made_from_counts(bench: Any) -> None:
    story = Story(bench, "a.set_mode('b')", "a.get('x')", "a.D['x']")
    story.ran("set_mode", changed=("MODE", "", False))
    story.ran("get", changed=("D", "x", True))
    story.ran()
    found = story.after("set_mode('b')", "set_mode('c')")
    assert "hit" not in found.values()


@pytest.mark.parametrize("body", ["work", "helper"])
def test_what_a_closure_calls_counts_for_what_it_keeps(bench: Any, body: str) -> None:
    story = Story(bench, "a.quick('x')", "a.quick('x')")
    story.ran("inner", "work", "helper", changed=("quick", "", False))
    story.ran("inner")
    old = {"work": "return helper(k)", "helper": "return k"}[body]
    assert story.after(old, "return 2")["t.py::test2"] != "hit"

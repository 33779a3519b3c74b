"""Large projects: what an item's code cannot come by is compared later, and then told apart."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_cellcache.trace import layout
from pytest_cellcache.trace.state import StateWatch

A, B, C = (f"/watched/{name}.py" for name in "abc")


class Watched:
    """Modules in groups of their own, which import as they are told to."""

    def __init__(self) -> None:
        self.imports: dict[str, list[str] | None] = {}
        self.names: list[str] = []
        files = layout.Files(
            lambda filename: filename.startswith("/watched/"),
            lambda filename, name: False,
            lambda filename: self.imports.get(filename, []),
        )
        self.watch = StateWatch(files)

    def define(self, filename: str, **values: Any) -> Any:
        name = "grouped_" + filename.rpartition("/")[2].removesuffix(".py")
        module = types.ModuleType(name)
        vars(module).update(__file__=filename, **values)
        self.names.append(name)
        sys.modules[name] = module
        return module

    def begin(self) -> None:
        self.watch.begin()
        assert self.watch.take() == frozenset()

    def take(self, *ran: str) -> set[tuple[str, str]]:
        return told(self.watch.take(frozenset(ran)))

    def take_all(self) -> set[tuple[str, str]]:
        return told(self.watch.take())


def told(changes: Any) -> set[tuple[str, str]]:
    return {(change.filename, change.name) for change in changes}


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setattr(layout, "_FEW_MODULES", 2)
    watched = Watched()
    yield watched
    watched.watch.end()
    for name in watched.names:
        sys.modules.pop(name, None)


@pytest.fixture
def modules(watched: Watched) -> list[Any]:
    made = [watched.define(filename, L=[], N=1) for filename in (A, B, C)]
    watched.define("/watched/d.py")
    watched.begin()
    return made


def test_only_what_code_near_may_have_changed_is_compared(
    watched: Watched, modules: list[Any]
) -> None:
    first, second, _ = modules
    first.L.append(1)
    second.L.append(1)
    assert watched.take(A) == {(A, "L")}
    assert watched.take(C) == set()
    assert watched.take_all() == {(B, "L")}
    assert watched.take_all() == set()


def test_imports_are_followed(watched: Watched, modules: list[Any]) -> None:
    watched.imports = {A: [B], B: ["/elsewhere.py"]}
    modules[1].N = 2
    assert watched.take(A) == {(B, "N")}


@pytest.mark.parametrize("imports", [{A: None}, {A: [B], B: None}, {A: [B], B: [C]}])
def test_where_any_may_be_imported_or_most_are_everything_is_compared(
    watched: Watched, modules: list[Any], imports: dict[str, list[str] | None]
) -> None:
    watched.imports = imports
    modules[2].N = 2
    assert watched.take(A) == {(C, "N")}


def test_what_is_shared_is_near_for_all_who_lead_to_it(watched: Watched) -> None:
    shared: list[int] = []
    for filename, name in ((A, "mine"), (B, "theirs"), (C, "other")):
        watched.define(filename, **{name: shared if filename != C else []})
    watched.define("/watched/d.py")
    watched.begin()
    for filename in (A, B):
        shared.append(1)
        assert watched.take(filename) == {(A, "mine"), (B, "theirs")}


def test_what_is_shared_later_is_near_too(watched: Watched, modules: list[Any]) -> None:
    first, second, _ = modules
    first.L.append([])
    assert watched.take(A) == {(A, "L")}
    second.L.append(first.L[0])
    assert watched.take(B) == {(B, "L")}
    first.L[0].append(1)
    assert watched.take(B) == {(A, "L"), (B, "L")}


def test_who_may_have_made_a_late_change_is_told(watched: Watched, modules: list[Any]) -> None:
    watch = watched.watch
    watch.pass_on()
    watch.pass_on()
    watched.take(A)
    watch.pass_on()
    modules[0].N = 2  # in the time of 3; compared until the end of 2
    modules[1].N = 2  # compared at the beginning only
    watch.pass_on()
    assert watched.take_all() == {(A, "N"), (B, "N")}
    late = [(since, told(found)) for since, found in watch.take_late()]
    assert sorted(late) == [(1, {(B, "N")}), (3, {(A, "N")})]
    assert watch.take_late() == []


def test_whose_code_runs_now_has_made_a_change_itself(watched: Watched, modules: list[Any]) -> None:
    watched.watch.pass_on()
    watched.watch.pass_on()
    modules[1].N = 2
    assert watched.take(B) == {(B, "N")}
    assert watched.watch.take_late() == []


def test_what_has_changed_from_afar_is_compared_every_time(
    watched: Watched, modules: list[Any]
) -> None:
    watched.watch.pass_on()
    modules[1].N = 2
    watched.watch.pass_on()
    assert watched.take_all() == {(B, "N")}
    modules[1].N = 3
    assert watched.take(A) == {(B, "N")}


def test_an_object_that_goes_is_noticed_at_once(watched: Watched) -> None:
    kind = type("Kind", (), {"__module__": "grouped_a"})
    kept: list[Any] = [kind()]
    watched.define(A, L=kept, Kind=kind)
    for filename in (B, C, "/watched/d.py"):
        watched.define(filename)
    watched.begin()
    kept.clear()
    assert watched.take(B) == {(A, "L")}


def test_few_modules_are_compared_together(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "_FEW_MODULES", 64)
    module = watched.define(A, N=1)
    watched.define(B)
    watched.begin()
    module.N = 2
    assert watched.take(B) == {(A, "N")}

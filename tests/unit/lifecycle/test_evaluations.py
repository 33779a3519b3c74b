"""What statements of modules ran is assigned to their cells, or counts for all."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cellcache.graph.evaluated import Evaluations
from pytest_cellcache.graph.remembered import Ran
from pytest_cellcache.lifecycle.evaluations import evaluations_of
from pytest_cellcache.model.keys import BODY, Key
from pytest_cellcache.model.observation import Observation

TEXT = """\
import os
import b
X = b.f()
Y = [
    b.f(),
    1,
]
@b.deco
def f(): pass
class K:
    a = b.f()
    def test_m(self): pass
    b = 1
if X:
    import c
for n in X: b.f()
A = 1; B = 2
"""
RAN = Key(BODY, "b.py", "f")


def evaluate(bench: Any, *lines: int, file: str = "a") -> tuple[Evaluations, frozenset[Key]]:
    """Let each line run the body ``b.f``."""
    bench.write(a=TEXT, b="def f(): return [1]\ndef deco(g): return g\n", c="")
    session = bench.open()
    seen = session.seen("b.py::f")
    return evaluations_of(
        session.digester,
        {(str(bench.root / f"{file}.py"), line): seen for line in lines},
        modules=[str(bench.root / f"{file}.py")],
        imported=Ran({("b.py", "f")}),
        outside=(),
        files=["a.py", "b.py"],
        keys_of_code=session.recording.keys_of_code,
    )


def cells_of(bench: Any, *lines: int) -> dict[str, set[str]]:
    """Give what is told of each cell, by the names that it binds or its kind."""
    evaluations, _ = evaluate(bench, *lines)
    cells = bench.open().project.index("a.py").table.cells
    return {
        " ".join(cells[position].binds) or cells[position].kind: set(map(str, keys))
        for (path, position), keys in evaluations.cells.items()
    }


IT = {"body b.py::f"}


@pytest.mark.parametrize(
    ("line", "cell"),
    [
        (3, "X"),
        (4, "Y"),
        (5, "Y"),
        (7, "Y"),
        (8, "f"),
        (9, "f"),
        (10, "K"),
        (11, "K"),
        (13, "K"),
        (16, "n"),
    ],
)
def test_a_line_belongs_to_the_statement_around_it(bench: Any, line: int, cell: str) -> None:
    assert cells_of(bench, line) == {cell: IT}
    assert evaluate(bench, line)[1] == frozenset()


def test_a_line_of_a_test_method_belongs_to_its_class(bench: Any) -> None:
    assert cells_of(bench, 12) == {"K": IT}


def test_statements_on_one_line_all_count(bench: Any) -> None:
    assert cells_of(bench, 17) == {"A": IT, "B": IT}


def test_lines_of_one_statement_are_joined_and_others_are_not(bench: Any) -> None:
    assert cells_of(bench, 3, 5, 6) == {"X": IT, "Y": IT}


@pytest.mark.parametrize("line", [1, 2, 14, 15])
def test_what_an_import_runs_is_its_cell_s_too(bench: Any, line: int) -> None:
    evaluations, everywhere = evaluate(bench, line)
    assert everywhere == frozenset()
    assert list(evaluations.cells.values()) == [{RAN}]


@pytest.mark.parametrize("line", [0, 18, 999])
def test_a_line_that_no_statement_has_counts_everywhere(bench: Any, line: int) -> None:
    evaluations, everywhere = evaluate(bench, line)
    assert not evaluations.cells
    assert everywhere == {RAN}


def test_a_file_that_cannot_be_read_counts_everywhere(bench: Any) -> None:
    evaluations, everywhere = evaluate(bench, 1, file="gone")
    assert not evaluations.cells
    assert everywhere == {RAN}


def test_files_are_told_relatively(bench: Any) -> None:
    evaluations, _ = evaluate(bench, 3)
    assert evaluations.traced == {"a.py"}
    assert evaluations.files == {"a.py", "b.py"}
    assert evaluations.imported.places == {("b.py", "f")}


def test_nothing_told_nothing_counts(bench: Any) -> None:
    evaluations, everywhere = evaluate(bench)
    assert not evaluations.cells
    assert everywhere == frozenset()


def test_an_observation_of_nothing_leaves_nothing(bench: Any) -> None:
    bench.write(a=TEXT, b="", c="")
    session = bench.open()
    _, everywhere = evaluations_of(
        session.digester,
        {(str(bench.root / "a.py"), 3): Observation()},
        modules=[],
        imported=Ran(()),
        outside=(),
        files=[],
        keys_of_code=session.recording.keys_of_code,
    )
    assert everywhere == frozenset()

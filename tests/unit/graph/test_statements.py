"""What statements do, by their form."""

from __future__ import annotations

import ast

import pytest

from pytest_cellcache.graph.statements import files_in, only_reads

READING = [
    "with open(P) as f: X = f.read()",
    "with open('a.txt', 'rb') as f, open('b', mode='r') as g: X, Y = f.read(), g.read()",
    "with Path('a').open(encoding='utf-8') as f:\n  for line in f:\n    X = line",
    "try:\n  with open(P) as f: X = load(f)\nexcept OSError:\n  X = None",
]
DOING_MORE = [
    "with open(P, 'w') as f: X = 1",
    "with open(P, mode='r+') as f: X = 1",
    "with lock: X = 1",
    "with open(P) as f: REGISTER.append(f.read())",
    "with open(P) as f: D['a'] = f.read()",
    "with open(P) as S.file: X = 1",
    "with open(P) as f: exec(f.read())",
    "with open(P) as f:\n  import json",
]


@pytest.mark.parametrize("text", READING)
def test_what_only_reads_files(text: str) -> None:
    (statement,) = ast.parse(text).body
    assert only_reads(statement)
    assert set(files_in(statement)) <= {"f", "g"}
    assert files_in(statement)


@pytest.mark.parametrize("text", DOING_MORE)
def test_what_does_more(text: str) -> None:
    (statement,) = ast.parse(text).body
    assert not only_reads(statement)

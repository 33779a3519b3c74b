from __future__ import annotations

import ast

import pytest

from pytest_cellcache.graph.scan import scan
from pytest_cellcache.graph.texts import reads_excerpts, reads_lines

LINES = (
    "error.__traceback__.tb_lineno",
    "sys._getframe(1).f_lineno",
    "f.__code__.co_firstlineno",
    "traceback.format_exc()",
    "format_exc()",
    "inspect.stack()[1][2]",
    "info.traceback[-1].lineno",
)


@pytest.mark.parametrize("text", LINES)
def test_code_that_reads_line_numbers(text: str) -> None:
    assert reads_lines(scan(ast.parse(text).body))


@pytest.mark.parametrize(
    "text", ["inspect.stack(3)", "inspect.getframeinfo(frame)", "code.co_lines()"]
)
def test_code_that_reads_more_than_where_something_runs(text: str) -> None:
    found = scan(ast.parse(text).body)
    assert reads_excerpts(found)
    assert reads_lines(found)


def test_where_something_runs_is_no_excerpt() -> None:
    assert not reads_excerpts(scan(ast.parse("error.__traceback__.tb_lineno").body))


def test_line_numbers_of_a_text_that_the_project_parses_are_not_its_own() -> None:
    assert not reads_lines(scan(ast.parse("node.lineno + 1").body))

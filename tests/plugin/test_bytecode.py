"""Asserts of modules whose source was rewritten in an earlier run are not rewritten again."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.assertion import rewrite

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugin.conftest import Ran, Suite

TEST = """
    import lib

    def test_a():
        got = lib.one()
        assert got == 1

    class TestIt:
        def test_b(self):
            assert [lib.one() for _ in "x"] == [1], "said"
"""


@pytest.fixture
def rewritten(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the modules that pytest really rewrites."""
    names: list[str] = []
    real: Any = rewrite.rewrite_asserts

    def counted(mod: Any, source: bytes, module_path: str, config: Any) -> None:
        names.append(Path(module_path).name)
        real(mod, source, module_path, config)

    monkeypatch.setattr(rewrite, "rewrite_asserts", counted)
    return names


@pytest.fixture
def kept(suite: Suite, rewritten: list[str]) -> Suite:
    suite.write("lib.py", "def one(): return 1\n")
    suite.write("test_a.py", TEST)
    suite.cached()
    assert rewritten == ["test_a.py"]
    rewritten.clear()
    return suite


def fail(suite: Suite) -> tuple[Ran, Ran]:
    """Let the tests run and fail."""
    suite.edit("lib.py", "return 1", "return 2")
    return suite.cached(), suite.plain()


def test_what_runs_again_is_not_rewritten_again(kept: Suite, rewritten: list[str]) -> None:
    cached = kept.cached("--cell-cache-mode=refresh")
    assert cached.names == ["test_a", "TestIt::test_b"]
    assert rewritten == []


def test_failures_show_the_same_values_and_lines(kept: Suite, rewritten: list[str]) -> None:
    cached, plain = fail(kept)
    assert rewritten == ["test_a.py"]  # by the plain run
    assert cached.outcomes == plain.outcomes
    texts = [re.sub("0x[0-9a-f]+", "0x", ran.text) for ran in (plain, cached)]
    shown = texts[0].partition("= FAILURES =")[2].partition("= short test summary")[0].rstrip("=")
    assert "assert 2 == 1" in shown
    assert "test_a.py:6: AssertionError" in shown
    assert shown in texts[1]


def test_an_edited_module_is_rewritten(kept: Suite, rewritten: list[str]) -> None:
    kept.edit("test_a.py", "got == 1", "got == 3")
    assert "assert 1 == 3" in kept.cached().text
    assert rewritten == ["test_a.py"]
    kept.edit("test_a.py", "got == 3", "got == 1")
    rewritten.clear()
    assert kept.cached("--cell-cache-mode=refresh").code == 0
    assert rewritten == []


def test_it_serves_in_another_checkout(
    kept: Suite, rewritten: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = kept.path.parent / f"{kept.path.name}-other"
    shutil.copytree(kept.path, other)
    lib = other / "lib.py"
    lib.write_text(lib.read_text().replace("return 1", "return 2"))
    monkeypatch.chdir(other)
    result = kept.pytester.runpytest_inprocess(*kept.load, "--cell-cache", f"--rootdir={other}")
    assert rewritten == []
    text = result.stdout.str()
    assert "assert 2 == 1" in text
    assert f"{other}{os.sep}test_a.py" in text or "test_a.py:6: AssertionError" in text


@pytest.mark.parametrize("how", [(), ("-W", "error")], ids=["shown", "an error"])
def test_what_warns_warns_in_each_run(
    suite: Suite, rewritten: list[str], how: tuple[str, ...]
) -> None:
    suite.write("lib.py", "def one(): return 1\n")
    suite.write("test_a.py", TEST)
    suite.write("test_b.py", "def test_b(): assert (1, 'always true')\n")
    first, plain = suite.cached(*how), suite.plain(*how)
    again = suite.cached("--cell-cache-mode=refresh", *how)
    assert first.code == again.code == plain.code
    assert first.outcomes == again.outcomes == plain.outcomes
    for ran in (first, again, plain):
        assert "assertion is always true" in ran.text
    # To find out takes once more, in the first run only.
    assert rewritten.count("test_b.py") == 2 + 1 + 1


@pytest.mark.parametrize("how", [(), ("-W", "error")], ids=["shown", "an error"])
def test_warnings_of_the_compiler_are_kept(
    suite: Suite, rewritten: list[str], how: tuple[str, ...]
) -> None:
    suite.write("lib.py", "def one(): return 1\n")
    suite.write("test_a.py", TEST)
    suite.write("test_b.py", "def test_b():\n    assert '\\d' == chr(92) + 'd'\n")
    suite.cached()
    plain = suite.plain(*how)
    rewritten.clear()
    again = suite.cached("--cell-cache-mode=refresh", *how)
    assert again.code == plain.code == (2 if how else 0)
    assert again.outcomes == plain.outcomes
    for ran in (again, plain):
        assert "invalid escape sequence" in ran.text
        assert ran.text.count("test_b.py:2: ") == plain.text.count("test_b.py:2: ")
    assert rewritten == []


def replace_notes(store: Path, change: Callable[[Path], None]) -> None:
    for path in store.glob("v*/notes/*"):
        change(path)


def test_a_damaged_one_is_made_again(kept: Suite, rewritten: list[str]) -> None:
    def damage(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)

    replace_notes(kept.store, damage)
    ran = kept.cached("--cell-cache-mode=refresh")
    assert ran.code == 0
    assert rewritten == ["test_a.py"]
    assert [w["slug"] for w in ran.report["warnings"]] == ["store-corrupt"]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owners here")
@pytest.mark.parametrize("where", ["file", "folder"])
def test_what_others_could_have_written_is_not_run(
    kept: Suite, rewritten: list[str], where: str
) -> None:
    if where == "file":
        replace_notes(kept.store, lambda path: path.chmod(0o622))
    else:
        for folder in kept.store.glob("v*/notes"):
            folder.chmod(0o777)
    ran = kept.cached("--cell-cache-mode=refresh")
    assert ran.code == 0
    assert rewritten == ["test_a.py"]
    assert [w["slug"] for w in ran.report["warnings"]] == ["store-foreign"]


def test_reading_mode_keeps_nothing(suite: Suite, rewritten: list[str]) -> None:
    suite.write("lib.py", "def one(): return 1\n")
    suite.write("test_a.py", TEST)
    suite.cached("--cell-cache-mode=read")
    suite.cached("--cell-cache-mode=read")
    assert rewritten == ["test_a.py"] * 2
    assert not list(suite.store.glob("v*/notes/*"))


def test_hooks_of_assertions_that_pass_are_called(suite: Suite, rewritten: list[str]) -> None:
    suite.write("pytest.ini", "[pytest]\nenable_assertion_pass_hook = true\n")
    suite.write("conftest.py", "def pytest_assertion_pass(lineno): print('passed', lineno)\n")
    suite.write("test_a.py", "def test_a():\n    assert 1\n")
    for _ in range(2):
        assert "passed 2" in suite.cached("-rP", "--cell-cache-mode=refresh").text
    assert rewritten.count("test_a.py") == 2


@pytest.mark.parametrize("name", ["_read_pyc", "_rewrite_test"])
def test_functions_of_another_shape_are_left_alone(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    real: Any = getattr(rewrite, name)
    monkeypatch.setattr(rewrite, name, lambda *args: real(*args))
    suite.write("lib.py", "def one(): return 1\n")
    suite.write("test_a.py", TEST)
    suite.warm()


def test_everything_is_put_back(kept: Suite) -> None:
    before = rewrite._read_pyc, rewrite._rewrite_test
    kept.cached()
    assert (rewrite._read_pyc, rewrite._rewrite_test) == before

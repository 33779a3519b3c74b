"""Promise 5: a failure of ours is a miss and one warning; the run goes on as a plain one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

SUITE = """
    import pytest

    @pytest.fixture(scope="module")
    def shared():
        yield 1

    def test_a(shared): pass
    def test_b(shared): assert 0
    def test_c(): pytest.skip("so")
"""

OURS = [
    "lifecycle.verify:Verifier.judge",
    "lifecycle.record:Recording.add",
    "lifecycle.record:Recording.write",
    "sources.snapshot:Snapshot.digest_file",
    "store.directory:DirectoryStore.read",
    "store.directory:DirectoryStore.append",
    "store.directory:DirectoryStore.get_note",
    "store.directory:DirectoryStore.compact",
    "trace.recorder:Recorder.open_unit",
    "trace.recorder:Recorder.close_unit",
    "trace.recorder:Recorder.base_unit",
    "hooks.run:Run.verdict_of",
    "hooks.run:Run.reports_of",
    "hooks.run:Run.replayed",
    "hooks.run:Run.ran",
    "hooks.fixtures:FixtureWatch.used_by",
    "hooks.fixtures:FixtureWatch._upstream",
]


@pytest.mark.parametrize("place", OURS)
def test_whatever_of_ours_raises(suite: Suite, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    import importlib

    monkeypatch.delenv("PYTEST_CELLCACHE_DEBUG")
    suite.write("test_x.py", SUITE)
    plain = suite.plain()
    suite.cached()

    def fail(*args: object, **options: object) -> None:
        raise ZeroDivisionError("of ours")

    module, _, names = place.partition(":")
    kind, _, name = names.partition(".")
    owner = getattr(importlib.import_module(f"pytest_cellcache.{module}"), kind)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, fail)
        for _ in range(2):
            suite.edit("test_x.py", "def test_c(): ", "def test_c():  ")
            ran = suite.cached()
            assert ran.outcomes == plain.outcomes
            assert ran.code == plain.code
            slugs = [warning["slug"] for warning in ran.report.get("warnings", ())]
            assert slugs in ([], ["internal-error"])
    assert suite.both().code == 1


def test_a_failure_in_the_summary_is_no_failure(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytest_cellcache.hooks import terminal

    monkeypatch.delenv("PYTEST_CELLCACHE_DEBUG")
    suite.write("test_x.py", SUITE)
    plain = suite.plain()

    def fail(*args: object, **options: object) -> None:
        raise ZeroDivisionError("of ours")

    for name in ("summary_lines", "render_json", "header_line"):
        with monkeypatch.context() as patch:
            patch.setattr(terminal, name, fail)
            ran = suite.cached()
            assert ran.outcomes == plain.outcomes
            assert ran.code == plain.code
            assert "INTERNALERROR" not in ran.text

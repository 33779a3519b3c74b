"""Promise 1: whatever cannot be proved unchanged runs for real."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite


@pytest.mark.parametrize("way", ["-p", "PYTEST_PLUGINS"])
def test_what_an_early_plugin_did_before_tracing_counts(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    suite.write("lib.py", "def one():\n    return 1\n")
    suite.write("early.py", "import lib\nVALUE = lib.one()\n")
    suite.write("test_a.py", "import early\ndef test_a(): assert early.VALUE == 1\n")
    monkeypatch.syspath_prepend(suite.path)
    args = ("-p", "early") if way == "-p" else ()
    if way != "-p":
        monkeypatch.setenv("PYTEST_PLUGINS", "early")
    suite.both(*args)
    suite.edit("lib.py", "return 1", "return 2")
    again = suite.both(*args)
    assert set(again.names) == {"test_a"}
    assert again.code == 1


def test_items_of_unknown_kinds_always_run(suite: Suite) -> None:
    suite.write(
        "conftest.py",
        """
        import pytest

        class Item(pytest.Item):
            def runtest(self):
                assert self.path.read_text() == "fine"

        class File(pytest.File):
            def collect(self):
                yield Item.from_parent(self, name="item")

        def pytest_collect_file(file_path, parent):
            if file_path.suffix == ".mine":
                return File.from_parent(parent, path=file_path)
        """,
    )
    suite.write("a.mine", "fine")
    suite.write("test_a.py", "def test_a(): pass\n")
    suite.both()
    again = suite.both()
    assert again.names == ["item"]
    assert again.decisions["a.mine::item"]["reason"]["slug"] == "unsupported-item"


def test_what_the_tracer_cannot_see_is_not_stored(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import threading

        STOP = threading.Event()

        def test_leaves_a_thread():
            threading.Thread(target=STOP.wait, daemon=True).start()

        def test_ends_it():
            STOP.set()
        """,
    )
    suite.both()
    again = suite.both()
    assert "test_leaves_a_thread" in again.names
    assert again.decisions["test_a.py::test_leaves_a_thread"]["unstored"]["slug"] == "trace-gap"


def test_a_function_that_nobody_saw_running_is_not_stored(suite: Suite) -> None:
    suite.write("conftest.py", "def pytest_pyfunc_call(pyfuncitem): return True\n")
    suite.write("test_a.py", "def test_a(): assert 0\n")
    suite.both()
    again = suite.both()
    assert again.names == ["test_a"]
    assert again.decisions["test_a.py::test_a"]["unstored"]["slug"] == "untraced"


def test_who_asks_another_machine_always_runs(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import contextlib
        import socket

        def test_far():
            # Of datagrams: nothing is sent.
            with contextlib.suppress(OSError), socket.socket(type=socket.SOCK_DGRAM) as far:
                far.connect(("192.0.2.1", 9))

        def test_near(): pass
        """,
    )
    suite.both()
    assert suite.both().names == ["test_far"]


def test_what_a_child_process_read_may_be_any_file(suite: Suite) -> None:
    suite.write("docs/unrelated.txt", "1")
    suite.write(
        "test_a.py",
        """
        import subprocess

        def test_child(): subprocess.run(["true"], check=True)
        def test_alone(): pass
        """,
    )
    assert suite.warm().live == []
    suite.write("docs/unrelated.txt", "2")
    assert suite.both().names == ["test_child"]


def test_what_the_run_is_made_of_counts_for_all(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = suite.path / "packages"
    packages.mkdir()
    monkeypatch.syspath_prepend(packages)
    suite.write("test_a.py", "def test_a(): pass\n")
    suite.warm()
    (packages / "something-1.0.dist-info").mkdir()
    assert suite.both().names == [], "a distribution that nothing reaches"
    monkeypatch.setenv("TZ", "UTC+7")
    assert suite.both().names == ["test_a"], "the interpreter's surroundings"
    assert suite.both("-p", "no:logging").names == ["test_a"], "a plugin"
    assert suite.both("-o", "xfail_strict=true").names == ["test_a"], "an ini value"
    assert suite.both().names == []


def test_a_record_whose_footprint_is_lost_proves_nothing(suite: Suite) -> None:
    suite.write("test_a.py", "def test_a(): pass\n")
    suite.warm()
    for blob in suite.store.glob("v*/blobs/*"):
        blob.unlink()
    assert suite.both().names == ["test_a"]
    assert suite.both().names == []


def test_options_environment_and_data_count(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    suite.write("conftest.py", "def pytest_addoption(parser): parser.addoption('--mine')\n")
    suite.write("data/x.txt", "1")
    suite.write(
        "test_a.py",
        """
        import os
        from pathlib import Path

        HERE = Path(__file__).parent

        def test_option(request): assert request.config.getoption("--mine") is None
        def test_variable(): assert os.environ.get("MINE") is None
        def test_data(): assert (HERE / "data" / "x.txt").read_text() == "1"
        def test_listing(): assert os.listdir(HERE / "data") == ["x.txt"]
        def test_absent(): assert not (HERE / "absent.txt").exists()
        def test_alone(): pass
        """,
    )
    assert suite.warm().live == []
    suite.write("data/x.txt", "2")
    assert suite.both().decisions["test_a.py::test_data"]["outcome"] == "failed"
    suite.write("data/x.txt", "1")
    suite.write("data/y.txt", "1")
    again = suite.both()
    assert again.decisions["test_a.py::test_listing"]["outcome"] == "failed"
    assert again.report["totals"]["ran"] == 1
    (suite.path / "data" / "y.txt").unlink()
    assert suite.both().live == []
    suite.write("absent.txt", "")
    again = suite.both()
    assert again.decisions["test_a.py::test_absent"]["outcome"] == "failed"
    assert again.report["totals"]["ran"] == 1
    (suite.path / "absent.txt").unlink()
    monkeypatch.setenv("MINE", "now")
    again = suite.both()
    assert again.decisions["test_a.py::test_variable"]["outcome"] == "failed"
    assert again.report["totals"]["ran"] == 1
    monkeypatch.delenv("MINE")
    assert suite.both("--mine=1").decisions["test_a.py::test_option"]["outcome"] == "failed"
    assert suite.both().live == []

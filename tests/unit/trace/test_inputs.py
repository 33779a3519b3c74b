"""Which inputs and effects the audit events and shims give a unit."""

from __future__ import annotations

import contextlib
import ctypes
import glob
import importlib
import linecache
import multiprocessing
import os
import pickle
import pkgutil
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_cellcache.model.observation import SEARCH, UNKNOWN, Observation
from pytest_cellcache.sources.history import Ignored
from pytest_cellcache.trace import shims
from pytest_cellcache.trace.recorder import Recorder, make_recorder


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with make_recorder("auto", lambda filename: False) as recorder:
        yield recorder


@pytest.fixture
def watch(recorder: Recorder) -> Callable[[Callable[[], Any]], Observation]:
    def watch(action: Callable[[], Any]) -> Observation:
        recorder.open_unit()
        try:
            with contextlib.suppress(OSError):
                action()
        finally:
            observation = recorder.close_unit()
        assert not observation.gaps
        return observation

    return watch


Watch = Callable[[Callable[[], Any]], Observation]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data.txt"
    path.write_text("x")
    return path


READS: list[Callable[[Path], Any]] = [
    lambda path: path.read_text(),
    lambda path: open(path, "rb").close(),
    lambda path: open(os.fsencode(path)).close(),
    lambda path: os.close(os.open(path, os.O_RDONLY)),
    lambda path: linecache.updatecache(str(path)),
    lambda path: shutil.copyfile(path, path.parent / "copy"),
    lambda path: open(path, "r+").close(),
    lambda path: open(path, "a").close(),
    lambda path: os.rename(path, path.parent / "new"),
    lambda path: ctypes.CDLL(str(path)),
]


@pytest.mark.parametrize("action", READS)
def test_reads(watch: Watch, file: Path, action: Callable[[Path], Any]) -> None:
    assert watch(lambda: action(file)).reads == {str(file)}


@pytest.mark.parametrize("name", ["{}", "file:{}?mode=ro"])
def test_a_database_is_read_with_what_is_not_in_it_yet(watch: Watch, file: Path, name: str) -> None:
    seen = watch(lambda: sqlite3.connect(name.format(file), uri=":" in name).close())
    assert seen.reads == {str(file), f"{file}-wal", f"{file}-journal"}
    assert seen.absent == {f"{file}-wal", f"{file}-journal"}


def test_what_is_only_touched_is_not_changed(watch: Watch, file: Path) -> None:
    os.utime(file, (1e9, 1e9))

    def rewrite() -> None:
        content = file.read_text()
        file.write_text("another")
        file.write_text(content)

    for action in (lambda: os.utime(file), rewrite):
        seen = watch(action)
        assert not seen.changed
        assert {touched.path for touched in seen.touched} == {str(file)}
    assert watch(lambda: file.write_text("another")).changed == {str(file)}
    assert watch(lambda: file.chmod(0o600)).changed == {str(file)}


def test_what_is_written_without_a_look_at_it_may_be_changed(watch: Watch, file: Path) -> None:
    os.utime(file, (1e9, 1e9))
    seen = watch(lambda: file.write_text("x"))
    assert seen.changed == {str(file)}
    assert {touched.path for touched in seen.touched} == {str(file)}


def test_relative_paths_count_from_where_we_are(
    watch: Watch, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    assert watch(lambda: open("./data.txt").close()).reads == {str(file)}
    assert watch(lambda: os.stat("data.txt")).stats == {str(file)}
    assert watch(os.listdir).listings == {str(file.parent)}


def test_dots_lead_through_links(watch: Watch, tmp_path: Path) -> None:
    deep = tmp_path / "a" / "deep"
    deep.mkdir(parents=True)
    (tmp_path / "a" / "x").write_text("")
    (tmp_path / "link").symlink_to(deep)
    assert watch(lambda: open(f"{tmp_path}/link/../x").close()).reads == {str(tmp_path / "a" / "x")}


def test_an_absent_file_is_a_read(watch: Watch, tmp_path: Path) -> None:
    assert watch((tmp_path / "no").read_text).reads == {str(tmp_path / "no")}


def test_paths_relative_to_a_descriptor(watch: Watch, file: Path) -> None:
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        seen = watch(lambda: os.close(os.open("data.txt", os.O_RDONLY, dir_fd=folder)))
        assert str(file) in seen.reads
        assert watch(lambda: os.stat("data.txt", dir_fd=folder)).stats == {str(file)}
        assert watch(lambda: os.listdir(folder)).listings == {str(file.parent)}
    finally:
        os.close(folder)


WRITES: list[Callable[[Path], Any]] = [
    lambda path: path.write_text("new"),
    lambda path: open(path, "a").close(),
    lambda path: open(path, "r+").close(),
    lambda path: os.close(os.open(path, os.O_WRONLY)),
    lambda path: path.unlink(),
    lambda path: path.rename(path.parent / "new"),
    lambda path: path.chmod(0o600),
    lambda path: os.utime(path),
    lambda path: os.truncate(path, 0),
    lambda path: sqlite3.connect(path).close(),
]


@pytest.mark.parametrize("action", WRITES)
def test_writes(watch: Watch, file: Path, action: Callable[[Path], Any]) -> None:
    assert str(file) in watch(lambda: action(file)).writes


CREATIONS: list[Callable[[Path], Any]] = [
    lambda path: path.mkdir(),
    lambda path: path.symlink_to("data.txt"),
    lambda path: os.link(path.parent / "data.txt", path),
    lambda path: path.touch(),
    lambda path: os.replace(path.parent / "data.txt", path),
    lambda path: shutil.copytree(path.parent, path),
    lambda path: shutil.copy(path.parent / "data.txt", path),
]


@pytest.mark.parametrize("action", CREATIONS)
def test_creations(watch: Watch, file: Path, action: Callable[[Path], Any]) -> None:
    new = file.parent / "new"
    assert str(new) in watch(lambda: action(new)).writes


def test_what_the_unit_made_is_no_input(watch: Watch, tmp_path: Path) -> None:
    def action() -> None:
        folder = tmp_path / "made"
        folder.mkdir()
        (folder / "x").write_text("")
        (folder / "x").read_text()
        os.listdir(folder)
        (folder / "sub" / "absent").exists()
        (tmp_path / "y").write_text("")
        (tmp_path / "y").read_text()

    seen = watch(action)
    assert seen.reads == seen.listings == frozenset()
    assert str(tmp_path / "made" / "sub" / "absent") not in seen.stats


CLAIMS: list[Callable[[Path], Any]] = [
    lambda path: path.parent.mkdir(exist_ok=True),
    lambda path: open(path, "x").close(),
    lambda path: path.chmod(0o600),
    lambda path: path.touch(),
    lambda path: os.utime(path),
    lambda path: path.read_text() and path.write_text("new"),
]


@pytest.mark.parametrize("claim", CLAIMS)
def test_what_was_there_before_stays_an_input(
    watch: Watch, file: Path, claim: Callable[[Path], Any]
) -> None:
    def action() -> None:
        with contextlib.suppress(FileExistsError):
            claim(file)
        file.read_text()

    assert watch(action).reads == {str(file)}


def test_a_listing_of_a_directory_that_was_there(watch: Watch, file: Path) -> None:
    def action() -> None:
        file.parent.mkdir(exist_ok=True)
        list(file.parent.iterdir())

    assert watch(action).listings == {str(file.parent)}


LISTINGS: list[Callable[[Path], Any]] = [
    os.listdir,
    lambda path: list(os.scandir(path)),
    lambda path: list(path.iterdir()),
    lambda path: list(path.glob("*")),
    lambda path: glob.glob(f"{path}/*"),
    lambda path: list(os.walk(path)),
]


@pytest.mark.parametrize("action", LISTINGS)
def test_listings(watch: Watch, tmp_path: Path, action: Callable[[Path], Any]) -> None:
    assert watch(lambda: action(tmp_path)).listings == {str(tmp_path)}


STATS: list[Callable[[Path], Any]] = [
    lambda path: os.stat(path),
    lambda path: os.lstat(path),
    lambda path: os.readlink(path),
    os.path.exists,
    os.path.lexists,
    os.path.isfile,
    os.path.isdir,
    os.path.islink,
    os.path.getmtime,
    os.path.getsize,
    os.path.realpath,
    lambda path: os.access(path, os.R_OK),
    lambda path: os.stat(path=path),
    Path.exists,
    Path.is_file,
    Path.is_dir,
    Path.is_symlink,
    Path.stat,
    Path.lstat,
    Path.resolve,
    lambda path: list(path.parent.glob("absent")),
    lambda path: glob.glob(str(path)),
    lambda path: shutil.which("absent", path=str(path.parent)),
]


@pytest.mark.parametrize("action", STATS)
def test_stats(watch: Watch, tmp_path: Path, action: Callable[[Path], Any]) -> None:
    seen = watch(lambda: action(tmp_path / "absent"))
    # Path.glob of a plain name asks or lists, depending on the version of Python.
    assert str(tmp_path / "absent") in seen.stats or str(tmp_path) in seen.listings


def test_installed_and_kernel_files_do_not_count(watch: Watch) -> None:
    def action() -> None:
        open(pytest.__file__).close()
        open(os.__file__).close()
        open(os.devnull).close()
        os.stat(sys.executable.replace("bin", "lib/python9/site-packages"))

    assert watch(action) == Observation()


def test_imports_are_noise_but_data_of_packages_is_not(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "pkg_of_test_inputs"
    package.mkdir()
    (package / "__init__.py").write_text("import os\n")
    (package / "data").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    seen = watch(lambda: importlib.import_module(package.name))
    assert seen == Observation(imports=frozenset({package.name}), around=frozenset({SEARCH}))
    seen = watch(lambda: pkgutil.get_data(package.name, "data"))
    assert seen.reads == {str(package / "data")}
    del sys.modules[package.name]


def test_pytest_itself_is_noise(watch: Watch, request: pytest.FixtureRequest) -> None:
    def action() -> None:
        request.getfixturevalue("tmp_path")
        request.getfixturevalue("capfd")

    seen = watch(action)
    assert seen == Observation(hosts=seen.hosts)


def test_the_legacy_path_acts_for_the_test(watch: Watch, file: Path) -> None:
    local: Any = pytest.importorskip("py").path.local
    assert watch(lambda: local(file).read()).reads == {str(file)}


def test_temporary_files_are_only_written(watch: Watch) -> None:
    tempfile.gettempdir()

    def action() -> None:
        with tempfile.NamedTemporaryFile("w+") as stream:
            stream.write("x")
            Path(stream.name).read_text()
        with tempfile.TemporaryDirectory() as folder:
            os.listdir(folder)

    seen = watch(action)
    assert seen.writes
    assert seen.reads == seen.listings == frozenset()


def test_children(watch: Watch) -> None:
    def python() -> None:
        subprocess.run([sys.executable, "-c", ""], check=True)

    assert watch(python).children == {sys.executable}
    assert watch(lambda: os.system("true 1 2")).children == {"true"}


def test_what_we_ask_git_ourselves_is_noise(watch: Watch, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("out\n")
    (tmp_path / "out").touch()
    found = []
    seen = watch(lambda: found.append(Ignored(str(tmp_path)).is_output("out")))
    assert found == [True]
    assert seen == Observation(hosts=seen.hosts)


def test_who_started_a_child_or_read_all_variables_is_known_unless_another_thread_did(
    tmp_path: Path,
) -> None:
    def start() -> None:
        os.system("true")

    def ask() -> None:
        start()

    def copy_variables() -> None:
        dict(os.environ)

    def start_apart() -> None:
        thread = threading.Thread(target=start)
        thread.start()
        thread.join()

    with make_recorder("auto", lambda filename: filename == __file__) as recorder:
        found = []
        for action in (ask, start_apart, tmp_path.exists, copy_variables):
            recorder.open_unit()
            action()
            found.append({code.name for code in recorder.close_unit().on_stack})
    assert found[0] >= {"start", "ask"}
    assert found[1:3] == [{UNKNOWN.name}, set()]
    assert "copy_variables" in found[3]


def test_children_of_multiprocessing(watch: Watch) -> None:
    from multiprocessing import util

    def action() -> None:
        util.spawnv_passfds(os.fsencode(sys.executable), [sys.executable, "-c", ""], [])
        os.wait()

    assert watch(action).children == {sys.executable}
    assert multiprocessing is not None


def test_hosts(watch: Watch, tmp_path: Path) -> None:
    def connect(family: int, address: Any, kind: int = socket.SOCK_DGRAM) -> None:
        with socket.socket(family, kind) as sock:
            sock.connect(address)

    assert watch(lambda: connect(socket.AF_INET, ("192.0.2.1", 9))).hosts == {"192.0.2.1"}
    assert not watch(lambda: connect(socket.AF_INET, ("127.0.0.1", 9))).hosts
    assert not watch(lambda: connect(socket.AF_UNIX, str(tmp_path / "s"))).hosts
    assert not watch(lambda: socket.getaddrinfo("localhost", 80)).hosts
    assert not watch(lambda: socket.getaddrinfo(None, 80)).hosts
    assert watch(lambda: socket.getaddrinfo("192.0.2.7", 80)).hosts == {"192.0.2.7"}


@pytest.mark.parametrize("change", [str.lower, str.upper])
def test_this_machine_is_no_other_machine(watch: Watch, change: Callable[[str], str]) -> None:
    def look_up() -> None:
        with contextlib.suppress(OSError):  # it may know no address of itself
            socket.getaddrinfo(change(os.uname().nodename), 80)

    assert not watch(look_up).hosts


def test_a_lost_current_directory_is_a_gap(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "lost"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    recorder.open_unit()
    with contextlib.suppress(OSError):
        open("x").close()
    assert recorder.close_unit().gaps == {"cwd-lost"}


def test_trouble_stays_with_us(recorder: Recorder) -> None:
    class Odd:
        def __fspath__(self) -> str:
            raise LookupError("mine")

    recorder.open_unit()
    with pytest.raises(LookupError, match="mine"):
        os.stat(Odd())
    with pytest.raises(TypeError):
        os.stat()  # type: ignore[call-arg]
    assert recorder.close_unit().gaps == {"trace-trouble"}


def test_shims_pass_for_the_real_functions(recorder: Recorder, file: Path) -> None:
    keeper: Any = type("Keeper", (), {"stat": os.stat})()

    assert isinstance(os.stat, shims.Shim)
    assert keeper.stat(file).st_size == 1
    assert pickle.loads(pickle.dumps(os.stat)) is os.stat
    assert os.stat in os.supports_dir_fd
    assert os.stat in os.supports_fd
    assert os.access in os.supports_effective_ids
    assert shutil.rmtree.avoids_symlink_attacks
    recorder.stop()
    assert keeper.stat(file).st_size == 1

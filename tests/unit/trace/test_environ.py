"""Which looks at the environment are inputs of a unit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest

from pytest_cellcache.model.observation import ALL_VARIABLES
from pytest_cellcache.trace.recorder import Recorder, make_recorder

NAME = "CELLCACHE_PROBE"


@pytest.fixture(autouse=True)
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    monkeypatch.setenv(NAME, "value")
    with make_recorder("auto", lambda filename: False) as recorder:
        recorder.open_unit()
        yield recorder


def variables(recorder: Recorder) -> frozenset[str]:
    observation = recorder.close_unit()
    recorder.open_unit()
    assert not observation.gaps
    return observation.variables


LOOKS: list[Callable[[], Any]] = [
    lambda: os.environ[NAME],
    lambda: os.environ.get(NAME),
    lambda: os.getenv(NAME),
    lambda: NAME in os.environ,
    lambda: os.environ.setdefault(NAME, "x"),
    lambda: os.environ.pop(NAME),
    lambda: os.environ.__delitem__(NAME),
    lambda: os.path.expandvars(f"${NAME}"),
    lambda: os.environb[NAME.encode()],
    lambda: os.getenvb(NAME.encode()),
]


@pytest.mark.parametrize("look", LOOKS)
def test_looks(recorder: Recorder, look: Callable[[], Any]) -> None:
    look()
    assert variables(recorder) == {NAME}


def test_an_unset_variable_counts(recorder: Recorder) -> None:
    assert os.getenv("CELLCACHE_UNSET") is None
    with pytest.raises(KeyError):
        os.environ["CELLCACHE_UNSET"]
    assert variables(recorder) == {"CELLCACHE_UNSET"}


WHOLES: list[Callable[[], Any]] = [
    lambda: dict(os.environ),
    lambda: os.environ.copy(),
    lambda: list(os.environ),
    lambda: os.environ.items().__iter__().__next__(),
    lambda: len(os.environ),
    lambda: repr(os.environ),
]


@pytest.mark.parametrize("look", WHOLES)
def test_looks_at_everything(recorder: Recorder, look: Callable[[], Any]) -> None:
    look()
    assert ALL_VARIABLES in variables(recorder)


def test_setting_is_no_look(recorder: Recorder) -> None:
    os.environ[NAME] = "mine"
    os.environ.update({NAME: "still mine"})
    assert os.environ[NAME] == "still mine"
    assert variables(recorder) == frozenset()
    assert os.environ[NAME]  # in another unit
    assert variables(recorder) == {NAME}


def test_what_was_put_back_is_an_input_again(recorder: Recorder) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(NAME, "mine")
        assert os.environ[NAME] == "mine"
    assert variables(recorder) == frozenset()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(NAME, "mine")
    assert os.environ[NAME] == "value"
    assert variables(recorder) == {NAME}


def test_who_removes_a_variable_if_there_is_one_knows_it(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (NAME, "X_NEVER_SET"):
        recorder.open_unit()
        monkeypatch.delenv(name, raising=False)
        assert name not in os.environ
        monkeypatch.undo()
        assert not recorder.close_unit().variables


def test_delenv_may_fail_and_so_is_a_look(recorder: Recorder) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(NAME)
    assert variables(recorder) == {NAME}


def test_mock_patch_dict_is_no_look(recorder: Recorder) -> None:
    with mock.patch.dict(os.environ, {NAME: "mine"}, clear=True):
        assert os.environ[NAME] == "mine"
        assert "PATH" not in os.environ
    assert variables(recorder) == frozenset()
    assert os.environ[NAME] == "value"
    assert variables(recorder) == {NAME}


def test_pytests_own_variable_does_not_count(recorder: Recorder) -> None:
    assert os.environ.get("PYTEST_CURRENT_TEST")
    assert variables(recorder) == frozenset()


def test_the_environment_still_is_what_it_was(recorder: Recorder) -> None:
    assert type(os.environ).__name__ == "_Environ"
    with pytest.raises(TypeError):
        os.environ[1]  # type: ignore[index]
    os.environ[NAME] = "inherited"
    code = f"import os; print(os.environ[{NAME!r}])"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert child.stdout.split() == [b"inherited"]
    recorder.stop()
    assert type(os.environ) is os._Environ


def test_a_key_of_the_wrong_type_is_no_trouble(recorder: Recorder) -> None:
    os.get_exec_path()  # on the way to a child process: asks for bytes, too
    for environment, key in ((os.environ, b"PATH"), (os.environb, "PATH"), (os.environ, 1)):
        with pytest.raises(TypeError):
            environment[key]  # type: ignore[index]
        with pytest.raises(TypeError):
            environment[key] = "x"  # type: ignore[index]
    assert variables(recorder) == {"PATH"}

"""What is registered with the standard library."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator

import pytest

from pytest_cellcache.trace.registers import Registered


@pytest.fixture
def registered() -> Iterator[Registered]:
    found = Registered()
    found.install()
    yield found
    found.uninstall()


def search(name: str) -> codecs.CodecInfo | None:
    return codecs.lookup("ascii") if name == "registered" else None


def test_codecs_can_be_taken_back(registered: Registered) -> None:
    before = registered.codecs()
    codecs.register(search)
    assert registered.codecs() != before
    registered.put_codecs(before)
    assert registered.codecs() == before
    with pytest.raises(LookupError):
        codecs.lookup("registered")


def test_error_handlers_cannot(registered: Registered) -> None:
    before = registered.codecs()
    codecs.register_error("registered", codecs.ignore_errors)
    with pytest.raises(ValueError, match="stays"):
        registered.put_codecs(before)


def test_a_umask_that_is_put_back_is_no_change(registered: Registered) -> None:
    before = registered.umask()
    first = os.umask(0o27)
    assert registered.umask() == (0o27,)
    os.umask(first)
    assert registered.umask() == before
    os.umask(0o27)
    registered.put_umask(before)
    assert os.umask(first) == first


def test_the_real_functions_come_back() -> None:
    real = codecs.register, os.umask
    found = Registered()
    found.install()
    assert (codecs.register, os.umask) != real
    found.uninstall()
    assert (codecs.register, os.umask) == real

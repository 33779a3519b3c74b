"""Keeps the code of modules whose asserts pytest has rewritten, by the content of their source.

Rewriting is most of what importing a test module takes. pytest keeps the result beside the source
if it may write there, and a fresh checkout has none. What is kept here is used where pytest finds
nothing of its own::

    _read_pyc      -> pytest's own -> that
                   -> none         -> ours, if nobody else can have written it, else None
    _rewrite_test  -> kept, with warnings of the compiler; where others come, that they do

Code is kept without the name of its file, so that it serves in any checkout.
"""

from __future__ import annotations

import importlib.util
import inspect
import marshal
import sys
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import CodeType
from typing import Any, Final

import pytest

from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.model.digest import digest_parts
from pytest_cellcache.sources.places import Places
from pytest_cellcache.sources.snapshot import digest_now
from pytest_cellcache.store.contract import Store
from pytest_cellcache.trace.origin import pytester_depth

_READ: Final = ["source", "pyc", "trace"]
_REWRITE: Final = ["fn", "config"]
_WARNS: Final = b"warns"
"""In place of code that is not kept."""
_PLAIN: Final = {"SyntaxWarning": SyntaxWarning, "DeprecationWarning": DeprecationWarning}
"""Warnings of the compiler, which say nothing but a text; they are kept with the code."""


class Bytecode:
    """Reads and writes the code of rewritten modules of one run.

    Args:
        resting: see ``Recorder``.
    """

    def __init__(
        self,
        config: pytest.Config,
        places: Places,
        store: Store,
        guard: Guard,
        resting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._config = config
        self._resting = resting
        self._places = places
        self._store = store
        self._guard = guard
        self._depth = pytester_depth(sys._getframe())
        self._rewrite: Callable[[Path, pytest.Config], Any] = lambda fn, config: None

    def install(self) -> None:
        """Stand before the two functions of pytest until the run is over."""
        try:
            from _pytest.assertion import rewrite  # private: where a module's code comes from
        except ImportError:
            return
        read: Any = getattr(rewrite, "_read_pyc", None)
        make: Any = getattr(rewrite, "_rewrite_test", None)
        is_known = _parameters(read) == _READ and _parameters(make) == _REWRITE
        if not is_known or self._config.getini("enable_assertion_pass_hook"):
            return
        self._rewrite = make

        def read_pyc(source: Path, pyc: Path, trace: Any = lambda text: None) -> CodeType | None:
            found: CodeType | None = read(source, pyc, trace)
            return found or self._guard.call(self._kept, None, source)

        def rewrite_test(fn: Path, config: pytest.Config) -> Any:
            __tracebackhide__ = True  # of what does not parse
            if config is not self._config or not self._is_ours(fn):
                return make(fn, config)
            return self._make(fn)

        def end() -> None:
            if rewrite._read_pyc is read_pyc and rewrite._rewrite_test is rewrite_test:
                rewrite._read_pyc, rewrite._rewrite_test = read, make

        rewrite._read_pyc, rewrite._rewrite_test = read_pyc, rewrite_test
        self._config.add_cleanup(end)

    def _is_ours(self, file: Path) -> bool:
        """Say whether a file is the project's, and asked for by this run, not by one within it."""
        is_inner = pytester_depth(sys._getframe()) > self._depth
        return not is_inner and self._places.is_first_party(str(file))

    def _kept(self, file: Path) -> CodeType | None:
        if not self._is_ours(file):
            return None
        name = _name_of(file)
        data = self._store.get_own_note(name) if name is not None else None
        if data is None or data == _WARNS:
            return None
        try:
            code, *said = marshal.loads(data)
            if said and any(each[0] == "error" for each in warnings.filters):
                return None  # whoever compiles makes another error of them
            for category, text, line in said:
                warnings.warn_explicit(text, _PLAIN[category], str(file), line)
        except (ValueError, EOFError, TypeError, KeyError):
            return None
        return _renamed(code, str(file)) if isinstance(code, CodeType) else None

    def _make(self, file: Path) -> Any:
        __tracebackhide__ = True
        name = self._guard.call(_name_of, None, file)
        if name is None or self._store.get_note(name) is not None:
            return self._rewrite(file, self._config)
        with self._resting(), warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            made = self._rewrite(file, self._config)
        self._guard.call(self._keep, None, file, name, made[1], said)
        return self._rewrite(file, self._config) if said else made

    def _keep(
        self, file: Path, name: str, code: object, said: list[warnings.WarningMessage]
    ) -> None:
        if name != _name_of(file) or not isinstance(code, CodeType):
            return  # pytest may have read another one
        rows = [(w.category.__name__, str(w.message), w.lineno) for w in said]
        if all(_PLAIN.get(w.category.__name__) is w.category for w in said):
            self._store.put_note(name, marshal.dumps((_renamed(code, ""), *rows)))
        else:
            self._store.put_note(name, _WARNS)


def _name_of(file: Path) -> str | None:
    """Name the code of a source, as it is now, for this interpreter and this pytest."""
    try:
        source = digest_now(str(file))
    except OSError:
        return None
    maker = (
        str(sys.implementation.cache_tag),
        importlib.util.MAGIC_NUMBER.hex(),
        str(sys.flags.optimize),
        pytest.__version__,
    )
    return f"code/{digest_parts([*maker, source])}"


def _renamed(code: CodeType, filename: str) -> CodeType:
    """Give code that comes from another file, the code in it included."""
    inner = (
        _renamed(each, filename) if isinstance(each, CodeType) else each for each in code.co_consts
    )
    return code.replace(co_filename=filename, co_consts=tuple(inner))


def _parameters(function: Any) -> list[str] | None:
    return list(inspect.signature(function).parameters) if callable(function) else None

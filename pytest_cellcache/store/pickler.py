"""Pickles a fixture value in one pass, leaving a stub where a part cannot be kept.

One hook does it: ``reducer_override`` tries what pickle would do with an object and answers with a
stub where that fails; states are pickled after it, so nested parts arrive by themselves. Objects
that a first-party module holds, and what is shared with upstream values, are kept by name. Strings
that name a directory of the run are kept relative to it; both need a look at every object, so a
second pass does it, for the few values that ask for it.
"""

from __future__ import annotations

import copyreg
import io
import os
import pickle
import types
import warnings
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any, Final

import cloudpickle

from pytest_cellcache.store import arrays
from pytest_cellcache.store.functions import FunctionPickler
from pytest_cellcache.store.liars import is_at, is_liar, mapping_of
from pytest_cellcache.store.likeness import has_own_way
from pytest_cellcache.store.numbers import session_number
from pytest_cellcache.store.placeholders import (
    code_of,
    named,
    path_below,
    stub_at,
    variable_of,
    view_of,
)
from pytest_cellcache.store.places import find_places, type_name
from pytest_cellcache.store.sharing import Around
from pytest_cellcache.store.stubs import is_stub
from pytest_cellcache.store.values import (
    IN_BAND_BYTES,
    Buffer,
    Encoded,
    Names,
    Root,
    Scene,
    Unstorable,
    assemble,
)

_FAILURES: Final = (
    TypeError, AttributeError, ValueError, RuntimeError, LookupError, OSError, ImportError,
    AssertionError, ArithmeticError, BufferError, pickle.PickleError,
)  # fmt: skip
"""What a class that was not made for pickling raises; anything else ends the attempt as a whole."""

_IMMUTABLE: Final = frozenset({
    str, bytes, int, float, complex, bool, type(None), tuple, frozenset, range, slice,
    types.CodeType, types.BuiltinFunctionType,
})  # fmt: skip
_VALUES: Final = frozenset(
    "datetime decimal fractions uuid pathlib re zoneinfo _struct numpy.dtypes".split()
)
"""Modules whose objects are values: which of two equal ones it is makes no difference."""
_NO_VIEWS: Final[Mapping[int, Any]] = types.MappingProxyType({})
_REDUCERS: Final = ("__reduce_ex__", "__reduce__")


class _Pickler(FunctionPickler):
    """One pass without a look at strings and containers."""

    def __init__(
        self,
        file: io.BytesIO,
        keep: Callable[[pickle.PickleBuffer], object],
        names: Names,
        roots: Sequence[Root],
        trusted: set[type],
        views: Mapping[int, Any],
    ) -> None:
        super().__init__(file, keep, names)
        # Cloudpickle's own is a ChainMap, which doubles the time of a value of many objects.
        self.dispatch_table = {**copyreg.dispatch_table, **cloudpickle.Pickler._dispatch_table}
        self._roots = roots
        self._trusted = trusted
        self.stubbed: list[object] = []
        self.tokens: set[str] = set()
        self.codes: list[types.CodeType] = []
        self.own_ways: dict[type, bool] = {}
        self.arrays: list[Any] = []
        self._array = arrays.array_type() or ()
        self._views = views

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind in self._trusted:
            return NotImplemented
        if is_stub(obj):
            return self._stub(obj)
        if kind is types.CodeType:
            try:
                named_code = self._names.code(obj)
            except LookupError as error:
                raise Unstorable(str(error)) from error
            if named_code is not None:
                self.codes.append(obj)
                return code_of, named_code
        if self.is_variable(obj):
            return variable_of, ()
        reference = self._names.reference(obj)
        if reference is not None:
            return named, reference
        if issubclass(kind, PurePath):
            found = self._path(obj)
            if found is not None:
                return found
        if is_liar(obj):
            return self._stub(obj)
        if kind is types.MappingProxyType:
            return kind, (mapping_of(obj),)
        if issubclass(kind, self._array):
            self.arrays.append(obj)
            if id(obj) in self._views:
                return view_of, arrays.parts_of_view(obj, self._views[id(obj)])
        if kind not in self.own_ways:
            way = self.dispatch_table.get(kind)
            is_own = self._names.namespace(getattr(way, "__globals__", {})) is not None
            self.own_ways[kind] = is_own or has_own_way(kind, self._names)
        try:
            reduced = super().reducer_override(obj)
            if reduced is not NotImplemented or isinstance(obj, (type, types.FunctionType)):
                return reduced
            if kind in self.dispatch_table:
                return self.dispatch_table[kind](obj)
            if kind is types.BuiltinMethodType and type(obj.__self__) is not types.ModuleType:
                # ``lock.acquire``: put back, it would be looked up on the stub of the lock.
                obj.__self__.__reduce_ex__(5)
            reduced = obj.__reduce_ex__(5)
        except _FAILURES:
            return self._stub(obj)
        if isinstance(reduced, str) and not is_at(obj, reduced):
            return self._stub(obj)
        if all(getattr(kind, name) is getattr(object, name) for name in _REDUCERS):
            self._trusted.add(kind)
        return reduced

    def parts(self) -> list[Any]:
        """Give all objects of the value that were pickled and could be told from their copies."""
        # Not ``in self.memo``: the C pickler gives copies only.
        return [part for _, part in self.memo.copy().values() if type(part) not in _IMMUTABLE]

    def views(self, near: Sequence[Any]) -> dict[int, Any]:
        """Map the arrays that have to be put back as views to those in which they lie.

        Raises:
            Unstorable: memory is shared in a way that cannot be put back.
        """
        if not self.arrays or any(map(arrays.copies_when_written, self.own_ways)):
            return {}
        return arrays.find_views(self.arrays, near, self.memo.copy().keys())

    def _stub(self, obj: Any) -> Any:
        self.stubbed.append(obj)
        return stub_at, (len(self.stubbed) - 1,)

    def _path(self, path: PurePath) -> Any:
        text = str(path)
        for root in self._roots:
            if text == root.path or text.startswith(root.path + os.sep):
                if not root.token:
                    raise Unstorable(f"it names {text}, a path of this session")
                self.tokens.add(root.token)
                relative = text[len(root.path) + 1 :]
                return path_below, (type(path), root.token, relative)
        return None


class _LookingPickler(_Pickler):
    """One pass with a look at every object."""

    def __init__(self, *arguments: Any, shared: Mapping[int, tuple[str, tuple[Any, ...]]]) -> None:
        super().__init__(*arguments)
        self._shared = shared
        self.owners: set[str] = set()

    def persistent_id(self, obj: Any) -> Any:
        if type(obj) is str:
            return self._text(obj)
        found = self._shared.get(id(obj))
        if found is None:
            return None
        self.owners.add(found[0])
        return ("shared", *found)

    def _text(self, text: str) -> Any:
        pieces: list[Any] = [text]
        for root in self._roots:
            if not any(isinstance(piece, str) and root.path in piece for piece in pieces):
                continue
            if not root.token:
                raise Unstorable(f"it names {root.path}, a path of this session")
            self.tokens.add(root.token)
            pieces = [
                part
                for piece in pieces
                for part in (_split(piece, root) if isinstance(piece, str) else [piece])
            ]
        return None if pieces == [text] else ("text", tuple(pieces))


def _split(text: str, root: Root) -> list[Any]:
    pieces: list[Any] = []
    for number, piece in enumerate(text.split(root.path)):
        pieces += [(root.token,), piece] if number else [piece]
    return pieces


def encode(
    value: object,
    names: Names,
    roots: Sequence[Root] = (),
    around: Around | None = None,
    trees: Sequence[Mapping[str, Any]] = (),
    files: Sequence[Buffer] = (),
    held: Container[object] = (),
) -> Encoded:
    """Pickle a value.

    Args:
        roots: directories of this run, longest path first.
        around: what it may share with others.
        held: objects that something else leads to, whose copies would be other objects.

    Raises:
        Unstorable: nothing of it can be kept.
        Exception: whatever a class of the user's raises.
    """
    with _unheard():
        return _encode(value, names, roots, around or Around(), trees, files, held)


def _encode(
    value: object,
    names: Names,
    roots: Sequence[Root],
    around: Around,
    trees: Sequence[Mapping[str, Any]],
    files: Sequence[Buffer],
    held: Container[object],
) -> Encoded:
    given = (value, names, roots, set[type]())
    shared = around.places
    pickler, data, buffers = _run(_Pickler, *given)
    owners: frozenset[str] = frozenset()
    # Not ``in pickler.memo``: the C pickler gives copies only.
    met = shared.keys() & pickler.memo.copy().keys() if shared else ()
    if met or any(_occurs(root.path, data) for root in roots):
        looking, data, buffers = _run(_LookingPickler, *given, shared=shared)
        if any(_occurs(root.path, data) for root in roots):
            raise Unstorable("it holds a path of this session inside of bytes")
        pickler, owners = looking, frozenset(looking.owners)
    views = pickler.views(around.arrays)
    if views:
        looking, data, buffers = _run(_LookingPickler, *given, views, shared=shared)
        pickler, owners = looking, frozenset(looking.owners)
    if pickler.stubbed and pickler.stubbed[0] is value:
        raise Unstorable(f"a {type_name(value)} cannot be kept")
    for part in pickler.parts():
        if part in held and id(part) not in shared and not _comes_back(part, names):
            raise Unstorable(f"it shares a {type_name(part)} with something that a module leads to")
    number = session_number(data, {n for n in pickler.memo.copy() if n > 1 << 32})
    if number is not None:
        raise Unstorable(f"it holds {number}, a number of this process")
    found = find_places(value, pickler.stubbed)
    raws = [buffer.raw() for buffer in buffers]
    parts, head_bytes = assemble(data, raws, found, trees, files)
    return Encoded(
        parts,
        head_bytes,
        tuple(found),
        frozenset(pickler.tokens),
        owners,
        tuple(pickler.codes),
        may_differ=any(pickler.own_ways.values()),
    )


def _run(
    kind: Any,
    value: object,
    names: Names,
    roots: Sequence[Root],
    trusted: set[type],
    views: Mapping[int, Any] = _NO_VIEWS,
    **more: Any,
) -> tuple[Any, bytes, list[pickle.PickleBuffer]]:
    buffers: list[pickle.PickleBuffer] = []

    def keep(buffer: pickle.PickleBuffer) -> bool:
        if buffer.raw().nbytes < IN_BAND_BYTES:
            return True
        buffers.append(buffer)
        return False

    file = io.BytesIO()
    pickler = kind(file, keep, names, roots, trusted, views, **more)
    try:
        pickler.dump(value)
    except _FAILURES as error:  # RecursionError is a RuntimeError
        raise Unstorable(f"pickling it fails: {type(error).__name__}: {error}") from error
    return pickler, file.getvalue(), buffers


def load_pickle(
    data: Buffer, buffers: Sequence[Buffer], scene: Scene, make: Callable[[int], Any]
) -> Any:
    """Unpickle what ``encode`` pickled, from bytes that were checked; ``make`` gives stubs."""
    with _unheard():
        return _Unpickler(io.BytesIO(data), buffers, scene, make).load()


@contextmanager
def _unheard() -> Iterator[None]:
    """Let nobody hear what classes warn of when they are pickled: the tests do not do that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class _Unpickler(pickle.Unpickler):
    def __init__(
        self, file: io.BytesIO, buffers: Sequence[Buffer], scene: Scene, make: Any
    ) -> None:
        super().__init__(file, buffers=buffers)
        self._scene = scene
        self._own = {
            "stub_at": make,
            "path_below": self._path,
            "named": self._named,
            "code_of": self._code,
            "view_of": arrays.make_view,
            "variable_of": types.CellType,
        }

    def find_class(self, module: str, name: str) -> Any:
        if module == named.__module__:
            return self._own[name]
        return super().find_class(module, name)

    def persistent_load(self, reference: Any) -> Any:
        kind, *rest = reference
        if kind == "text":
            roots = self._scene.roots
            return "".join(p if isinstance(p, str) else roots[p[0]] for p in rest[0])
        if kind == "shared" and self._scene.shared is not None:
            return self._scene.shared(rest[0], rest[1])
        raise pickle.UnpicklingError(f"unknown reference {kind!r}")

    def _path(self, kind: Any, token: str, relative: str) -> Any:
        root = self._scene.roots[token]
        return kind(os.path.join(root, relative) if relative else root)

    def _named(self, *reference: str) -> Any:
        return self._scene.names.resolve(reference)

    def _code(self, *reference: str) -> Any:
        return self._scene.names.resolve_code(reference)


def _comes_back(part: Any, names: Names) -> bool:
    """Say whether what a copy of an object is put back as is that very object."""
    if isinstance(part, (type, types.FunctionType, types.ModuleType)) or is_stub(part):
        return True
    if type(part).__module__ in _VALUES or names.reference(part) is not None:
        return True
    try:
        return pickle.loads(pickle.dumps(part, 5)) is part
    except _FAILURES:
        return False


def _occurs(path: str, data: bytes) -> bool:
    return os.fsencode(path) in data

"""Says what a long-lived object leads to, without running any code of the object's own.

Proxies answer ``isinstance`` and ``__dict__`` as they like, subclasses of containers override
iteration: so everything here goes by ``type`` and through the methods of the builtin types.
"""

from __future__ import annotations

import collections
import enum
import functools
import gc
import io
import re
import sys
import threading
import types
import weakref
from collections.abc import Callable, Container, Iterator, Mapping
from contextvars import ContextVar
from itertools import pairwise
from typing import Any, Final

from pytest_cellcache.model.observation import CodeRef
from pytest_cellcache.sources.loaded import attribute_of
from pytest_cellcache.trace.atoms import ATOMS
from pytest_cellcache.trace.identities import identity

MAX_ITEMS: Final = 5_000
"""Items of one container that are looked at one by one; of larger ones only the number."""

LRU: Final = type(functools.lru_cache(lambda: None))
_MAY_REMEMBER: Final = frozenset({LRU, classmethod, staticmethod, property})

_OPAQUE: Final = (
    types.ModuleType, types.BuiltinFunctionType, types.CodeType, types.FrameType,
    types.TracebackType, types.GetSetDescriptorType, types.MemberDescriptorType,
    types.WrapperDescriptorType, types.MethodDescriptorType, types.ClassMethodDescriptorType,
    types.GenericAlias, type(sys.flags),
)  # fmt: skip
_WRAPPERS: Final = frozenset(
    map(
        identity,
        (
            types.FunctionType, types.MethodType, staticmethod, classmethod, property,
            types.CellType, types.MappingProxyType, types.GeneratorType, types.AsyncGeneratorType,
            ContextVar, LRU,
        ),
    )
)  # fmt: skip
_WALKED_STANDARD: Final = frozenset(
    """collections _collections types functools weakref _weakrefset queue _queue _thread
    _threading_local
    threading contextvars itertools builtins string dataclasses enum io _io random array mmap csv
    _csv hmac _hmac _hashlib _md5 _sha1 _sha2 _sha256 _sha512 _sha3 _blake2 argparse calendar cmd
    codecs configparser contextlib ctypes _ctypes decimal email graphlib gzip html http json
    mailbox optparse pprint reprlib sched shelve statistics tempfile textwrap unittest urllib xml
    zipfile""".split()
)
"""Modules of the standard library whose instances are walked; others keep their own counsel."""
_WALKED_PARTS: Final = frozenset(
    {"asyncio.locks", "asyncio.queues", "multiprocessing.sharedctypes"}
)
_NEVER_WALKED: Final = frozenset({"pytest", "_pytest", "pluggy", "pytest_cellcache", "hypothesis"})
SKIPPED_MEMBERS: Final = frozenset(
    """__dict__ __weakref__ __qualname__ __slots__ __abstractmethods__ _abc_impl
    __annotations__ __firstlineno__ __static_attributes__ __match_args__ __orig_bases__
    __parameters__ __hash__ __annotate__ __annotations_cache__ __slotnames__
    __annotate_func__""".split()
)
_NOT_WALKED: Final = SKIPPED_MEMBERS | {"__module__", "__doc__"}
SKIPPED_GLOBALS: Final = frozenset(
    """__builtins__ __loader__ __spec__ __cached__ __path__ __package__
    __warningregistry__ __annotations__ __conditional_annotations__ __annotate__
    @pytest_ar @py_builtins""".split()
)
_PLAIN_ATTRIBUTES: Final = frozenset(
    "__wrapped__ __isabstractmethod__ __name__ __doc__ pytestmark _pytestfixturefunction".split()
)
SET_OF_FUNCTIONS: Final = ("__defaults__", "__kwdefaults__", "__code__")

Part = tuple[Any, object]
"""A value and the key or attribute it is found under, ``None`` where it has no name."""


def is_atom(value: Any) -> bool:
    """Say whether a value is immutable and leads nowhere."""
    return identity(type(value)) in ATOMS


def is_simple(value: Any) -> bool:
    """Say whether it tells by content which of several values one is."""
    kind = type(value)
    if kind is tuple or kind is frozenset:
        return all(map(is_simple, value))
    return is_atom(value) or issubclass(kind, (type, enum.Enum))


def is_ref(value: Any) -> bool:
    """Say whether a value is a weak reference, not a proxy, which claims to be what it is for."""
    return issubclass(type(value), weakref.ref)


def is_opaque(value: Any) -> bool:
    """Say whether a value leads nowhere, or nowhere that tests could change unseen."""
    kind = type(value)
    return identity(kind) in ATOMS or issubclass(kind, _OPAQUE)


def is_own_class(kind: type, sources: frozenset[str]) -> bool:
    """Say whether a class was defined in one of some source files.

    Not those that a function defines: there is a new one for each call, and registers that collect
    them would grow without end.
    """
    if "<locals>" in type.__getattribute__(kind, "__qualname__"):
        return False
    module = sys.modules.get(module_of(kind))
    filename = attribute_of(module, "__file__")
    return type(filename) is str and filename in sources


def module_of(kind: type) -> str:
    """Name the module of a class without asking its metaclass."""
    return str(type.__getattribute__(kind, "__module__"))


def is_of_database(kind: type, name: str) -> bool:
    """Say whether a type is ``Connection`` or ``Cursor`` of ``sqlite3``, without importing that."""
    known = attribute_of(sys.modules.get("sqlite3"), name)
    return isinstance(known, type) and issubclass(kind, known)


def is_told_by_collector(kind: type) -> bool:
    """Say whether all that objects of a type refer to is what the collector finds."""
    module = module_of(kind)
    is_plain = not type.__getattribute__(kind, "__dictoffset__")
    return module in ("itertools", "_csv", "_queue") or (
        (module == "xml.etree.ElementTree" and is_plain) or is_of_database(kind, "Cursor")
    )


def origin_of(kind: type, sources: frozenset[str]) -> str:
    """Say whose a type is: ``own``, ``walked`` (standard), ``foreign`` or ``opaque``."""
    if identity(kind) in _WRAPPERS:
        return "walked"
    top = module_of(kind).partition(".")[0]
    if top in sys.stdlib_module_names:
        is_walked = top in _WALKED_STANDARD or module_of(kind) in _WALKED_PARTS
        is_walked = is_walked or any(is_of_database(kind, n) for n in ("Connection", "Cursor"))
        return "walked" if is_walked else "opaque"
    if top in _NEVER_WALKED:
        return "opaque"
    return "own" if is_own_class(kind, sources) else "foreign"


def namespace_of(value: Any) -> dict[str, Any] | None:
    """Give the attributes of an instance as the dictionary that holds them, for this thread."""
    if issubclass(type(value), threading.local):
        found = threading.local.__getattribute__(value, "__dict__")
        return found if type(found) is dict else None
    for base in type.__getattribute__(type(value), "__mro__"):
        descriptor = type.__getattribute__(base, "__dict__").get("__dict__")
        if isinstance(descriptor, (types.GetSetDescriptorType, types.MemberDescriptorType)):
            found = descriptor.__get__(value)
            return found if type(found) is dict else None
    return None


def has_state(namespace: dict[str, Any]) -> bool:
    """Say whether a function carries more than what decorators leave on every function."""
    return any(name not in _PLAIN_ATTRIBUTES and "hypothesis" not in name for name in namespace)


def slots_of(kind: type) -> list[Any]:
    """Give the descriptors of the slots of a class."""
    bases = type.__getattribute__(kind, "__mro__")
    return [each for b in bases for each in slots_in(type.__getattribute__(b, "__dict__"))]


def slots_in(space: Mapping[str, Any]) -> list[Any]:
    """Give those among the members of a class, bases aside."""
    if "__slots__" not in space:  # made in C, if there are any
        return []
    return [each for each in space.values() if type(each) is types.MemberDescriptorType]


def slot_value(descriptor: Any, value: Any) -> Any:
    """Read a slot; ``None`` when it is not set."""
    try:
        return descriptor.__get__(value)
    except (AttributeError, TypeError):  # nor where the object has got another class since
        return None


def way_to(value: Any) -> Callable[[], Any]:
    """Give what leads to an object without keeping it alive, where that is possible."""
    return _weakly(value) or (lambda: value)


def _weakly(value: Any) -> Callable[[], Any] | None:
    try:
        return weakref.ref(value)
    except TypeError:
        return None


def value_of(variable: ContextVar[Any], unset: Any = None) -> Any:
    """Give the value of a variable, or its default: to be set to it makes no difference."""
    try:
        return variable.get()
    except LookupError:
        return unset


def code_of(value: Any, sources: Container[str]) -> CodeRef | None:
    """Give the code of a function that some files define; ``None`` of anything else."""
    code = value.__code__ if type(value) is types.FunctionType else None
    if code is None or code.co_filename not in sources:
        return None
    return CodeRef(code.co_filename, code.co_firstlineno, code.co_name)


def first_of(memo: Any) -> Any:
    """Give what stands for the first of the results that a memo of ``lru_cache`` has.

    The result itself, where that can be referred to weakly, or the memo is not bounded.
    """
    found = gc.get_referents(memo)  # of bounded ones each key, followed by its result
    own = object.__getattribute__(memo, "__dict__")
    kept = [inner for inner in found if type(inner) is dict and inner is not own][-1:]
    for key, entry in kept[0].items() if kept else ():
        results = (after for each, after in pairwise(found) if each is key)
        result = next(results, entry)
        return entry if _weakly(result) is None else result
    return None


def is_of_pattern(memo: Any) -> bool:
    """Say whether a memo remembers what a pattern gives: for the same text always the same."""
    return type(getattr(getattr(memo, "__wrapped__", None), "__self__", None)) is re.Pattern


def results_of(memo: Any) -> Iterator[Any]:
    """Give what a memo of ``lru_cache`` has remembered."""
    # Only the collector tells: bounded ones refer to results, others to a dictionary.
    for inner in gc.get_referents(memo):
        yield inner
        yield from list(inner.values()) if type(inner) is dict else ()


def bases_with_memos(kind: type) -> list[type]:
    """Give a class and its bases, as far as ``lru_cache`` remembers what their methods give."""
    return [
        base
        for base in type.__getattribute__(kind, "__mro__")
        for members in [type.__getattribute__(base, "__dict__").values()]
        if any(_is_memo(member) for member in members if type(member) in _MAY_REMEMBER)
    ]


def _is_memo(member: Any) -> bool:
    if type(member) in (classmethod, staticmethod):
        member = member.__func__
    elif type(member) is property:
        member = member.fget
    return type(member) is LRU


def parts_of(value: Any) -> Iterator[Part]:
    """Give what a value leads to directly."""
    kind = type(value)
    if issubclass(kind, type):
        namespace = type.__getattribute__(value, "__dict__")
        yield from ((v, k) for k, v in list(namespace.items()) if k not in _NOT_WALKED)
        return
    if issubclass(kind, dict):
        if dict.__len__(value) <= MAX_ITEMS:
            yield from ((item, key) for key, item in list(dict.items(value)))
    else:
        for container, iterate in _SEQUENCES:
            if issubclass(kind, container):
                if container.__len__(value) <= MAX_ITEMS:
                    yield from ((item, None) for item in _items_of(value, iterate))
                break
    special = _SPECIAL.get(identity(kind))
    if special is not None:
        yield from ((part, None) for part in special(value))
    elif is_told_by_collector(kind):
        yield from ((part, None) for part in gc.get_referents(value) if type(part) is not type)
    namespace = namespace_of(value)
    if namespace is not None:
        is_function = kind is types.FunctionType and value.__globals__ is vars(functools)
        derived = _DERIVED if is_function or kind is functools.singledispatchmethod else ()
        yield from ((each, name) for name, each in list(namespace.items()) if name not in derived)
    for descriptor in slots_of(kind):
        yield slot_value(descriptor, value), descriptor.__name__


def _items_of(sequence: Any, iterate: Callable[[Any], Any]) -> list[Any]:
    try:
        return list(iterate(sequence))
    except RuntimeError:  # changed by a thread between the two calls
        return _items_of(sequence, iterate)


def keys_of_mapping(value: Any) -> tuple[str, ...] | None:
    """Give the keys of a mapping of texts; ``None`` of any other value, and of a very large one."""
    if not issubclass(type(value), dict) or dict.__len__(value) > MAX_ITEMS:
        return None
    keys = list(dict.keys(value))
    return tuple(keys) if all(type(key) is str for key in keys) else None


_SEQUENCES: Final[tuple[tuple[Any, Callable[[Any], Any]], ...]] = (
    (list, list.__iter__),
    (tuple, tuple.__iter__),
    (set, set.__iter__),
    (frozenset, frozenset.__iter__),
    (collections.deque, collections.deque.__iter__),
)

_DERIVED: Final = frozenset({"dispatch_cache", "cache_token", "_method_cache", "_clear_cache"})
"""What ``singledispatch`` and its like remember: it follows from a register, which is watched."""


def parts_to_set(function: Any) -> tuple[Any, ...]:
    """Give what can be set of a function, in the order of ``SET_OF_FUNCTIONS``."""
    return tuple(getattr(function, name) for name in SET_OF_FUNCTIONS)


def _parts_of_function(function: Any) -> Iterator[Any]:
    yield from function.__defaults__ or ()
    if function.__kwdefaults__:
        yield function.__kwdefaults__
    cells = function.__closure__ or ()
    if cells and function.__globals__ is vars(functools):
        named = zip(function.__code__.co_freevars, cells, strict=True)
        cells = [cell for name, cell in named if name not in _DERIVED]
    yield from cells


_LINK: Final = "_lru_list_elem"


def _parts_of_memo(memo: Any) -> Iterator[Any]:
    """Give the results, too: who is given one that can be changed changes it for all later ones."""
    yield memo.__wrapped__
    known = LRU.cache_info(memo)
    if known.currsize > MAX_ITEMS or is_of_pattern(memo):
        return
    inner = gc.get_referents(memo)
    if known.maxsize is None:
        own = namespace_of(memo)
        for each in inner:
            yield from list(each.values()) if type(each) is dict and each is not own else ()
        return
    # Of a limited one the collector is told of each key, its result, and the type of their link.
    for place, each in enumerate(inner):
        if type(each) is type and each.__name__ == _LINK and place:
            yield inner[place - 1]


def _parts_of_text(file: Any) -> Iterator[Any]:
    try:
        yield file.buffer
    except ValueError:  # detached
        return


def _parts_of_generator(generator: Any) -> Iterator[Any]:
    frame = getattr(generator, "gi_frame", None) or getattr(generator, "ag_frame", None)
    if frame is not None:
        yield from list(frame.f_locals.values())


def _parts_of_cell(cell: Any) -> Iterator[Any]:
    try:
        yield cell.cell_contents
    except ValueError:  # empty
        return


_SPECIAL: Final[dict[int, Callable[[Any], Any]]] = {
    identity(types.FunctionType): _parts_of_function,
    identity(types.CellType): _parts_of_cell,
    identity(types.MethodType): lambda method: (method.__self__, method.__func__),
    identity(staticmethod): lambda method: (method.__func__,),
    identity(classmethod): lambda method: (method.__func__,),
    identity(property): lambda made: (made.fget, made.fset, made.fdel),
    identity(LRU): _parts_of_memo,
    identity(io.TextIOWrapper): _parts_of_text,
    identity(functools.partial): lambda made: (made.func, made.args, made.keywords),
    identity(types.GeneratorType): _parts_of_generator,
    identity(types.AsyncGeneratorType): _parts_of_generator,
    **dict.fromkeys(
        map(identity, (enumerate, zip, map, filter)), lambda made: made.__reduce__()[1]
    ),
    identity(ContextVar): lambda variable: (value_of(variable),),
}

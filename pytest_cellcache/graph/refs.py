"""What a piece of code refers to, as a value."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

MUTATORS: Final = frozenset(
    """append appendleft extend extendleft insert add update setdefault pop popitem popleft remove
    discard clear sort reverse register unregister subscribe connect bind install put push write
    intersection_update difference_update symmetric_difference_update __setitem__ __delitem__
    __setattr__ __delattr__ move_to_end rotate cache_clear configure
    set reset put_nowait set_result""".split()
)
"""Method names that are taken to change their receiver when called on a global."""

OPERATING: Final = frozenset(
    f"__i{name}__"
    for name in "add sub mul matmul truediv floordiv mod pow lshift rshift and or xor".split()
)
"""Methods by which operators change in place; a class that has some has them in ``Refs.attrs``."""

_WORD: Final = re.compile(r"[^\W\d_]+")

REFLECTION: Final = frozenset(
    {
        "getattr",
        "hasattr",
        "setattr",
        "delattr",
        "attrgetter",
        "methodcaller",
        "__setattr__",
        "__delattr__",
    }
)
"""Functions that name an attribute by a string."""

DYNAMIC: Final = frozenset(
    {"getattr", "setattr", "vars", "globals", "locals", "dir", "eval", "exec", "__import__"}
)
"""Functions that may consult what no name says."""

DYNAMIC_ATTRS: Final = frozenset(
    {"__dict__", "import_module", "getmembers", "attrgetter", "methodcaller", "__subclasses__"}
)
"""Attributes that do so."""


KEYED: Final = frozenset({"get", "setdefault", "pop", "__getitem__", "__contains__"})
"""Methods of mappings that look at one key."""
SIZED: Final = "__len__"
"""The one that tells how many there are."""


@functools.lru_cache(maxsize=1 << 14)  # names are asked for again and again
def words_of(text: str) -> frozenset[str]:
    """Give the words of a text: runs of letters, so that ``user_1`` and ``user`` meet."""
    return frozenset(_WORD.findall(text))


def names_own_module(key: ast.expr | None) -> bool:
    """Say whether a key is ``something.__module__``, which is consulted anyway, or ``__name__``."""
    if isinstance(key, ast.Name):
        return key.id == "__name__"
    return isinstance(key, ast.Attribute) and key.attr == "__module__"


def is_unknown_call(call: str) -> bool:
    """Say whether an entry of ``Refs.calls`` names no callee."""
    return not call or call[0] == "."


IMPORTING: Final = frozenset(
    """__import__ import_module importorskip find_spec find_loader resolve_name run_module
    import_string""".split()
)
"""Functions that import what their first argument names."""

_FINDING: Final = frozenset({"find_spec", "find_loader"})
"""Those that only say where it is: they import the packages it is in."""

IMPORTING_FILES: Final = frozenset(
    "spec_from_file_location exec_module load_module run_path SourceFileLoader load_source".split()
)
"""Functions that import a file."""


@dataclass(slots=True)
class Refs:
    """What was found; sets grow while scanning.

    Attributes:
        chains: dotted loads of globals, as far as attributes follow: ``os.path.join``.
        attrs: every attribute name read, also ``getattr`` with a constant.
        fields: those of ``attrs`` that are read as values, not called as methods.
        imports: modules imported by the code itself, as written: ``..pkg.mod`` (dots lead), and
            names taken from them as ``..pkg.mod:name``; a star import is ``..pkg.mod:*``. What is
            used of them is ``..pkg.mod:name.attribute``, ``..pkg.mod:name.*`` if that may be any.
        calls: chains of what is called; ``f()`` where the result of ``f`` is called, ``f().m``
            where a method of it is; ``.m`` for a method of anything else, ``""`` for any other
            callee.
        bases: what class statements in it make classes of, see ``bases``.
        arguments: chains handed to calls and decorators, also in displays.
        receivers: chains whose value may be changed: ``D`` for ``D['a'] = 1`` and ``D.add(1)``.
        stores: globals rebound by a ``global`` declaration.
        attr_stores: attribute names written on anything that is not a global: ``self.a = 1``.
        attr_changes: attribute names whose value is changed in place: ``self.a.append(1)``.
        strings: constants that look like dotted paths, for code that imports by name.
        words: the words in all string constants, for who looks something up by a key.
        defines: the words in the names of functions and classes in it: registers go by them.
        wholes: those of ``chains`` that are used otherwise than by a key: ``f(D)``; of ``len(D)``
            it is ``D.__len__``.
        kept: what is written outside of the call: a chain, ``.attribute`` or ``~variable``.
        looked_up: what is looked up before it may be written, written likewise.
        counts: chains of attributes that count new objects: ``Field.creation_counter += 1``.
        ranks: those of ``attrs`` that are read for the order of objects only, see ``ranking``.
        handed: counters that new objects take over under another name: ``_next=id``.
        is_dynamic: names are computed at run time (``getattr`` with a variable, ``eval``, ...).
        reflects: the same, of attributes: not where only a module is named so.
        reads_namespace: any global of the module may be read (``globals()``, ``eval(text)``, ...).
        imports_computed: a module is imported or looked up under a name computed at run time, and
            nobody sees which.
        importers: chains of functions that do so unless they are the project's own.
        imports_asked: the same through ``importlib.import_module``, which is watched.
        finds_computed: it is asked where such a module is.
        alters_parameters: an argument is changed in place, or gets an attribute; not where only
            an operator may do that.
        steps: parameters that an operator may change in place, unless they are bound anew: ``n``
            of ``n += step``.
        given: chains of functions whose results it changes in place, as its locals.
        changes_unknown: so is a local that is neither new here nor known to be something else.
        changes_closure: so is a variable of an enclosing function.
        keeps_arguments: what is written outside holds an argument that is not in its key.
        accumulates: what is written outside depends on how often, or in which order.
        asked: the methods that it calls on what no global names, after ``asking``'s word for whose
            they are: ``first.add``; the word alone where the thing itself is called.
        sets: attributes that it sets on such things, written likewise; ``first.names[]`` if it
            changes the value in place, ``first.[]`` the thing itself.
        resets: its statements that make something what it is whatever it was (``resetting``).
        by_key: its own variables that are containers which the functions in it use by a key only.
        later: functions defined right in it that only who gets them back may call.
        opens_to_write: something called ``open`` may open a file for more than reading.
        tells: its caller may learn what is in the global that it changes (``silence``).
        stored: its JSON, of which attributes are read when they are asked for.
    """

    chains: set[str] = field(default_factory=set)
    attrs: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    bases: set[str] = field(default_factory=set)
    arguments: set[str] = field(default_factory=set)
    receivers: set[str] = field(default_factory=set)
    stores: set[str] = field(default_factory=set)
    attr_stores: set[str] = field(default_factory=set)
    attr_changes: set[str] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    defines: set[str] = field(default_factory=set)
    wholes: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    looked_up: set[str] = field(default_factory=set)
    counts: set[str] = field(default_factory=set)
    ranks: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    sets: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    importers: set[str] = field(default_factory=set)
    by_key: set[str] = field(default_factory=set)
    resets: set[str] = field(default_factory=set)
    given: set[str] = field(default_factory=set)
    handed: set[str] = field(default_factory=set)
    steps: set[str] = field(default_factory=set)
    is_dynamic: bool = False
    reflects: bool = False
    reads_namespace: bool = False
    imports_computed: bool = False
    imports_asked: bool = False
    finds_computed: bool = False
    alters_parameters: bool = False
    changes_unknown: bool = False
    changes_closure: bool = False
    keeps_arguments: bool = False
    accumulates: bool = False
    tells: bool = False
    opens_to_write: bool = False
    stored: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Refs:
        """Read what ``to_json`` gave; most attributes of most are never asked for."""
        refs = cls.__new__(cls)
        refs.stored = stored
        return refs

    def to_json(self) -> dict[str, Any]:
        """Give a JSON object with what there is."""
        data: dict[str, Any] = {
            name: _joined(sorted(getattr(self, name))) for name in SET_FIELDS if getattr(self, name)
        }
        flags = [name for name in FLAG_FIELDS if getattr(self, name)]
        if flags:
            data["flags"] = _joined(flags)
        return data

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> set[str] | frozenset[str] | bool:
            # An attribute that is not there yet, see ``from_json``.
            if name in _SETS:
                found = self.stored.get(name)
                value = _NOTHING if found is None else set(_parts(found))
            elif name in _FLAGS:
                value = name in _parts(self.stored.get("flags", ""))
            else:
                raise AttributeError(name)
            setattr(self, name, value)
            return value

    @property
    def changes_parameters(self) -> bool:
        """Say whether what a parameter stands for is changed."""
        return self.alters_parameters or bool(self.steps)

    @property
    def changes_given(self) -> bool:
        """Say whether a local that is not new here is changed in place."""
        return self.changes_unknown or bool(self.given)

    def note_import(self, function: str, constants: list[str], chain: str | None) -> None:
        """Note a call of a function that may import what its first argument names.

        Args:
            chain: of globals; ``None`` where none leads to the function.
            constants: its arguments, as far as they are constant texts.
        """
        if function in IMPORTING:
            first = constants[0].lstrip(".") if constants else ""
            if all(part.isidentifier() for part in first.split(".")):
                self.imports.add(f"{constants[0]}:*")
            elif function == "import_module":
                self.imports_asked = True
            elif function in _FINDING:
                self.finds_computed = True
            elif chain is not None:
                self.importers.add(chain)
            else:
                self.imports_computed = True
        elif function in IMPORTING_FILES:
            self.imports_computed = True

    def note_lookup(self, key: ast.expr | None = None) -> bool:
        """Note a key that ``sys.modules`` is asked for; say whether it tells which module."""
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            self.imports.add(f"{key.value}:*")
            return True
        self.reads_namespace |= isinstance(key, ast.Name) and names_own_module(key)
        return names_own_module(key)

    def join(self, other: Refs) -> None:
        """Add everything of ``other``."""
        for name in SET_FIELDS:
            getattr(self, name).update(getattr(other, name))
        for name in FLAG_FIELDS:
            setattr(self, name, getattr(self, name) or getattr(other, name))


SET_FIELDS: Final = (
    "chains", "attrs", "fields", "imports", "calls", "bases", "arguments", "receivers", "stores",
    "attr_stores", "attr_changes", "strings", "words", "defines", "wholes", "kept", "looked_up",
    "counts", "ranks", "asked", "sets", "later", "importers", "by_key", "given", "handed",
    "resets", "steps",
)  # fmt: skip


FLAG_FIELDS: Final = (
    "is_dynamic", "reflects", "reads_namespace", "imports_computed", "imports_asked",
    "finds_computed", "alters_parameters", "changes_unknown", "changes_closure",
    "keeps_arguments", "accumulates", "tells", "opens_to_write",
)  # fmt: skip

_NOTHING: Final[frozenset[str]] = frozenset()
_BETWEEN: Final = "\n"


def _joined(texts: list[str]) -> str | list[str]:
    """Write texts as one: a store holds many thousands of such sets, most never asked for."""
    return texts if any(_BETWEEN in text for text in texts) else _BETWEEN.join(texts)


def _parts(found: str | list[str]) -> list[str]:
    return found.split(_BETWEEN) if isinstance(found, str) else found


_SETS: Final = frozenset(SET_FIELDS)
_FLAGS: Final = frozenset(FLAG_FIELDS)


def import_spec(module: str | None, level: int, name: str | None = None) -> str:
    """Write an import as one string, see ``Refs.imports``."""
    base = "." * level + (module or "")
    return base if name is None else f"{base}:{name}"

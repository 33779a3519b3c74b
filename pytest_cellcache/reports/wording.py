"""The plain words of every reason; one clause that reads well after "because"."""

from __future__ import annotations

from typing import Final

from pytest_cellcache.model import keys, reasons
from pytest_cellcache.model.reasons import Reason

_CLAUSES: Final = {
    reasons.NEW: "no outcome is stored yet",
    reasons.ITEM_CHANGED: "the marks, parameters or fixtures of the test changed",
    reasons.REFRESH: "this run refreshes everything",
    reasons.COVERAGE: "the run fails where all tests together cover too little",
    reasons.DISABLED: "caching is disabled by its cell_cache mark",
    reasons.ACCOUNTED: "a plugin keeps account of what it uses",
    reasons.UNSUPPORTED: "this kind of test item cannot be cached",
    reasons.FAILED: "failures are never stored",
    reasons.OUTPUT: "it rests on what another test writes",
    reasons.INHERITED: "it found what a replayed test leaves behind; next time both run",
    reasons.LEFT_BEHIND: "it left something changed that later tests may rest on",
    reasons.EXPIRED: "its stored outcome is older than cell_cache_max_age",
    reasons.NETWORK: "it used the network",
    reasons.GAP: "the tracer could not see all that it did",
    reasons.IN_FLUX: "an input changed while the run used it",
    reasons.UNRECORDABLE: "its report holds something that cannot be stored",
    reasons.UNWRITABLE: "the store could not be written",
    reasons.PRODUCER: "another test that runs needs what it leaves behind",
    reasons.ENTERED: "other modules enter something else in what it reads",
    reasons.UNTRACED: "it ran untraced",
    reasons.READ_MODE: "this run only reads the cache",
    reasons.TEARDOWN: "it does something after its yield",
    reasons.FINALIZER: "it registers a finalizer",
    reasons.BY_NAME: "it asks for fixtures by name at run time",
    reasons.BOUND: "it rests on what belongs to this session",
    reasons.NO_VALUE: "its value is None: it has an effect or no purpose",
    reasons.TOUCHED: "an earlier test may have changed what it is made from",
    reasons.UNPICKLABLE: "its value cannot be stored",
    reasons.UNPAID: "restoring it would take as long as setting it up",
    reasons.OPAQUE: "its parameter cannot be told apart in another run",
    reasons.STUBBED: "nothing live needed it",
    reasons.ON_PYTEST: "it leaves something on pytest's own objects, or finds what others left",
    reasons.TAINTED: "a cancelled attempt did something that could not be undone",
    reasons.UNJUDGED: "it was not there when the run looked for stored outcomes",
}
"""Slugs whose words do not depend on the subject; a subject is added in brackets."""

_EFFECTS: Final = {
    "environment": "it changes an environment variable",
    "directory": "it changes the working directory",
    "import-path": "it changes sys.path",
    "module": "it changes state of a module or a class",
    "patched": "it patches something",
    "logging": "it changes the logging configuration",
    "warnings": "it changes the warnings filters",
    "random": "it uses the global random state",
    "interpreter": "it changes a setting of the interpreter",
    "files": "it writes a file outside of a temporary directory of its own",
    "process": "it starts a process",
    "thread": "it starts a thread",
    "socket": "it uses a socket",
    "signal": "it sends a signal",
    "request": "it depends on the test that asks for it",
    "config": "it sets something on pytest's configuration or session",
    "instance": "it sets attributes on the instance of the test",
    "unseen": "it may have an effect that cannot be seen",
    "uses": "it uses a fixture that is tied to the test",
}
"""Kinds of effects of a fixture's set-up."""

_THINGS: Final = {
    keys.BODY: "the body of {}",
    keys.NAME: "the definition of {}",
    keys.EFFECTS: "the top-level statements of {}",
    keys.IMPORTS: "what {} imports",
    keys.REGISTERS: "what {} changes of another module",
    keys.WRITES: "what {} may call or change",
    keys.FRAME: "the future imports, star imports or redefined builtins of {}",
    keys.MARKERS: "the pytest decorators of {}",
    keys.DOC: "the docstring of {}",
    keys.ANNOTATIONS: "the annotations of {}",
    keys.LINES: "the lines of {}",
    keys.EXCERPT: "the lines around {}",
    keys.EXPORT: "whether __all__ lists {}",
    keys.MAIN: "what {} runs as a main module",
    keys.HOOKS: "the set of pytest hooks in {}",
    keys.WHOLE: "the code of {}",
    keys.SURFACE: "what importing {} evaluates",
    keys.MODULE: "the file or distribution that module {} is imported from",
    keys.LOADS: "what importing module {} brings along",
    keys.FILE: "file {}",
    keys.LISTING: "the list of names in directory {}",
    keys.EXISTS: "the existence of {}",
    keys.MODE: "the permissions of {}",
    keys.FOLDER: "the existence of {}",
    keys.LOG: "the existence of {}",
    keys.GLOB: "the set of files that match {}",
    keys.ENV: "environment variable {}",
    keys.PROGRAM: "the program {}",
    keys.SOURCES: "the set of Python files {}",
    keys.UNIT: "what {} leaves behind",
    keys.LEFT: "what {} leaves behind",
    keys.GROUP: "what all tests of {} share",
}

_FACETS: Final = {
    "python": "the Python interpreter",
    "options": "an option of the run",
    "plugins": "pytest or an active plugin",
    "inputs": "the set of files named by cell_cache_inputs",
}
"""Facets of the run with words of their own; any other is named as it is."""


_LOOKED_UP: Final = {
    "*": "an installed distribution",
    "entry-points": "what distributions offer as entry points",
}


def words(reason: Reason) -> str:
    """Say a reason as a clause without a full stop, e.g. ``the body of src/a.py::f changed``.

    An unknown slug is given back as it is, with its subject: a newer layer must not break a report.
    """
    if reason.slug == reasons.CHANGED:
        return f"{_thing(reason.subject)} changed"
    if reason.slug == reasons.IN_FLUX and reason.subject:
        return f"{_thing(reason.subject)} changed while the run used it"
    if reason.slug == reasons.EFFECT:
        kind, _, subject = reason.subject.partition(" ")
        effect = _EFFECTS.get(kind, f"it changes {kind}")
        return f"{effect} ({subject})" if subject else effect
    clause = _CLAUSES.get(reason.slug)
    if clause is None:
        return str(reason)
    return f"{clause} ({reason.subject})" if reason.subject else clause


def _thing(subject: str) -> str:
    """Name what a ``str(Key)`` stands for; any other subject stands for itself."""
    # The kind has no blank and the rest may: split once.
    kind, _, rest = subject.partition(" ")
    if kind == keys.TREE and rest == keys.HISTORY:
        return "what version control tells of the project"
    if kind == keys.TREE:
        return f"the project tree ({rest})" if rest else "a file of the project"
    if kind == keys.RUN and rest.startswith(("option ", "ini ")):
        return f"{rest} of a conftest"
    if kind == keys.RUN and rest:
        return _FACETS.get(rest, f"the {rest} of the run")
    if kind == keys.ENV and rest == "*":
        return "the environment, which was read as a whole,"
    if kind == keys.DISTRIBUTION:
        return _LOOKED_UP.get(rest, f"installed distribution {rest}")
    if kind in _THINGS and rest:
        # One of several defs of a name is numbered.
        return _THINGS[kind].format(rest.partition("#")[0] if kind == keys.BODY else rest)
    if kind in (keys.LISTING, keys.EXISTS, keys.FILE):
        # The project root itself has an empty path.
        return _THINGS[kind].format(".")
    return subject or "something it uses"

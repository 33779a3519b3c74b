"""Tells code that reads code: sources as text, docstrings, line numbers, code objects."""

from __future__ import annotations

from typing import Final

from pytest_cellcache.graph.names import Resolution
from pytest_cellcache.graph.refs import Refs
from pytest_cellcache.model.keys import FILE, Key

_SOURCES: Final = frozenset(
    "getsource getsourcelines findsource getblock getcomments getlines getline".split()
)
_OF_MODULES: Final = frozenset({"__file__", "__spec__", "__loader__", "__cached__"})
"""Names of a module that lead to its source."""
_DOCS: Final = frozenset({"__doc__", "getdoc", "help", "cleandoc", "DocTestFinder"})
_LINES: Final = frozenset(
    """tb_lineno f_lineno co_firstlineno co_lines co_positions __firstlineno__ getframeinfo
    getinnerframes getouterframes inspect.stack inspect.trace findCaller extract_tb extract_stack
    walk_tb walk_stack format_exc format_exception format_tb format_stack print_exc print_exception
    print_tb print_stack TracebackException findlinestarts _source_traceback""".split()
)
_BEGINNINGS: Final = frozenset(
    "co_firstlineno co_lines co_positions __firstlineno__ findlinestarts".split()
)
"""Those of code that need not run."""
_OF_FRAMES: Final = _LINES - _BEGINNINGS - {"tb_lineno"}
"""Those that tell lines of frames only, which who asks for these has got hold of."""
_AROUND: Final = frozenset(
    """getframeinfo getinnerframes getouterframes inspect.stack inspect.trace co_lines
    co_positions""".split()
)
"""Those among them that can give lines of text around one that runs, or all lines of a function."""
_NOTING_LINES: Final = frozenset({"traceback", "warns", "catch_warnings", "records"})
"""Where ``lineno`` is that of a frame, not one of a text that the project parses."""


_CODES: Final = frozenset(
    "__code__ getclosurevars get_instructions Bytecode disassemble dis code_info".split()
)


def reads_codes(refs: Refs) -> bool:
    """Say whether code may look into the code of functions that it does not call."""
    return not _CODES.isdisjoint(refs.attrs | refs.chains)


def reads_sources(refs: Refs) -> bool:
    """Say whether code may read the source of something."""
    return not _SOURCES.isdisjoint(refs.attrs | refs.chains)


def sources_of(named: Resolution) -> set[Key]:
    """Give the files whose text tells the source of something that code names."""
    found = {Key(FILE, file) for file, _, _ in named.bindings}
    return found | {Key(FILE, key.path) for key in named.keys if key.name in _OF_MODULES}


def reads_docs(refs: Refs) -> bool:
    """Say whether code may read a docstring."""
    return not _DOCS.isdisjoint(refs.attrs) or "help" in refs.chains


def reads_excerpts(refs: Refs) -> bool:
    """Say whether code may read more than in which line something runs or begins, and its text."""
    return not _AROUND.isdisjoint(refs.attrs | refs.chains)


def reads_lines(refs: Refs) -> bool:
    """Say whether code may read in which line something runs or is defined."""
    names = refs.attrs | refs.chains
    return not _LINES.isdisjoint(names) or _reads_noted(refs)


def reads_any_lines(refs: Refs) -> bool:
    """Say whether code may read lines otherwise than of frames."""
    return not (_LINES - _OF_FRAMES).isdisjoint(refs.attrs | refs.chains) or _reads_noted(refs)


def _reads_noted(refs: Refs) -> bool:
    return "lineno" in refs.attrs and not _NOTING_LINES.isdisjoint(refs.attrs)


def reads_beginnings(refs: Refs) -> bool:
    """Say whether code may read in which line something is defined that does not run."""
    return not _BEGINNINGS.isdisjoint(refs.attrs | refs.chains)

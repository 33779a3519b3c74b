"""What a footprint is made of: keys, each naming one thing whose digest may change."""

from __future__ import annotations

from typing import Final, NamedTuple

BODY: Final = "body"
NAME: Final = "name"
EFFECTS: Final = "effects"
IMPORTS: Final = "imports"
REGISTERS: Final = "registers"
WRITES: Final = "writes"
FRAME: Final = "frame"
MARKERS: Final = "markers"
DOC: Final = "doc"
ANNOTATIONS: Final = "annotations"
LINES: Final = "lines"
EXCERPT: Final = "excerpt"
EXPORT: Final = "export"
HOOKS: Final = "hooks"
MAIN: Final = "main"
WHOLE: Final = "whole"
SURFACE: Final = "surface"
MODULE: Final = "module"
LOADS: Final = "loads"
FILE: Final = "file"
LISTING: Final = "listing"
EXISTS: Final = "exists"
GLOB: Final = "glob"
ENV: Final = "env"
TREE: Final = "tree"
SOURCES: Final = "sources"
PROGRAM: Final = "program"
DISTRIBUTION: Final = "distribution"
RUN: Final = "run"
GROUP: Final = "group"
UNIT: Final = "unit"
LEFT: Final = "left"

MODE: Final = "mode"
FOLDER: Final = "folder"
LOG: Final = "log"
"""``Key.name`` of an ``exists`` key."""

MODULES: Final = "modules"
"""``Key.name`` of a ``listing`` key."""
HISTORY: Final = "history"
"""``Key.name`` of a ``tree`` key."""

CODE_KINDS: Final = frozenset(
    {
        BODY,
        NAME,
        EFFECTS,
        IMPORTS,
        REGISTERS,
        WRITES,
        FRAME,
        MARKERS,
        DOC,
        ANNOTATIONS,
        LINES,
        EXCERPT,
        EXPORT,
        HOOKS,
        MAIN,
        WHOLE,
        SURFACE,
    }
)  # fmt: skip
"""Kinds whose digest is a function of the content of the one file named by ``Key.path``."""


class Key(NamedTuple):
    """One input of a unit.

    ===========  =======================  =====================================================
    kind         path                     name; what the digest covers
    ===========  =======================  =====================================================
    ``body``     Python file              qualified name; the body of that def
    ``name``     Python file              global name; everything that binds or mutates it there
    ``effects``  Python file              empty; its anonymous statements and what it imports
    ``imports``  Python file              empty; what may fail in importing it, and which files it
                                          loads where something may
                                          its own; the same of all that it loads
                                          another; what may fail when its code imports that one
    ``registers`` Python file             file::name; its statements that may change that global
    ``writes``   Python file              qualified name; what that def may call and change
    ``frame``    Python file              empty; futures, star imports, builtins it redefines
    ``markers``  Python file              qualified name; pytest decorators of that def or class
    ``doc``      Python file              qualified name; docstring of that def or class, ``.*``
                                          at the end: which definitions in it have one
    ``annotations`` Python file           qualified name; annotations of that function
    ``lines``    Python file              qualified or global name; in which lines of the
                                          file it stands, and the text there and close by
    ``export``   Python file              global name; whether a plain ``__all__`` lists it
    ``hooks``    Python file              empty; names of the pytest hooks it defines
    ``main``     Python file              empty; what runs only where it is the main module
    ``whole``    Python file              empty; the whole file as code
    ``surface``  Python file              empty; all of it that importing it evaluates
    ``module``   empty                    dotted name; the first-party file it resolves to, or the
                                          distribution that has it, with its requirements
    ``loads``    as of ``module``         the same, for who only imports it: a module that does
                                          nothing but bind names is as good as another one; ``?``
                                          at the end: or none
    ``file``     any file                 empty; its content, or absent
    ``listing``  directory                empty; the names in it, or absent
                                          ``modules``; of them, what can be imported
    ``exists``   any path                 empty; absent, directory, file, what its owner may do
                                          with it, link whither
                                          ``mode``; its permissions, too
                                          ``folder``; nothing is as good as a directory
                                          ``log``; nothing is as good as a file to write to
    ``glob``     empty                    pattern; the names of the files that it matches
    ``env``      empty                    variable; its value, or absent
                 ``given``                variable that what came before had set; what sets it tells
                                          its value
    ``sources``  empty                    empty; the names of all Python files of the project
    ``tree``     empty                    empty; every file of the project that is not ignored
                                          ``history``; what version control would tell of it
    ``program``  empty                    program of another language or environment; its content
    ``distribution``  empty               name, ``*`` or ``entry-points``; version or content
    ``run``      empty                    facet of the run: python, options, plugins, ...
    ``unit``     test file                unit; constant, leads to what a producer rests on
    ``left``     test file                unit, file::name; what a producer left below a global, by
                                          content; leads to the unit
    ``group``    test file                empty; constant, leads to what all its tests share
    ===========  =======================  =====================================================

    Paths are relative to the project root, with forward slashes; ``..`` leads out of it.
    """

    kind: str
    path: str = ""
    name: str = ""

    def __str__(self) -> str:
        parts = [part for part in (self.path, self.name) if part]
        return f"{self.kind} {'::'.join(parts)}".rstrip()

"""Joins what traced child processes saw to the footprint of the unit that started them.

A child of which nobody can say what it did is a program: the unit depends on the whole project.
"""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from pytest_cellcache.graph.closure import Closure
from pytest_cellcache.graph.mains import MAIN_MODULE
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.scan import scan_source
from pytest_cellcache.lifecycle.units import Attempt
from pytest_cellcache.model.keys import EXISTS, LISTING, MAIN, MODULES, PROGRAM, WHOLE, Key
from pytest_cellcache.model.observation import (
    ALL_VARIABLES,
    UNKNOWN,
    CodeRef,
    Observation,
    Spawned,
)
from pytest_cellcache.sources.handover import is_alive
from pytest_cellcache.trace.made import Made

Lines = list[tuple[str, Any]]

PYTHON_VARIABLES: Final = frozenset(
    """PYTHONPATH PYTHONHOME PYTHONSAFEPATH PYTHONPLATLIBDIR PYTHONOPTIMIZE PYTHONWARNINGS
    PYTHONUTF8 PYTHONIOENCODING PYTHONDEVMODE PYTHONNOUSERSITE PYTHONUSERBASE PYTHONBREAKPOINT
    PYTHONINSPECT
    PYTHONCASEOK PYTHONCOERCECLOCALE PYTHONINTMAXSTRDIGITS""".split()
)
"""What the interpreter reads before anybody can see it."""

_FIELDS: Final = tuple(
    """reads writes listings stats folders modes repositories variables options distributions
    imports children hosts gaps""".split()
)
_OPTIONS_WITH_VALUE: Final = frozenset({"-W", "-X", "--check-hash-based-pycs"})
_COMMAND_FILE: Final = "<command>"
"""Where code given on a command line lies: nowhere, at the root."""

_UNVOUCHED: Final = Observation(children=frozenset({sys.executable}), on_stack=frozenset({UNKNOWN}))


class Child(NamedTuple):
    """One process, as its log tells.

    Attributes:
        command: ``sys.orig_argv``; ``None`` for a fork.
        folder: working directory at its start.
        modules: (name, file) of the modules it imported.
        search: folders of the project that it searched for modules, and what it found there.
        spawned: its own children.
        after: token of the traced process that it is a fork of, if it is.
        made: files and directories that it made.
    """

    seen: Observation
    command: tuple[str, ...] | None = None
    folder: str = ""
    modules: frozenset[tuple[str, str]] = frozenset()
    search: frozenset[tuple[str, str]] = frozenset()
    spawned: frozenset[Spawned] = frozenset()
    after: str | None = None
    made: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())


def read_child(lines: Lines, *, is_over: bool = False) -> Child:
    """Make sense of a log.

    Args:
        is_over: what comes after the present end does not matter.

    Raises:
        KeyError, TypeError, ValueError, IndexError: no log of ours.
    """
    kinds: dict[str, list[Any]] = {}
    for kind, value in lines:
        kinds.setdefault(kind, []).append(value)
    start = kinds.get("start", [None])[0]
    if start is None and "forked" in kinds and not is_alive(kinds["forked"][0]):
        return Child(Observation())  # killed before it woke up
    if start is None or "damaged" in kinds:
        return Child(_UNVOUCHED)
    if not is_over and "end" not in kinds and (not start["live"] or is_alive(start["pid"])):
        return Child(_UNVOUCHED)
    is_broad = bool(kinds.get("children")) or ALL_VARIABLES in kinds.get("variables", ())
    seen = Observation(
        codes=frozenset(CodeRef(*ref) for ref in kinds.get("codes", ())),
        **{kind: frozenset(kinds.get(kind, ())) for kind in _FIELDS},
        on_stack=frozenset({UNKNOWN} if is_broad else ()),
    )
    spawned = {Spawned(row[0], *map(frozenset, row[1:])) for row in kinds.get("spawned", ())}
    command = start["command"]
    if command is not None:
        seen = seen._replace(variables=seen.variables | PYTHON_VARIABLES)
    return Child(
        seen,
        tuple(command) if command is not None else None,
        start["cwd"],
        frozenset((name, file) for name, file in kinds.get("modules", ())),
        frozenset((path, names) for search in kinds.get("search", ()) for path, names in search),
        frozenset(spawned),
        start["after"],
        (frozenset(kinds.get("made_files", ())), frozenset(kinds.get("made_dirs", ()))),
    )


class ChildFootprints:
    """Reads the logs of children when the units that started them have closed.

    Args:
        read: gives the lines of a log so far, by token.
    """

    def __init__(self, project: Project, read: Callable[[str], Lines]) -> None:
        self._project = project
        self._read = read
        self._children: dict[str, Child] = {}

    def settle(self, attempt: Attempt) -> Attempt:
        """Join what children saw to a closed attempt and to the fixtures it used."""
        for instance in attempt.instances:
            if instance.seen.spawned:
                instance.seen = self.joined(instance.seen)
        if not attempt.seen.spawned:
            return attempt
        return attempt._replace(seen=self.joined(attempt.seen))

    def keys(self, seen: Observation, closure: Closure) -> set[Key]:
        """Give what the children of a unit rest on beside what they ran and consulted."""
        found: set[Key] = set()
        for child, spawned in self._family(seen):
            given = Made(spawned.made_files, spawned.made_dirs)
            found |= self._found_by_search(child, given)
            if child.command is not None:
                found |= self._main(child, child.command, given, closure)
        return found

    def joined(self, seen: Observation) -> Observation:
        """Join what the children of a unit saw so far; what they made for it is no input of it."""
        before = seen
        own = Made()
        for child, spawned in self._family(seen):
            given = Made(spawned.made_files, spawned.made_dirs)
            own.adopt(Made(*child.made))

            def is_input(path: str, given: Made = given) -> bool:
                return not given.owns(path)

            theirs = child.seen
            variables = theirs.variables - spawned.variables
            seen |= theirs._replace(
                reads=frozenset(filter(is_input, theirs.reads)),
                listings=frozenset(filter(is_input, theirs.listings)),
                stats=frozenset(filter(is_input, theirs.stats)),
                folders=frozenset(filter(is_input, theirs.folders)),
                modes=frozenset(filter(is_input, theirs.modes)),
                variables=variables,
                inherited=variables - spawned.others,
                spawned=frozenset(),
            )
        outputs = frozenset(path for path in before.fresh if own.owns(path))
        if not outputs:
            return seen
        return seen._replace(
            reads=seen.reads - (outputs & before.reads),
            stats=seen.stats - (outputs & before.stats),
            listings=seen.listings - (outputs & before.listings),
            modes=seen.modes - (outputs & before.modes),
        )

    def _family(self, seen: Observation) -> list[tuple[Child, Spawned]]:
        """List children and their children, each with what came to it from the unit."""
        found: list[tuple[Child, Spawned]] = []
        todo = [(spawned, False) for spawned in seen.spawned]
        done: set[str] = set()
        while todo:
            spawned, is_over = todo.pop()
            if spawned.token in done:
                continue
            done.add(spawned.token)
            child = self._child(spawned.token, is_over=is_over)
            found.append((child, spawned))
            if child.after is not None:
                todo.append((spawned._replace(token=child.after), True))
            for inner in child.spawned:
                made = (
                    inner.made_files | spawned.made_files,
                    inner.made_dirs | spawned.made_dirs,
                )
                variables = inner.variables | spawned.variables
                todo.append((Spawned(inner.token, *made, variables, spawned.others), False))
        return found

    def _child(self, token: str, *, is_over: bool) -> Child:
        if is_over:  # it may still run, and go on writing
            return read_child(self._read(token), is_over=True)
        if token not in self._children:
            try:
                child = read_child(self._read(token))
            except (KeyError, TypeError, ValueError, IndexError):
                child = Child(_UNVOUCHED)
            if child.seen is _UNVOUCHED:  # so far
                return child
            self._children[token] = child
        return self._children[token]

    def _found_by_search(self, child: Child, given: Made) -> set[Key]:
        """Make up for modules that the child found where this process would not have.

        Args:
            given: what the unit made for it: that holds nothing which was there before.
        """
        places, modules = self._project.snapshot.places, self._project.modules
        found: set[Key] = set()
        for name, file in child.modules:
            if given.owns(file):
                continue
            path = places.relative(file)
            if name == MAIN_MODULE:
                found.add(Key(MAIN, path))
                continue
            located = modules.find(name)
            if located is None or located.file != path:
                found.add(Key(WHOLE, path))
        for folder, names in child.search:
            path = places.relative(folder)
            if path not in modules.roots and not given.owns(folder):
                self._project.snapshot.note_names(path, {names}, MODULES)
                found.add(Key(LISTING, path, MODULES))
        return found

    def _main(
        self, child: Child, command: tuple[str, ...], given: Made, closure: Closure
    ) -> set[Key]:
        """Give what the code that a process begins with rests on."""
        kind, text = main_of(command)
        places = self._project.snapshot.places
        source: str | None = None
        found: set[Key] = set()
        if kind == "-c":
            source = text
        elif kind == "-m":
            source = f"import {text}\nimport {text}.__main__\n"
        elif kind == "script":
            text = os.path.normpath(os.path.join(child.folder, text))
            path = places.relative(text)
            found |= {Key(EXISTS, path), Key(MAIN, path)}
            if places.is_first_party(text):  # what it ran is in the trace
                return set() if given.owns(text) else found
            found = {Key(PROGRAM, "", text)}
            content = self._project.snapshot.read(path)
            source = content.decode(errors="replace") if content is not None else None
        ran = {file for name, file in child.modules if name == MAIN_MODULE}
        if source is None or (kind == "-m" and not ran):
            # Code from elsewhere: it may have read any attribute of what it imported.
            found |= {Key(WHOLE, places.relative(file)) for _, file in child.modules}
        if source is not None:
            body = textwrap.indent(source, " ") or " pass"
            found |= closure.called(_COMMAND_FILE, scan_source(f"def main():\n{body}\n pass\n"))
        return found


def main_of(command: tuple[str, ...]) -> tuple[str, str]:
    """Tell from a command line what Python was to run: ``-c``, ``-m``, ``script`` or ``stdin``."""
    words = iter(command[1:])
    for word in words:
        if word in _OPTIONS_WITH_VALUE:
            next(words, "")
        elif word == "-":
            break
        elif not word.startswith("-"):
            return "script", word
        elif not word.startswith("--"):
            for position, letter in enumerate(word[1:], start=1):
                if letter in "cm":
                    return f"-{letter}", word[position + 1 :] or next(words, "")
                if letter in "WX":
                    if position == len(word) - 1:
                        next(words, "")
                    break
    return "stdin", ""

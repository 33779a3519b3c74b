"""The only place that makes digests.

Schema history (bump ``SCHEMA`` whenever what enters a digest or a record changes; stores of
another schema are ignored, never migrated):

1. first version
2. functions in functions as bodies of their own; ``surface``, ``registers``, ``writes``,
   ``sources``, ``program`` and ``distribution``; graphs without ways to see a body; producers
3. digests of syntax without contexts; what defines a name among its words; modules asked for by
   computed names
4. values of fixtures; defs of one name told apart; what pytest's decorators ran in depth;
   conftests by what they do
5. what a plain ``__all__`` lists, name by name; what tests did unseen to wider fixtures and to
   files, and after whom they ran
6. loops and conditions that only bind names and change known objects, attributes of modules;
   a module's changes of its own globals in the digests of these only; bodies that await
7. imports that may fail, what they bring and what reads of it; permissions; whom the records of
   producers rest on, and who finds what they leave
8. annotations of functions apart from what else defining them evaluates; what fixtures set in the
   environment for others and what they change until they end; which tests producers were
9. what classes are made of that are defined in conditions, classes and functions; which words of
   changes are names of definitions; what lies outside the project and is changed
10. what code refers to as joined texts; kinds of the names in directories; folders that are made if
   there are none, and logs; beside which restored fixtures the value of another may be restored
11. who consults the working directory and ``sys.path``; metaclasses apart from bases; what tests
   leave among the loaded modules, and who imports one first that finds what does not last;
   memos that were cleared; what only one set-up of a fixture made; single names of modules
12. methods that bodies call of what no global names; functions that only who gets them back calls;
   which keys ``sys.modules`` is asked for; mappings that keep what they hold in ``data``
13. what the modules of a run enter in registers of others; groups of producers that records share;
   defaults that nobody can change; values of fixtures with arrays that lie in one another's memory;
   the directory in which the run was started; which files match what fixtures declare; what
   pickles name
14. what tests leave in long-lived objects, by content; docstrings of what functions define; what
   modules set for the whole process; variables that were given to who reads them
15. variables that children were given, and those that are read by way of others
16. where the bodies of functions begin; environments without what tells runs of a service apart;
   what calls that are statements of their own change; producers that ran later, by name only
17. what is asked for its length, and which keys tests leave in mappings; in which lines code is;
   in which order modules come to enter something in a register that several of them enter in;
   which fixture alone sets a variable; lambdas that statements keep as bodies of their own; what
   objects of libraries compute when they are asked first
18. sequences of texts as Python writes them; what tests leave, with all plain values of a container
   at once; producers by their places among the tests of their run; lines of classes, and around
   what runs; what statements saw in registers when they were evaluated; what ran within functions
   whose results are kept, told by the tracer; operators, and what is looked up before it is called,
   where that is not known; effects of classes without the names of their plain methods
19. whom code calls to import what it names when it runs; where bodies begin, apart from their
   lines; what operators change in place; variables that functions share and use by a key only;
   what bodies write that follows from what was written there before; which tests failed and left
   something behind; for whom a value was remembered before others changed what it follows from
20. which functions give what nobody else has, and whose results code changes in place;
   how tests failed; counters that new objects take over under another name;
   which definitions have no docstring; modules that are asked for what they only may bind, or only
   annotate
21. what modules consulted that were imported before the tracer started; how fixtures failed; what
   code changes of copies that it has made; what statements read of their module's names, or of
   those of who called, without naming them
22. what tests found made by others and would have made themselves; which producers of a test came
   before its fixtures were set up; which statements reset what they name, and whether a change is
   one of what is in a place or of which object is there; lines that tracebacks show
23. changes within functions that libraries made, whatever code runs these
24. what parameters are by default, and which of them only operators change; lines of frames that
   somebody has got hold of
"""

from __future__ import annotations

from collections.abc import Iterable
from json import dumps
from typing import Any, NewType

Digest = NewType("Digest", str)
"""Lower-case hex of 128-bit XXH3 (32 characters)."""

SCHEMA = 24

ABSENT = Digest("absent")
"""Stands for "there is no such thing", so that its appearance is a change."""


def digest_bytes(data: bytes | memoryview) -> Digest:
    """Digest raw bytes (XXH3-128, https://xxhash.com)."""
    import xxhash

    return Digest(xxhash.xxh3_128_hexdigest(data))


def digest_stream(parts: Iterable[bytes | memoryview]) -> Digest:
    """Digest bytes that come in parts as if they were joined."""
    import xxhash

    hasher = xxhash.xxh3_128()
    for part in parts:
        hasher.update(part)
    return Digest(hasher.hexdigest())


def digest_text(text: str) -> Digest:
    """Digest text; lone surrogates are kept apart from every other text."""
    return digest_bytes(text.encode("utf-8", "surrogatepass"))


def digest_parts(parts: Iterable[str]) -> Digest:
    """Digest an ordered sequence of strings; parts cannot run into each other."""
    return digest_text(repr([*parts]))


def digest_json(value: Any) -> Digest:
    """Digest a JSON value; the order of object keys does not count."""
    return digest_text(dumps(value, sort_keys=True, separators=(",", ":")))

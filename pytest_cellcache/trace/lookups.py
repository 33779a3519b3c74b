"""Says who can find what has changed in a long-lived object."""

from __future__ import annotations

import argparse
import sys
import threading
import types
from collections.abc import Callable
from typing import Any, Final

from pytest_cellcache.trace.held import Held
from pytest_cellcache.trace.holding import MAPPINGS
from pytest_cellcache.trace.identities import identity
from pytest_cellcache.trace.parts import is_ref, origin_of

_NAMED: Final = (*MAPPINGS, types.SimpleNamespace, argparse.Namespace, threading.local)
"""Types of the standard library whose objects have the keys or attributes that others give them."""
_LASTING: Final = (type, types.FunctionType, types.ModuleType)


def is_asked_by_name(value: Any, sources: frozenset[str]) -> bool:
    """Say whether code of the project names the keys or attributes of a value that it looks at.

    Not where methods do that which others have written.

    Args:
        sources: files of the project's modules.
    """
    kind = type(value)
    if any(kind is each for each in _NAMED) or issubclass(kind, _LASTING):
        return True
    return origin_of(kind, sources) == "own"


def is_fleeting(held: Held, knows: Callable[[Any], bool]) -> bool:
    """Say whether all that changed is below weak references to objects that nobody keeps.

    Args:
        knows: says whether an object is watched.
    """
    keys = held.keys_changed()
    if not keys or not all(map(is_ref, keys)):
        return False
    objects = [key() for key in keys]
    lasting = {identity(each) for each in vars(sys).values()}
    return not any(
        issubclass(type(each), _LASTING) or identity(each) in lasting or knows(each)
        for each in objects
    )

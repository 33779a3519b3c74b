"""Asks what stands in ``sys.modules``, which may be anything: objects in the place of modules,
modules that load parts when they are asked for them, proxies of modules that are gone.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any


def loaded_modules() -> Iterator[tuple[str, types.ModuleType]]:
    """Give the real modules; those that answer by code of their own are none."""
    for name, module in list(sys.modules.items()):
        # By type and never by ``isinstance``, which asks proxies what they are.
        if type(module) is types.ModuleType:
            yield name, module


def loaded_files() -> dict[str, str]:
    """List what has a file, by name."""
    found = ((name, attribute_of(module, "__file__")) for name, module in list(sys.modules.items()))
    return {name: filename for name, filename in found if type(filename) is str}


def attribute_of(module: Any, name: str) -> Any:
    """Give what an object itself holds under a name, without asking it; ``None`` for nothing."""
    try:
        members = object.__getattribute__(module, "__dict__")
    except (AttributeError, TypeError):  # has none; the proxy of something that is gone
        return None
    return members.get(name) if isinstance(members, (dict, types.MappingProxyType)) else None

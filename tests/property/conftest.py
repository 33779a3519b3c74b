"""The same suite under test as in ``plugin``."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

# By path: the folder of these tests is on nobody's sys.path.
_PATH = Path(__file__).parents[1] / "plugin" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("cellcache_suite", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
_MODULE = importlib.util.module_from_spec(_SPEC)
sys.modules["cellcache_suite"] = _MODULE
_SPEC.loader.exec_module(_MODULE)

suite = _MODULE.suite

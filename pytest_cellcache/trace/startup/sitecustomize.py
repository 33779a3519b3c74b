"""First code of a traced child: takes away what led here, starts the tracer, makes way.

Python imports the first ``sitecustomize`` it finds. Afterwards the environment and ``sys.path`` are
as if this one were not there, and the user's own, if there is one, is imported in its place.
"""

import os
import sys

# What a strange environment may bring. Without a log nobody vouches for this child; it runs on.
_TROUBLES = (OSError, ImportError, SyntaxError, TypeError, ValueError, AttributeError, LookupError,
             RuntimeError, MemoryError)  # fmt: skip
_HERE = os.path.dirname(os.path.abspath(__file__))


def _make_way() -> str:
    """Undo ``spawn.lead_to_startup``; give the path of the log."""
    mark = os.environ.pop("PYTEST_CELLCACHE_CHILD", "")
    if _HERE in sys.path:
        sys.path.remove(_HERE)
    sys.path_importer_cache.pop(_HERE, None)
    path = os.environ.get("PYTHONPATH", "")
    if path == _HERE or path.startswith(_HERE + os.pathsep):
        if mark.startswith("="):
            os.environ["PYTHONPATH"] = path[len(_HERE) + 1 :]
        else:
            del os.environ["PYTHONPATH"]
    return mark[1:]


def _start(log: str) -> None:
    """Start the tracer; what it imports is nobody else's business."""
    before = dict(sys.modules)
    package = os.path.dirname(os.path.dirname(_HERE))
    sys.path.insert(0, os.path.dirname(package))
    try:
        from pytest_cellcache.trace.executed import start

        start(log)
    finally:
        del sys.path[0]
        # But for what a new ``subprocess`` takes its function from: ours is in place there.
        for name in [name for name in sys.modules if name not in before]:
            if name != "_posixsubprocess":
                del sys.modules[name]


try:
    _log = _make_way()
    if _log:
        _start(_log)
except _TROUBLES:
    pass
sys.modules.pop("sitecustomize", None)
# The user's own, or the error that ``site`` expects.
import sitecustomize  # type: ignore[import-not-found, unused-ignore]  # noqa: E402, F401

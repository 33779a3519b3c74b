"""Imports modules, traced, and tells what they ran and consulted; see ``trace.early``."""

import os
import sys
from json import loads

_HERE = os.path.dirname(os.path.abspath(__file__))


def _main() -> None:
    wanted = loads(sys.stdin.buffer.read())
    to_asker = os.dup(1)  # what modules print is not for it
    os.dup2(2, 1)
    os.environ.update(wanted["variables"])
    sys.argv[:] = wanted["argv"]
    sys.path[:] = [os.path.dirname(os.path.dirname(os.path.dirname(_HERE))), *wanted["path"]]
    from pytest_cellcache.sources.places import Places
    from pytest_cellcache.trace.early import early_to_json
    from pytest_cellcache.trace.recorder import make_recorder

    del sys.path[0]
    is_first_party = Places("", tuple(wanted["foreign"]), wanted["own"]).is_first_party
    with make_recorder(wanted["tracer"], is_first_party) as recorder:
        for name in wanted["modules"]:
            __import__(name)  # ``import_module`` is watched
        with recorder.resting():
            found = early_to_json(recorder.tell())
    while found:
        found = found[os.write(to_asker, found) :]


_main()

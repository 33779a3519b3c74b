"""First steps of a traced process that was just executed; called by ``startup/sitecustomize``."""

from __future__ import annotations

import os
import sys

from pytest_cellcache.sources.handover import Handover, read_config
from pytest_cellcache.sources.places import Places
from pytest_cellcache.trace.recorder import make_recorder
from pytest_cellcache.trace.spawn import CHILDREN


def start(path: str) -> None:
    """Trace this process from here on.

    Args:
        path: of the log.

    Raises:
        ImportError: it looks for packages elsewhere than the process that started it.
    """
    import xxhash  # noqa: F401  # later nobody would catch that it is not there

    folder, token = os.path.split(path)
    config = read_config(folder)
    is_first_party = Places("", tuple(config["foreign"]), config["own"]).is_first_party
    recorder = make_recorder(config["tracer"], is_first_party)
    recorder.start()
    handover = Handover(os.path.dirname(folder), config)
    handover.join(folder)
    CHILDREN.handover = handover
    recorder.go_on_as_child(token, list(sys.orig_argv))

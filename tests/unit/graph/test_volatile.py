"""Calls whose result no footprint can hold still."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.volatile import Volatile
from pytest_cellcache.model.keys import BODY, EFFECTS, MARKERS, NAME, Key

if TYPE_CHECKING:
    from tests.unit.graph.conftest import World


def call_of(world: World, key: Key) -> str | None:
    project = world.project()
    return Volatile(project, Digester(project)).call_of(key)


@pytest.mark.parametrize(
    "source",
    [
        "import datetime as dt\nX = dt.datetime.now()\n",
        "from datetime import datetime\nX = datetime.now().isoformat()\n",
        "from datetime import date\nX = date.today()\n",
        "import time\nX = time.time()\n",
        "from time import perf_counter as clock\nX = clock()\n",
        "import random\nX = [random.random() for _ in range(3)]\n",
        "import uuid\nX = uuid.uuid4().hex\n",
        "import os\nX = os.urandom(3)\n",
        "import numpy as np\nX = np.random.rand(3)\n",
        "X = id(object())\n",
        "def f(clock): return clock.now()\nclass C: pass\nX = f(C()).x.now()\n",
    ],
)
def test_values_of_the_moment(world: World, source: str) -> None:
    world.write(a=source)
    assert call_of(world, Key(NAME, "a.py", "X"))


@pytest.mark.parametrize(
    "source",
    [
        "import datetime as dt\nX = dt.datetime(2020, 1, 1)\n",
        "import uuid\nX = uuid.UUID(int=1)\n",
        "import random\nX = random.Random(3)\n",
        "import time\nX = time.struct_time\n",
        "from .mine import time\nX = time()\n",
        "now = 1\nX = now\n",
    ],
)
def test_values_that_stay(world: World, source: str) -> None:
    world.write(a=source, mine="def time(): return 1\n")
    assert call_of(world, Key(NAME, "a.py", "X")) is None


def test_marks_effects_and_bodies_are_looked_through(world: World) -> None:
    world.write(
        a="""
        import time, pytest
        print(time.time())
        @pytest.mark.parametrize("t", [time.time()])
        def test_a(t): pass
        def stamp(): return time.monotonic()
        """
    )
    assert call_of(world, Key(EFFECTS, "a.py")) == "time.time"
    assert call_of(world, Key(MARKERS, "a.py", "test_a")) == "time.time"
    assert call_of(world, Key(BODY, "a.py", "stamp")) == "time.monotonic"
    assert call_of(world, Key(BODY, "a.py", "test_a")) is None

"""Which modules have ids that may differ from run to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_cellcache.graph.chance import consults_chance
from pytest_cellcache.graph.names import Names

if TYPE_CHECKING:
    from tests.unit.graph.conftest import World


def found_in(world: World, text: str) -> str | None:
    world.write(test_a=text)
    project = world.project()
    return consults_chance(project, Names(project), "test_a.py")


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("import time\nNOW = time.time()\n", "time.time"),
        ("from datetime import datetime as dt\nNOW = dt.now()\n", "datetime.datetime.now"),
        ("import datetime\nNOW = datetime.date.today()\n", "datetime.date.today"),
        ("import random\nif random.random() > 2:\n    X = 1\n", "random.random"),
        ("from uuid import uuid4\nIDS = [str(uuid4()) for _ in 'ab']\n", "uuid.uuid4"),
        ("import os\nKEY = os.urandom(3)\n", "os.urandom"),
        ("import numpy as np\nX = np.random.rand(3)\n", "numpy.random.rand"),
        (
            "import pytest, time\n@pytest.mark.parametrize('t', [time.time()])\ndef test_t(t): 1\n",
            "time.time",
        ),
        (
            "import random\ndef pytest_generate_tests(metafunc):\n"
            "    metafunc.parametrize('x', [random.random()])\n",
            "random.random",
        ),
        ("import time\ndef now():\n    return time.time()\nNOW = now()\n", "time.time"),
        ("from lib import NOW\nX = NOW\n", "time.time"),
        ("from lib import make\nX = make()\n", "random.choice"),
    ],
)
def test_the_clock_and_chance_at_import_are_seen(world: World, text: str, call: str) -> None:
    world.write(
        lib="import random, time\nNOW = time.time()\ndef make():\n    return random.choice('ab')\n"
    )
    assert found_in(world, text) == call


@pytest.mark.parametrize(
    "text",
    [
        "import time\ndef test_t():\n    time.time()\n",
        "import time\ntime.sleep\n",
        "import datetime\nX = datetime.date(2020, 1, 1)\n",
        "import uuid\nX = uuid.UUID(int=1)\n",
        "from lib import make\ndef test_t():\n    make()\n",
        "X = 1\n",
    ],
)
def test_what_tests_do_when_they_run_does_not_count(world: World, text: str) -> None:
    world.write(lib="import random\ndef make():\n    return random.choice('ab')\n")
    assert found_in(world, text) is None

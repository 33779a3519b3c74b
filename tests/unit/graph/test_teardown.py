from __future__ import annotations

import textwrap

import pytest

from pytest_cellcache.graph.teardown import does_teardown


@pytest.mark.parametrize(
    "body",
    ["return 1", "yield 1", "x = 1\n    yield x", "with x: y()\n    yield 1",
     "def inner(): yield 2\n    yield inner", "yield 1\n    pass", "yield 1\n    return",
     "try:\n        yield 1\n    finally:\n        pass",
     "if x:\n        yield 1\n    else:\n        x()"],
)  # fmt: skip
def test_nothing_after_the_yield(body: str) -> None:
    assert not does_teardown(textwrap.indent(f"@deco\ndef f():\n    {body}", "    "))
    assert not does_teardown(f"async def f():\n    {body}")


@pytest.mark.parametrize(
    "body",
    ["yield 1\n    x()", "with x: yield 1", "try:\n        yield\n    finally: x()",
     "try:\n        yield 1\n    except E: x()\n    else: x()", "yield x if (yield) else 1",
     "if x:\n        yield 1\n    x()", "if x: yield 1\n    else: yield 2", "y = yield 1",
     "while x:\n        yield 1", "try: x()\n    except E: yield 1",
     "for x in y: yield x", "yield 1\n    yield 2", "yield from x"],
)  # fmt: skip
def test_something_after_the_yield(body: str) -> None:
    assert does_teardown(f"def f():\n    {body}")


def test_in_doubt_it_does() -> None:
    assert does_teardown("")
    assert does_teardown("f = lambda: (yield)")

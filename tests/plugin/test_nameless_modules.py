"""Modules that lose what an import gives them: tests may take away or replace ``__name__``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

TAKEN = (
    'vars(which).pop("__name__", None)',
    'vars(which).pop("__file__", None)',
    'vars(which).pop("__spec__", None)',
    'vars(which)["__name__"] = 3',
    'vars(which)["__name__"] = None',
    'vars(which)["__file__"] = 3',
    "vars(which).clear()",
)


@pytest.mark.parametrize("whose", ["lib", "sys.modules[__name__]"])
@pytest.mark.parametrize("taken", TAKEN)
def test_a_module_may_lose_its_own_names(suite: Suite, taken: str, whose: str) -> None:
    if "clear" in taken and whose != "lib":
        pytest.skip("nothing of the test module would be left")
    suite.write("pytest.ini", "[pytest]\ncell_cache_min_seconds = 0\n")
    suite.write("lib.py", "KNOWN = {}\nSHOWN = [1]\nclass Thing:\n    count = 0\n")
    suite.write("other.py", "def rate(): return 3\n")
    suite.write(
        "test_a.py",
        f"""
        import sys
        import pytest
        import lib, other

        KEPT = []

        @pytest.fixture(scope="module")
        def wide():
            return {{"a": [1], "b": (lambda: 2), "c": KEPT}}

        @pytest.fixture
        def narrow(wide):
            KEPT.append(1)
            yield wide
            KEPT.pop()

        def test_first(wide): pass

        def test_taking():
            which = {whose}
            {taken}

        def test_later(wide, narrow): assert wide["a"] == [1]
        def test_changing(): KEPT.append(2)
        def test_reading(): assert 2 in KEPT
        def test_thread():
            import threading
            each = threading.Thread(target=other.rate)
            each.start()
            each.join()
        """,
    )
    suite.write(
        "test_b.py",
        """
        import pytest
        import other

        @pytest.fixture(scope="module")
        def value(): return [other.rate()]

        def test_rate(value): assert value == [3]
        def test_none(): pass
        """,
    )
    suite.warm()
    suite.edit("other.py", "return 3", "return 4")
    assert set(suite.both().names) == {"test_thread", "test_rate"}

"""Promise 2: after any edit a warm run reports what plain pytest reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

EDITS = [
    ("lib.py", "RATE = 2", "RATE = 3"),
    ("lib.py", "return rate(price)", "return rate(price) + 0"),
    ("lib.py", "TABLE = {", "TABLE = {'late': 1, "),
    ("lib.py", '"""Price."""', '"""Prices."""'),
    ("lib.py", "def __init__(self, price=1)", "def __init__(self, price=4)"),
    ("conftest.py", "return lib.Cart()", "return lib.Cart(5)"),
    ("conftest.py", "@pytest.fixture\n", "@pytest.fixture(autouse=True)\n"),
    ("test_a.py", "== 2", "== 3"),
    ("test_a.py", "[1, 2]", "[2, 1, 3]"),
    ("test_a.py", "@pytest.mark.xfail\n", ""),
    ("test_a.py", "# first", "@pytest.mark.skip\n"),
]


def test_every_edit_and_its_undoing(suite: Suite) -> None:
    suite.write(
        "lib.py",
        '''
        RATE = 2
        TABLE = {"one": 1}

        def rate(price):
            return price * RATE

        class Cart:
            """Price."""

            def __init__(self, price=1):
                self.price = price

            def total(self):
                return rate(self.price)

        def total(price):
            return rate(price)
        ''',
    )
    suite.write(
        "conftest.py",
        """
        import lib
        import pytest

        @pytest.fixture
        def cart():
            return lib.Cart()
        """,
    )
    suite.write(
        "test_a.py",
        """
        import lib
        import pytest

        # first
        def test_total(): assert lib.total(1) == 2
        def test_cart(cart): assert cart.total() == lib.RATE
        def test_table(): assert list(lib.TABLE) == ["one"]
        def test_doc(): assert lib.Cart.__doc__ == "Price."
        @pytest.mark.parametrize("number", [1, 2])
        def test_number(number): assert number < 3
        @pytest.mark.xfail
        def test_known(): assert lib.total(0)
        def test_alone(): pass
        """,
    )
    suite.both()
    for name, old, new in EDITS:
        before = (suite.path / name).read_text()
        (suite.path / name).write_text(before.replace(old, new, 1))
        assert (suite.path / name).read_text() != before, old
        changed = suite.both()
        assert changed.live, (old, "nothing ran")
        (suite.path / name).write_text(before)
        assert suite.both().live == [], (old, "undone")

"""Promise 2: after any edit a warm run reports what plain pytest reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

PROJECT = {
    "lib.py": '''
        # future
        import functools
        import whole

        whole.register("one")
        RATE = 2
        TABLE = {"one": 1}
        TABLE["more"] = 2
        if RATE:
            class Late(whole.Made):
                label = "late"

        # frame
        def rate(price: int):
            return price * RATE

        class Cart:
            """Price."""

            def __init__(self, price=1):
                self.price = price

            def total(self):
                return rate(self.price)

        def total(price):
            return rate(price)

        def size(things):
            return len(things)

        def slow():
            return 7

        @functools.lru_cache
        def remembered():
            return slow()
        ''',
    "whole.py": """
        LIMIT = 3
        NAMES = []
        MADE = []

        def register(name): NAMES.append(name)

        class Made:
            def __init_subclass__(cls): MADE.append(cls)
        """,
    "data.txt": "1",
    "conftest.py": """
        import lib
        import pytest
        from pathlib import Path

        @pytest.fixture
        def cart():
            return lib.Cart()

        @pytest.fixture(scope="module")
        def data():
            return (Path(__file__).parent / "data.txt").read_text()

        # hook
        """,
    "test_a.py": """
        import lib
        import pytest

        class Case:
            def __init__(self, number):
                self.number = number

        # first
        def test_total(): assert lib.total(1) == 2
        def test_cart(cart): assert cart.total() == lib.RATE
        def test_table(): assert list(lib.TABLE.values()) == [1, 2]
        def test_doc(): assert lib.Cart.__doc__ == "Price."
        def test_names(): assert lib.whole.NAMES == ["one"]
        def test_labels(): assert [c.label for c in lib.whole.MADE] == ["late"]
        def test_annotation(): assert lib.rate.__annotations__ == {"price": int}
        def test_size(): assert lib.size([1, 2]) == 2
        def test_remembered_first(): assert lib.remembered() == 7
        def test_remembered_again(): assert lib.remembered() == 7
        def test_data(data): assert data == "1"
        def test_data_again(data): assert data == "1"
        @pytest.mark.parametrize("number", [1, 2])
        def test_number(number): assert number < 3
        @pytest.mark.parametrize("case", [Case(1)], ids=["case"])
        def test_case(case): assert case.number == 1
        @pytest.mark.parametrize("limit", [5], ids=["limit"])
        def test_limit(limit): assert limit == 5
        @pytest.mark.xfail
        def test_known(): assert lib.total(0)
        @pytest.mark.skipif(lib.RATE == 3, reason="three")
        def test_two(): pass
        def test_alone(): pass
        """,
    "sub/test_b.py": """
        import whole

        try:
            import extra
        except ImportError:
            extra = None

        def test_extra(): assert extra is None
        def test_whole(): assert sorted(vars(whole))[0] == "LIMIT"
        def test_limit(): assert getattr(whole, "lim".upper() + "IT") == 3
        def test_cart(cart): assert cart.total()
        """,
}

EDITS = {
    "code": [
        ("lib.py", "RATE = 2", "RATE = 3"),
        ("lib.py", "return rate(price)", "return rate(price) + 0"),
        ("lib.py", "return rate(self.price)", "return rate(self.price) + 1"),
        ("lib.py", "TABLE = {", "TABLE = {'late': 1, "),
        ("lib.py", '["more"] = 2', '["more"] = 3'),
        ("lib.py", '"""Price."""', '"""Prices."""'),
        ("lib.py", "def __init__(self, price=1)", "def __init__(self, price=4)"),
        ("lib.py", "return 7", "return 8"),
        ("lib.py", 'register("one")', 'register("two")'),
        ("lib.py", 'label = "late"', 'label = "later"'),
        ("lib.py", "Late(whole.Made)", "Late"),
    ],
    "what names mean": [
        ("lib.py", "# future", "from __future__ import annotations"),
        ("lib.py", "# frame", "def len(things): return 5"),
        ("lib.py", "# frame", "from whole import *\nfrom whole import LIMIT as len"),
        ("whole.py", "LIMIT = 3", "LIMIT = 4"),
        ("whole.py", "LIMIT = 3", "ABOVE = 4\nLIMIT = 3"),
        ("extra.py", "", "PRESENT = True"),
    ],
    "set-up": [
        ("conftest.py", "return lib.Cart()", "return lib.Cart(5)"),
        ("conftest.py", "@pytest.fixture\n", "@pytest.fixture(autouse=True)\n"),
        ("conftest.py", "# hook", "def pytest_runtest_setup(item): raise ValueError"),
        ("sub/conftest.py", "", "import pytest\n@pytest.fixture\ndef cart(): return None"),
        ("data.txt", "1", "2"),
    ],
    "tests": [
        ("test_a.py", "lib.total(1) == 2", "lib.total(1) == 3"),
        ("test_a.py", "[1, 2])\ndef test_number", "[2, 1, 3])\ndef test_number"),
        ("test_a.py", "Case(1)", "Case(2)"),
        ("test_a.py", "[5], ids", "[6], ids"),
        ("test_a.py", "@pytest.mark.xfail\n", ""),
        ("test_a.py", "@pytest.mark.xfail\n", "@pytest.mark.xfail(strict=True, raises=KeyError)\n"),
        ("test_a.py", "# first", "@pytest.mark.skip"),
    ],
}


@pytest.mark.parametrize("edits", list(EDITS.values()), ids=list(EDITS))
def test_every_edit_and_its_undoing(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, edits: list[tuple[str, str, str]]
) -> None:
    monkeypatch.syspath_prepend(suite.path)
    for name, text in PROJECT.items():
        suite.write(name, text)
    assert suite.both().code == 0
    for name, old, new in edits:
        path = suite.path / name
        before = path.read_text() if path.exists() else None
        if before is None:
            path.write_text(new)
        else:
            assert old in before, (name, old)
            path.write_text(before.replace(old, new, 1))
        assert suite.both().live, (old, new, "nothing ran")
        if before is None:
            path.unlink()
        else:
            path.write_text(before)
        undone = suite.cached()
        assert undone.live == [], (old, new, "undone")
        assert undone.code == 0

"""Fixtures that are methods: what they find on their ``self`` is an input of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Counted, Suite

INHERITED = """
import pytest

class TestA:
    scale = 3

    @pytest.fixture(scope="{scope}")
    def big(self):
        return [self.scale]

    def test_a(self, big):
        assert len(big) == 1

class TestB(TestA):
    scale = 4

    def test_b(self, big):
        assert big == [4]
"""


@pytest.mark.parametrize("scope", ["function", "class"])
def test_an_attribute_of_a_subclass(counted: Counted, scope: str) -> None:
    counted.write(test_a=INHERITED.format(scope=scope))
    counted.run()
    counted.edit("test_a.py", "scale = 4", "scale = 5")
    ran, _ = counted.run()
    assert ran.outcomes["test_a.py::TestB::test_b"].endswith("call:failed teardown:passed")
    counted.edit("test_a.py", "scale = 5", "scale = 4")
    counted.edit("test_a.py", "assert len(big) == 1", "assert len(big) < 2")
    _, calls = counted.run()
    assert calls == {}  # as before the first edit


def test_an_attribute_of_a_class_that_a_class_method_finds(counted: Counted) -> None:
    text = INHERITED.format(scope="class").replace(
        "    def big(self)", "    @classmethod\n    def big(self)"
    )
    counted.write(test_a=text)
    counted.run()
    counted.edit("test_a.py", "scale = 4", "scale = 5")
    ran, _ = counted.run()
    assert "call:failed" in ran.outcomes["test_a.py::TestB::test_b"]


@pytest.mark.parametrize("scope", ["function", "class"])
def test_an_attribute_that_another_fixture_sets(counted: Counted, scope: str) -> None:
    counted.write(
        test_a=f"""
import pytest

class TestA:
    @pytest.fixture(autouse=True, scope="{scope}")
    def first(self):
        self.size = 3

    @pytest.fixture(scope="{scope}")
    def big(self):
        return [self.size]

    def test_a(self, big):
        assert big == [3]
"""
    )
    ran, _ = counted.run()
    assert counted.why(ran, "big") == "session-bound self"
    counted.edit("test_a.py", "self.size = 3", "self.size = 4")
    _, calls = counted.run()
    assert calls["big"] > 0


def test_an_attribute_that_comes_to_be_set(counted: Counted) -> None:
    counted.write(
        test_a="""
import pytest

class TestA:
    size = 3

    @pytest.fixture
    def big(self):
        return [self.size]

    def test_a(self, big):
        assert big == [3]
"""
    )
    counted.run()
    counted.edit(
        "test_a.py", "    size = 3", "    size = 3\n    def setup_method(self): self.size = 4"
    )
    ran, _ = counted.run()
    assert "call:failed" in ran.outcomes["test_a.py::TestA::test_a"]


@pytest.mark.parametrize("scope", ["class", "module", "session"])
def test_the_end_of_a_value_is_nothing_that_a_test_has_done(suite: Suite, scope: str) -> None:
    suite.write(
        "lib.py",
        """
        class Part:
            size = 1

        class Engine:
            def __init__(self, n):
                self.n = n
                self.part = Part()

            def run(self):
                return self.n

            def name(self):
                return str(self.n + self.part.size)
        """,
    )
    suite.write(
        "test_a.py",
        f"""
        import lib
        import pytest

        @pytest.fixture(scope={scope!r}, params=[1, 2, 3])
        def engine(request):
            return lib.Engine(request.param)

        class TestIt:
            def test_run(self, engine):
                assert engine.run() == engine.n

            def test_name(self, engine):
                assert engine.name() == str(engine.n + 1)

            @pytest.mark.parametrize("engine", [7], indirect=True)
            def test_other(self, engine):
                assert engine.n
        """,
    )
    suite.warm()
    assert suite.cached().live == []
    suite.edit("lib.py", "return self.n\n", "return self.n + 0\n")
    assert suite.both().live == [f"test_a.py::TestIt::test_run[{n}]" for n in (1, 2, 3)]
    suite.edit("lib.py", "self.part.size)", "self.part.size * 1)")
    assert suite.both().live == [f"test_a.py::TestIt::test_name[{n}]" for n in (1, 2, 3)]
    suite.edit("test_a.py", "assert engine.n\n", "assert engine.n == 7\n")
    assert suite.both().live == ["test_a.py::TestIt::test_other[7]"]

"""What the teardown of a wider fixture raises is reported, whenever a requeue ends the fixture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Counted, Suite

CONFTEST = """
import pytest

@pytest.fixture(scope="session")
def base():
    return {"n": 1}

@pytest.fixture
def own(base):
    yield base
    assert base["n"] == 2

@pytest.fixture(scope="module")
def wide(base):
    yield base
    raise RuntimeError("wide ends")
"""

ORDERS = {
    # It is made from ``base``, which ends where the failure of ``own`` is confirmed.
    "ended with what it is made from": ["wide", "own", "base"],
    # The failure of its teardown is that of an attempt with ``base`` restored.
    "ended with the module": ["wide", "base"],
    "set up again": ["wide", "own", "wide_too"],
    "replayed last": ["wide", "own", "free"],
}


@pytest.mark.parametrize("name", ORDERS)
def test_the_error_is_reported_where_its_scope_ends(counted: Counted, name: str) -> None:
    counted.write(
        conftest=CONFTEST,
        test_a="""
        import lib
        def test_base(base): assert base["n"] == lib.one()
        def test_wide(wide): assert wide["n"] == 1
        def test_own(own): assert own["n"] == 1
        def test_wide_too(wide): assert wide["n"] == 1
        def test_free(): pass
        """,
        test_b="def test_after(base): assert base['n'] == 1",
    )
    counted.run()
    counted.edit()
    for last in ([], ["test_b.py"]):
        ran, _ = counted.run(*(f"test_a.py::test_{test}" for test in ORDERS[name]), *last)
        assert ran.text.count("wide ends") >= 1


def test_what_another_parameter_raises_is_reported_where_a_set_up_ends_it(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest
        OPEN = []
        @pytest.fixture(scope="module", params=["a", "b"])
        def wide(request):
            OPEN.append(request.param)
            yield request.param
            OPEN.remove(request.param)
            if request.param == "a":
                raise RuntimeError("a ends")
        def test_none(): assert OPEN == []
        def test_wide(wide): assert OPEN == [wide]
        def test_too(wide): assert OPEN == [wide]
        def test_last(wide): assert OPEN == [wide]
        """,
    )
    for _ in range(2):
        assert suite.both().outcomes["test_a.py::test_wide[b]"].startswith("setup:failed")


@pytest.mark.parametrize(
    "attribute",
    [
        "exceptions = (1, 'text')",
        "exceptions = (Wrapped(ValueError, 'v'),)",
        "exceptions = (Wrapped(ValueError, 'v'), ValueError('v'))",
        "exceptions = [ValueError('v')]",
        "exceptions = property(lambda self: self.missing)",
        "exceptions = property(lambda self: 1 / 0)",
        "exceptions = property(lambda self: (self,))",
    ],
)
@pytest.mark.parametrize("where", ["call", "setup"])
def test_an_error_may_have_exceptions_that_are_none(
    suite: Suite, attribute: str, where: str
) -> None:
    suite.write(
        "lib.py",
        f"""
        from collections import namedtuple
        Wrapped = namedtuple("Wrapped", "kind value")
        class Many(Exception):
            {attribute}
        def check():
            if one() != 1:
                raise Many("many") from ValueError("cause")
        def one(): return 1
        """,
    )
    suite.write(
        "test_it.py",
        f"""
        import lib, pytest
        SEEN = []
        @pytest.fixture(scope="module")
        def wide():
            if "{where}" == "setup": lib.check()
            return 1
        def test_before(): SEEN.append(1)
        def test_failing(wide): lib.check()
        def test_after(wide): pass
        """,
    )
    suite.warm()
    suite.edit("lib.py", "return 1", "return 2")
    failed = suite.both()
    assert failed.code == 1
    assert "test_failing" in failed.names
    suite.edit("lib.py", "return 2", "return 1")
    assert suite.both().code == 0

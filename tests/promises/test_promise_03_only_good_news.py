"""Promise 3: a failure or an error is never replayed; it ran, in this run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

BAD = {
    "assertion": "def test_bad(): assert 0",
    "error in set-up": "@pytest.fixture\ndef f(): 1 / 0\ndef test_bad(f): pass",
    "error in teardown": "@pytest.fixture\ndef f():\n yield\n 1 / 0\ndef test_bad(f): pass",
    "strict xpass": "@pytest.mark.xfail(strict=True)\ndef test_bad(): pass",
    "pytest.fail": "def test_bad(): pytest.fail('so')",
    "subtest": (
        "import unittest\nclass T(unittest.TestCase):\n def test_bad(self):\n"
        "  with self.subTest(): self.fail('so')\n  with self.subTest(): pass"
    ),
    "module set-up": "def setup_module(): 1 / 0\ndef test_bad(): pass",
    "class set-up": (
        "import unittest\nclass T(unittest.TestCase):\n"
        " @classmethod\n def setUpClass(cls): 1 / 0\n def test_bad(self): pass"
    ),
    "warning made an error": (
        "import warnings\n@pytest.mark.filterwarnings('error')\ndef test_bad(): warnings.warn('so')"
    ),
}


@pytest.mark.parametrize("source", list(BAD.values()), ids=list(BAD))
def test_bad_news_is_live_every_time(suite: Suite, source: str) -> None:
    suite.write("test_bad.py", "import pytest\n" + source + "\n")
    suite.write("test_good.py", "def test_good(): pass\n")
    for _ in range(2):
        plain, ran = suite.plain(), suite.cached()
        assert ran.code == plain.code == 1
        # Pytester notes a report before the hooks do that are called for it, such as the one that
        # reports the set-up of a trial when a subtest makes itself heard.
        words = [{n: sorted(w.split()) for n, w in r.outcomes.items()} for r in (ran, plain)]
        assert words[0] == words[1]
        (bad,) = (n for n in ran.decisions if n.endswith("test_bad"))
        assert ran.decisions[bad]["unstored"]["slug"] == "failed"
    # Maybe twice: then with the module imported that was left out the first time.
    assert {name.rpartition("::")[2] for name in ran.names} == {"test_bad"}


def test_an_error_in_a_shared_teardown_is_bad_news_for_all_users(suite: Suite) -> None:
    suite.write(
        "test_bad.py",
        """
        import pytest

        @pytest.fixture(scope="module")
        def breaks():
            yield
            raise ValueError

        def test_other(): pass
        def test_first(breaks): pass
        def test_last(breaks): pass
        """,
    )
    for _ in range(2):
        ran = suite.both()
        assert ran.code == 1
    assert ran.names == ["test_first", "test_last"]


def test_an_error_of_a_hook_after_the_test_is_bad_news(suite: Suite) -> None:
    suite.write(
        "conftest.py",
        """
        import pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_teardown(item):
            yield
            assert item.name != "test_bad"
        """,
    )
    suite.write("test_a.py", "def test_bad(): pass\ndef test_good(): pass\n")
    for _ in range(2):
        ran = suite.both()
        assert ran.code == 1
    assert ran.names == ["test_bad"]


def test_a_fixture_that_failed_keeps_those_out_that_outlive_it(suite: Suite) -> None:
    suite.write(
        "test_bad.py",
        """
        import pytest

        @pytest.fixture(scope="module")
        def breaks(): raise ValueError

        def test_bad(breaks): pass
        def test_survives(request):
            with pytest.raises(ValueError):
                request.getfixturevalue("breaks")
        """,
    )
    for _ in range(2):
        ran = suite.both()
        assert ran.code == 1
    assert ran.names == ["test_bad", "test_survives"]


GOOD = {
    "passed": "def test_good(): pass",
    "skipped": "def test_good(): pytest.skip('so')",
    "xfailed": "@pytest.mark.xfail\ndef test_good(): assert 0",
    "xpassed": "@pytest.mark.xfail(strict=False)\ndef test_good(): pass",
}


@pytest.mark.parametrize("outcome", list(GOOD))
def test_good_news_is_remembered(suite: Suite, outcome: str) -> None:
    suite.write("test_good.py", "import pytest\n" + GOOD[outcome] + "\n")
    suite.both()
    again = suite.both()
    assert again.live == []
    assert again.decisions["test_good.py::test_good"]["outcome"] == outcome

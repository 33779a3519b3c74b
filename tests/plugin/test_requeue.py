"""A failure after replayed tests of its module is seen again after these have run."""

from __future__ import annotations

import logging
import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

STATE = """
    import pytest

    LOG = []

    @pytest.fixture(scope="module")
    def shared():
        LOG.append("setup")
        yield LOG
        LOG.append("teardown")

    def test_first(shared):
        LOG.append("first")

    class TestMiddle:
        def test_middle(self, shared):
            LOG.append("middle")

    def value():
        return 1

    def test_needs_state(shared):
        assert value() == 1
        assert "first" in LOG and "middle" in LOG and "teardown" not in LOG

    def test_fails():
        assert value() == 1

    def test_last(shared):
        pass
"""


def test_a_failure_for_want_of_replayed_tests_is_no_failure(suite: Suite) -> None:
    suite.write("test_a.py", STATE)
    suite.both()
    suite.edit("test_a.py", "return 1", "return 2 - 1")
    again = suite.both()
    assert again.code == 0
    decision = again.decisions["test_a.py::test_needs_state"]
    assert decision["outcome"] == "passed"
    # Only if the state is no input of the test: else all three ran at once.
    if decision["attempts"] == 2:
        mates = ["test_a.py::test_first", "test_a.py::TestMiddle::test_middle"]
        assert decision["requeued_for"] == mates
        assert again.names == [
            "test_needs_state",
            "test_first",
            "TestMiddle::test_middle",
            "test_needs_state",
            "test_fails",
        ]


PLAIN_FAILURE = """
    import warnings
    import pytest

    def value():
        return 1

    def test_first(): pass
    def test_second(): pass

    class TestIt:
        def test_fails(self):
            assert not hasattr(self, "mark")
            self.mark = 1
            print("said once")
            warnings.warn("warned once")
            assert value() == 1

        def test_fails_too(self):
            assert value() == 1

    def test_last(): pass
"""


def test_a_real_failure_is_reported_once_after_its_mates_ran_once(suite: Suite) -> None:
    suite.write("test_a.py", PLAIN_FAILURE)
    suite.both()
    suite.edit("test_a.py", "return 1", "return 2")
    again = suite.both("-rA")
    assert again.code == 1
    assert again.names == [
        "TestIt::test_fails",
        "test_first",
        "test_second",
        "TestIt::test_fails",
        "TestIt::test_fails_too",
    ]
    assert again.decisions["test_a.py::TestIt::test_fails"]["attempts"] == 2
    assert again.decisions["test_a.py::TestIt::test_fails_too"]["attempts"] == 1
    assert again.report["totals"]["requeued"] == 1
    assert again.text.count("UserWarning: warned once") == 1
    assert again.text.count("\nsaid once") == 1
    assert "2 failed, 3 passed" in again.text


def test_a_report_that_a_plugin_cannot_make_without_its_protocol(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pytest-json-report: its hooks meet mates that nobody has heard of."""
    monkeypatch.syspath_prepend(suite.path)
    suite.write(
        "noting.py",
        """
        import pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_protocol(item):
            item.noted = {}
            try:
                return (yield)
            finally:
                del item.noted

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_makereport(item, call):
            report = yield
            item.noted[call.when] = report.outcome
            return report
        """,
    )
    suite.write(
        "test_a.py", PLAIN_FAILURE.replace("def test_first():", "def test_first(tmp_path):")
    )
    suite.both("-p", "noting")
    suite.edit("test_a.py", "return 1", "return 2")
    again = suite.both("-p", "noting")
    assert again.code == 1
    assert again.decisions["test_a.py::TestIt::test_fails"]["attempts"] == 2
    assert not again.report["warnings"]


@pytest.mark.parametrize("option", ["-x", "--maxfail=2", "--sw", "--lf", "--ff", "-vv"])
def test_options_that_act_on_failures_see_one(suite: Suite, option: str) -> None:
    suite.write("test_a.py", PLAIN_FAILURE)
    suite.cached()
    suite.edit("test_a.py", "return 1", "return 2")
    suite.cached("-p", "no:stepwise") if option != "--sw" else None
    plain = suite.plain(option)
    (suite.path / ".pytest_cache" / "v" / "cache" / "stepwise").unlink(missing_ok=True)
    cached = suite.cached(option)
    assert cached.outcomes == plain.outcomes
    assert cached.code == plain.code


def test_a_setup_failure_is_seen_again_with_the_fixture_set_up_anew(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest

        STATE = []

        def value():
            return 1

        def test_first():
            STATE.append(1)

        @pytest.fixture(scope="module")
        def needs():
            assert value() == 1
            assert STATE == [1]
            return 5

        @pytest.fixture
        def needs_too(needs):
            return needs

        def test_a(needs_too):
            assert needs_too == 5

        def test_b(needs):
            assert needs == 5
        """,
    )
    suite.both()
    suite.edit("test_a.py", "return 1", "return 2 - 1")
    again = suite.both()
    assert again.code == 0
    assert again.names[-1] == "test_b"


def test_a_skip_or_an_expected_failure_is_no_failure(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest

        def value():
            return 1

        def test_first(): pass

        def test_skips():
            if value() == 2:
                pytest.skip("two")

        @pytest.mark.xfail
        def test_xfails():
            assert value() == 1
        """,
    )
    suite.both()
    suite.edit("test_a.py", "return 1", "return 2")
    again = suite.both()
    assert again.names == ["test_skips", "test_xfails"]
    assert again.report["totals"]["requeued"] == 0


def test_unittest_is_requeued_too(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import unittest

        def value():
            return 1

        class TestIt(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                cls.log = []

            def test_a(self):
                self.log.append("a")

            def test_b(self):
                self.assertEqual(value(), 1)

            def test_c(self):
                pass
        """,
    )
    suite.both()
    suite.edit("test_a.py", "return 1", "return 2")
    again = suite.both()
    assert again.names == ["TestIt::test_b", "TestIt::test_a", "TestIt::test_b"]


def test_a_failing_subtest_is_reported_as_it_is(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import unittest

        def value():
            return 1

        def test_first(): pass

        class TestIt(unittest.TestCase):
            def test_b(self):
                for number in range(3):
                    with self.subTest(number=number):
                        self.assertEqual(value(), 1)
        """,
    )
    suite.both()
    suite.edit("test_a.py", "return 1", "return 2")
    plain = suite.plain()
    again = suite.cached()
    # The hook recorder notes the first subtest before our hook sends the set-up ahead.
    assert {nodeid: sorted(words.split()) for nodeid, words in again.outcomes.items()} == {
        nodeid: sorted(words.split()) for nodeid, words in plain.outcomes.items()
    }
    if hasattr(pytest, "Subtests"):  # pytest 9.0; before, a plugin or nobody reported them
        assert again.names == ["TestIt::test_b"]


def test_what_runs_again_before_a_failure_finds_its_reports(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        def test_first(tmp_path): assert tmp_path.is_dir()
        def test_fails(): assert open("a.txt").read() == "1"
        """,
    )
    suite.write("a.txt", "1")
    suite.warm()
    suite.write("a.txt", "2")
    assert not suite.both().report["warnings"]


def test_where_another_plugin_runs_items_failures_are_left_to_it(suite: Suite) -> None:
    suite.write(
        "conftest.py",
        """
        import pytest
        from _pytest.runner import runtestprotocol

        @pytest.hookimpl
        def pytest_runtest_protocol(item, nextitem):
            item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
            runtestprotocol(item, nextitem=nextitem)
            item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
            return True
        """,
    )
    suite.write("test_a.py", PLAIN_FAILURE)
    suite.both()
    suite.edit("test_a.py", "return 1", "return 2")
    again = suite.both()
    assert again.names == ["TestIt::test_fails", "TestIt::test_fails_too"]


# In a module of its own name: pytest keeps the class for the whole process, by that name.
QUIET = """
    class Quiet:
        quitting = False

        def __init__(self, **options): pass
        def reset(self): pass
        def interaction(self, *args): print("<stopped>")
"""


def test_with_a_debugger_failures_are_shown_at_once(suite: Suite) -> None:
    suite.write("test_a.py", PLAIN_FAILURE)
    suite.write("quiet_post_mortem.py", QUIET)
    suite.cached()
    suite.edit("test_a.py", "return 1", "return 2")
    again = suite.cached("--pdb", "--pdbcls=quiet_post_mortem:Quiet", "-x")
    assert again.names == ["TestIt::test_fails"]
    assert again.text.count("<stopped>") == 1


def test_what_wider_fixtures_did_to_the_surroundings_outlives_a_cancelled_attempt(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X_SESSION", "outer")
    suite.write(
        "conftest.py",
        """
        import os, random, sys
        import pytest
        @pytest.fixture(scope="session", autouse=True)
        def session():
            patch = pytest.MonkeyPatch()
            patch.setenv("X_SESSION", "1")
            random.seed(5)
            yield
            patch.undo()
        """,
    )
    suite.write(
        "test_a.py",
        """
        import logging, os, random
        def test_unseen():
            assert os.environ["X_SESSION"] == "1"
            logging.getLogger("x").setLevel(10)
        def test_it():
            assert os.environ["X_SESSION"] == "1"
            assert random.random() == random.Random(5).random()
            assert logging.getLogger("x").level == 10
        """,
    )
    logging.getLogger("x").setLevel(0)
    suite.both("-p", "no:randomly")
    logging.getLogger("x").setLevel(0)
    suite.edit("test_a.py", "level == 10", "level == 10, 1")
    ran = suite.cached("-p", "no:randomly")
    assert ran.code == 0
    assert not ran.report["warnings"]
    assert ran.decisions["test_a.py::test_it"]["attempts"] == 2


REGISTERED = """
import time
import pytest
import registry

@pytest.fixture(scope="session")
def config():
    time.sleep(0.06)
    return {"name": "x"}

@pytest.fixture(scope="SCOPE")
def app(config):
    registry.add(config["name"])
    yield registry.NAMES
    END

@pytest.fixture
def own(app):
    app.append("own")
    yield app
    app.remove("own")
"""


@pytest.mark.parametrize("end", ["pass", "registry.NAMES.append('end')", "registry.NAMES.pop()"])
@pytest.mark.parametrize("scope", ["session", "module"])
def test_what_a_fixture_did_that_is_ended_for_a_requeue_is_undone(
    suite: Suite, scope: str, end: str
) -> None:
    suite.write(
        "registry.py",
        """
        NAMES = []
        def add(name):
            if name in NAMES: raise ValueError("registered already")
            NAMES.append(name)
        """,
    )
    suite.write("conftest.py", REGISTERED.replace("SCOPE", scope).replace("END", end))
    suite.write(
        "test_a.py",
        "import registry\n\n"
        "def test_name(config): assert config['name'] == 'x'\n"
        "def test_own(own, config):\n    assert own == ['x', 'own']\n"
        "def test_after(app): assert app == ['x']\n",
    )
    suite.both()
    change = "config['more'] = own\n    assert own == ['x', 'own']"
    suite.edit("test_a.py", "assert own == ['x', 'own']", change)
    ran = suite.both()
    assert ran.decisions["test_a.py::test_own"]["requeued_for"]


def test_one_with_a_temporary_folder_that_runs_for_a_failure_passes_again(suite: Suite) -> None:
    suite.write("test_a.py", "def test_a(tmp_path): pass\ndef test_b(): assert True\n")
    suite.warm()
    suite.edit("test_a.py", "assert True", "assert False")
    ran = suite.both()
    assert ran.names == ["test_b", "test_a", "test_b"]
    assert "replay-contradicted" not in ran.text


def test_what_tests_that_run_first_set_up_is_kept_as_theirs(suite: Suite) -> None:
    """They may be given another parameter of the same fixture than the test that needs them."""
    suite.write(
        "conftest.py",
        """
        import pytest, time

        @pytest.fixture(scope="class", autouse=True)
        def size(request, made):
            request.cls.size = made["size"]

        @pytest.fixture(scope="class", params=[1, 2])
        def made(request):
            time.sleep(0.06)
            return {"size": request.param}
        """,
    )
    suite.write(
        "test_a.py",
        """
        class TestIt:
            def test_size(self, made): assert self.size == made["size"]
            def test_few(self, made): assert made["size"] in (1, 2)
        """,
    )
    suite.cached()
    suite.edit("conftest.py", "params=[1, 2]", "params=[1, 2, 3]")
    for _ in range(2):
        assert suite.both().code == 1
    assert suite.both("test_a.py::TestIt::test_few[3]").code == 1


def test_what_a_library_has_prepared_is_undone_as_a_whole(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the mappers of SQLAlchemy: one object says in private that the others are prepared."""
    site = suite.path.parent / f"{suite.path.name}-env" / "site-packages"
    site.mkdir(parents=True)
    monkeypatch.syspath_prepend(site)
    (site / "mapping_of_it.py").write_text(
        textwrap.dedent(
            """
            class Column:
                impl = None

            class Registry:
                def __init__(self):
                    self.column, self._is_new = Column(), True

                def read(self):
                    if self._is_new:
                        self.column.impl, self._is_new = dict, False
                    return self.column.impl()
            """
        )
    )
    suite.write("lib.py", "import mapping_of_it\nREGISTRY = mapping_of_it.Registry()\n")
    suite.write(
        "test_a.py",
        """
        from lib import REGISTRY

        def value(): return 1

        def test_plain(): pass
        def test_fails(): assert REGISTRY.read() == {} and value() == 1
        def test_passes(): assert REGISTRY.read() == {} and value()
        """,
    )
    suite.both()
    suite.edit("test_a.py", "return 1", "return 2")
    again = suite.both()
    assert again.decisions["test_a.py::test_fails"]["attempts"] == 2
    assert "1 failed, 2 passed" in again.text

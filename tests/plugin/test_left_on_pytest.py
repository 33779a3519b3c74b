"""What hooks and fixtures keep on pytest's own objects counts for the tests that may find it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

LIB = "def one():\n    return 1\n\ndef two():\n    return 2\n"
STEPS = """
    import lib
    import pytest

    @pytest.mark.incremental
    class TestSteps:
        def test_1(self): assert lib.one() == 1
        def test_2(self): assert lib.two() == 2
        def test_3(self): pass

    def test_z(): assert lib.two() == 2
    """
INCREMENTAL = """
    import pytest

    def pytest_configure(config): config.addinivalue_line("markers", "incremental")

    def pytest_runtest_makereport(item, call):
        if "incremental" in item.keywords and call.excinfo is not None:
            parent = item.parent
            parent._previousfailed = item

    def pytest_runtest_setup(item):
        if "incremental" in item.keywords:
            previous = getattr(item.parent, "_previousfailed", None)
            if previous is not None: pytest.xfail(f"previous test failed ({previous.name})")
    """


@pytest.fixture
def steps(suite: Suite) -> Suite:
    suite.write("lib.py", LIB)
    suite.write("test_a.py", STEPS)
    suite.write("conftest.py", INCREMENTAL)
    return suite


def test_steps_are_cached_while_none_fails(steps: Suite) -> None:
    steps.warm()
    assert steps.both().names == []
    steps.edit("lib.py", "return 2", "return 1 + 1")
    assert steps.both().names == ["TestSteps::test_2", "test_z"]


def test_steps_after_a_failure_are_expected_to_fail(steps: Suite) -> None:
    steps.warm()
    steps.edit("lib.py", "return 1", "return 3")
    for _ in range(2):
        assert "xfail" in steps.both().outcomes["test_a.py::TestSteps::test_3"]
    steps.edit("test_a.py", "lib.two() == 2\n    def test_3", "2 == lib.two()\n    def test_3")
    steps.both()
    steps.edit("lib.py", "return 3", "return 1")
    assert steps.both().code == 0
    assert steps.both().names == []


def test_a_failing_step_among_others_fails_once(steps: Suite) -> None:
    """Its first attempt, which may be cancelled, leaves nothing for the second."""
    steps.edit("test_a.py", "class TestSteps:", "class TestSteps:\n    def test_0(self): pass\n")
    steps.warm()
    steps.edit("lib.py", "return 2", "return 4")
    assert "failed" in steps.both().outcomes["test_a.py::TestSteps::test_2"]


NEEDS = """
    import lib
    import pytest

    def test_1(): assert lib.one() == 1

    @pytest.mark.needs("test_1")
    def test_2(): assert lib.two() == 2

    @pytest.mark.needs("test_2")
    def test_3(): pass

    def test_z(): assert lib.two() == 2
    """
KEEPING = """
    import pytest

    KEY = pytest.StashKey()

    class Book:
        def __init__(self): self.passed = set()

    class Plugin:
        def __init__(self): self.passed = []

        def pytest_runtest_logreport(self, report):
            if report.when == "call" and report.passed:
                self.passed.append(report.nodeid.rpartition("::")[2])

        def pytest_runtest_setup(self, item):
            for mark in item.iter_markers("needs"):
                if mark.args[0] not in self.passed: pytest.skip("needs " + mark.args[0])

    def pytest_configure(config):
        config.addinivalue_line("markers", "needs")
        {setup}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(item, call):
        report = yield
        if report.when == "call" and report.passed:
            {keep}
        return report

    def pytest_runtest_setup(item):
        for mark in item.iter_markers("needs"):
            if mark.args[0] not in {found}: pytest.skip("needs " + mark.args[0])
    """
EVERYTHING = '"test_1 test_2 test_3"'


@pytest.mark.parametrize(
    ("setup", "keep", "found"),
    [
        (
            "pass",
            "item.session.done = getattr(item.session, 'done', ()) + (item.name,)",
            "getattr(item.session, 'done', ())",
        ),
        ("config.done = set()", "item.config.done.add(item.name)", "item.config.done"),
        ("config.done = {}", "item.config.done[item.name] = 1", "item.config.done"),
        (
            "config.done = {'all': []}",
            "item.config.done['all'].append(item.name)",
            "item.config.done['all']",
        ),
        (
            "config.book = Book()",
            "item.config.book.passed.add(item.name)",
            "item.config.book.passed",
        ),
        (
            "config.stash[KEY] = set()",
            "item.config.stash[KEY].add(item.name)",
            "item.config.stash[KEY]",
        ),
        (
            "pass",
            "item.session.stash.setdefault(KEY, []).append(item.name)",
            "item.session.stash.get(KEY, [])",
        ),
        (
            "pass",
            "vars(item.parent).setdefault('done', []).append(item.name)",
            "getattr(item.parent, 'done', [])",
        ),
        ("config.pluginmanager.register(Plugin())", "pass", EVERYTHING),
    ],
)
def test_what_has_passed_is_kept_there(suite: Suite, setup: str, keep: str, found: str) -> None:
    suite.write("lib.py", LIB)
    suite.write("test_a.py", NEEDS)
    suite.write("conftest.py", KEEPING.format(setup=setup, keep=keep, found=found))
    suite.both()
    suite.both()
    for old, new in (
        ("return 2", "return 1 + 1"),
        ("return 1\n\n", "return 3\n\n"),
        ("return 3\n\n", "return 1\n\n"),
        ("return 1 + 1", "return 5"),
        ("return 5", "return 2"),
    ):
        suite.edit("lib.py", old, new)
        suite.both()
        suite.both()


def test_books_for_a_summary_only_hold_nothing_up(suite: Suite) -> None:
    suite.write("lib.py", LIB)
    suite.write("test_a.py", NEEDS)
    suite.write(
        "conftest.py",
        """
        import pytest

        class Plugin:
            def __init__(self): self.seen = {}

            @pytest.hookimpl(wrapper=True)
            def pytest_runtest_call(self, item):
                self.seen[item.name] = self.seen.get(item.name, 0) + 1
                return (yield)

        def pytest_configure(config):
            config.addinivalue_line("markers", "needs")
            config.pluginmanager.register(Plugin())
            config.names = []

        def pytest_runtest_logreport(report): pass

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_makereport(item, call):
            report = yield
            item.config.names.append(item.name)
            item.result = report
            return report

        def pytest_terminal_summary(terminalreporter, config):
            terminalreporter.write_line(str(len(config.names)))
        """,
    )
    suite.warm()
    suite.edit("lib.py", "return 2", "return 1 + 1")
    assert suite.both().names == ["test_2", "test_z"]


def test_a_fixture_that_counts_on_the_config(suite: Suite) -> None:
    suite.write(
        "conftest.py",
        """
        import pytest

        def pytest_configure(config): config.count = 0

        @pytest.fixture
        def number(request):
            request.config.count += 1
            return request.config.count
        """,
    )
    suite.write(
        "test_a.py",
        """
        import lib

        def test_plain(): assert lib.one() == 1

        def test_first(number): assert number == 1 and lib.two()

        def test_second(number): assert number == 2
        """,
    )
    suite.write("lib.py", LIB)
    suite.both()
    assert suite.both().names == ["test_first", "test_second"]
    suite.edit("lib.py", "return 2", "return 0")
    suite.both()
    suite.edit("lib.py", "return 1", "return 2 - 1")
    assert suite.both().names == ["test_plain", "test_first", "test_second"]


DEPENDENCY = """
    import pytest

    PASSED = {}

    def pytest_addoption(parser): parser.addini("automark_dependency", "", type="bool")

    def pytest_configure(config): config.addinivalue_line("markers", "dependency")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(item, call):
        report = yield
        if report.when == "call": PASSED[item.name] = report.passed
        return report

    def pytest_runtest_setup(item):
        mark = item.get_closest_marker("dependency")
        for name in mark.kwargs.get("depends", ()) if mark else ():
            if not PASSED.get(name): pytest.skip(f"{item.name} depends on {name}")
    """


@pytest.mark.parametrize("is_every", [False, True])
def test_plugins_that_skip_by_how_others_went(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, *, is_every: bool
) -> None:
    folder = suite.path.parent / f"{suite.path.name}-plugins" / "site-packages"
    folder.mkdir(parents=True)
    (folder / "pytest_dependency.py").write_text(textwrap.dedent(DEPENDENCY))
    monkeypatch.syspath_prepend(folder)
    suite.write("lib.py", LIB)
    suite.write("pytest.ini", f"[pytest]\nautomark_dependency = {is_every}\n")
    mark = "" if is_every else "@pytest.mark.dependency"
    suite.write(
        "test_a.py",
        f"""
        import lib
        import pytest

        {mark}
        def test_1(): assert lib.one() == 1

        @pytest.mark.dependency(depends=["test_1"])
        def test_2(): assert lib.two() == 2

        @pytest.mark.dependency(depends=["test_2"])
        def test_3(): pass

        def test_z(): assert lib.two() == 2
        """,
    )
    args = ("-p", "pytest_dependency")
    suite.both(*args)
    names = ["test_1", "test_2", "test_3"]
    assert suite.both(*args).names == [*names, *(["test_z"] if is_every else [])]
    for old, new in (("return 2", "return 1 + 1"), ("return 1\n\n", "return 3\n\n")):
        suite.edit("lib.py", old, new)
        suite.both(*args)
        suite.both(*args)

"""What importing modules enters in registers of others: plain pytest imports them all first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Counted, Suite

APP: Final = """
KNOWN = {}
ORDER = []
LEVEL = 1
class Settings:
    debug = False
    color = "red"
class Base:
    kinds = []
    def __init_subclass__(cls): Base.kinds.append(cls)
    def run(self): return 1
class Meta(type):
    def __init__(cls, name, bases, names):
        if bases:
            enter(name, cls)
class Model(metaclass=Meta): pass
class Router:
    def __init__(self): self.routes = {}
    def route(self, path):
        def deco(f):
            self.routes[path] = f
            return f
        return deco
router = Router()
def enter(name, thing):
    if name not in KNOWN:
        KNOWN[name] = thing
def register(name):
    def deco(f):
        KNOWN[name] = f
        return f
    return deco
def set_level(level):
    global LEVEL
    LEVEL = level
def find(name): return KNOWN.get(name)
def every(): return sorted(KNOWN)
@register("core")
def core(): return 1
"""
READING: Final = """
import app
def test_find_core(): assert app.find("core")
def test_find_more(): assert app.find("more") or True
def test_find_Extra(): assert app.find("Extra") or True
def test_every(): assert len(app.every()) < 9
def test_order(): assert len(app.ORDER) < 9
def test_level(): assert app.LEVEL > 0
def test_debug(): assert app.Settings.debug in (True, False)
def test_color(): assert app.Settings.color
def test_kinds(): assert len(app.Base.kinds) < 9
def test_run(): assert app.Base().run() == 1
def test_routes(): assert len(app.router.routes) < 9
def test_nothing(): assert app.core() == 1
"""


class New(NamedTuple):
    """What a module of tests comes to do when it is imported, and which tests see it."""

    text: str
    seen_by: tuple[str, ...]


NEW: Final = {
    "a decorator": New(
        "import app\n@app.register('more')\ndef f(): pass", ("test_find_more", "test_every")
    ),
    "a metaclass": New(
        "import app\nclass Extra(app.Model): pass", ("test_find_Extra", "test_every")
    ),
    "an initialiser of subclasses": New("import app\nclass K(app.Base): pass", ("test_kinds",)),
    "a mutating method": New("from app import ORDER\nORDER.append(1)", ("test_order",)),
    "an item": New("import app\napp.KNOWN['more'] = 1", ("test_find_more", "test_every")),
    "a loop": New(
        "import app\nfor name in ('more',):\n    app.KNOWN[name] = 1",
        ("test_find_more", "test_every"),
    ),
    "a global": New("import app\napp.LEVEL = 2", ("test_level",)),
    "a function that sets a global": New("import app\napp.set_level(2)", ("test_level",)),
    "setattr": New("import app\nsetattr(app, 'LEVEL', 2)", ("test_level",)),
    "an attribute of a class": New("import app\napp.Settings.debug = True", ("test_debug",)),
    "a method of an object": New(
        "import app\n@app.router.route('/a')\ndef f(): pass", ("test_routes",)
    ),
    "a patch": New(
        "from unittest.mock import patch\npatch('app.LEVEL', 3).start()", ("test_level",)
    ),
    "a module that it imports": New("import entering", ("test_order",)),
    "objects of its own": New(
        "import app\nKNOWN = {}\nKNOWN['core'] = 1\nr = app.Router()\n@r.route('/a')\ndef f(): 0",
        (),
    ),
}


def write(suite: Suite) -> None:
    suite.write("app.py", APP)
    suite.write("entering.py", "import app\napp.ORDER.append(1)\n")
    suite.write("test_a.py", READING)
    suite.write("test_b.py", "def test_b(): pass\n")
    suite.warm()


def names(live: list[str], file: str = "test_a.py") -> set[str]:
    return {name for at, _, name in (each.partition("::") for each in live) if at == file}


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "edited"])
@pytest.mark.parametrize("new", NEW.values(), ids=NEW)
def test_who_sees_what_another_module_comes_to_enter_runs(
    suite: Suite, new: New, is_new: bool
) -> None:
    write(suite)
    file = "test_c.py" if is_new else "test_b.py"
    suite.write(file, f"{new.text}\ndef test_b(): pass\n")
    ran = suite.both()
    # Who reads an attribute of a class is told by its name, but where that is set as a whole.
    spared = {"test_color"} if "Settings" in new.text else set()
    assert names(ran.live) - spared == set(new.seen_by)
    assert suite.both().live == []
    (suite.path / file).unlink()  # as it was before, or without
    suite.write("test_b.py", "def test_b(): pass\n")
    assert suite.both().live == []


def test_why_it_runs_is_said(suite: Suite) -> None:
    write(suite)
    suite.write("test_c.py", "import app\napp.ORDER.append(1)\n")
    ran = suite.cached("--cell-cache-explain")
    assert ran.decisions["test_a.py::test_order"]["reason"] | {"text": ""} == {
        "text": "",
        "slug": "entered-elsewhere",
        "subject": "app.py::ORDER",
    }
    assert "other modules enter something else in what it reads (app.py::ORDER)" in ran.text


def test_one_more_of_a_kind_counts_and_another_name_does(suite: Suite) -> None:
    suite.write("app.py", APP)
    suite.write("test_a.py", READING)
    suite.write("test_b.py", "import app\n@app.register('more')\ndef f(): pass\ndef test_b(): pass")
    suite.warm()
    suite.edit("test_b.py", "def test_b", "@app.register('other')\ndef g(): pass\ndef test_b")
    assert names(suite.both().live) == {"test_every"}
    suite.edit("test_b.py", "'more'", "'Extra'")
    assert names(suite.both().live) == {"test_every", "test_find_more", "test_find_Extra"}


def test_a_part_of_the_suite_sees_what_its_modules_enter(suite: Suite) -> None:
    suite.write("app.py", APP)
    suite.write("test_a.py", READING + "def test_it(): assert 'more' in app.KNOWN\n")
    suite.write("test_b.py", "import app\n@app.register('more')\ndef f(): pass\ndef test_b(): pass")
    suite.warm()
    assert suite.both("test_b.py").live == []
    ran = suite.both("test_a.py")
    assert ran.outcomes["test_a.py::test_it"].split()[1] == "call:failed"
    assert {"test_find_more", "test_every", "test_it"} <= names(ran.live)
    assert suite.both().live == []
    assert names(suite.both("test_a.py").live) >= {"test_it"}
    assert suite.both("test_b.py", "test_a.py").live == []


def test_modules_that_cannot_be_left_out_are_asked_again(suite: Suite) -> None:
    suite.write("app.py", APP)
    suite.write("test_a.py", READING)
    case = "import app, unittest\nclass K(app.Base): pass\nclass T(unittest.TestCase):\n"
    suite.write("test_b.py", case + "    def test_b(self): pass\n")
    suite.warm()
    suite.edit("test_b.py", "class K(app.Base): pass\n", "")
    assert names(suite.both().live) == {"test_kinds"}


def test_a_renamed_module_enters_what_it_did_before_and_after(suite: Suite) -> None:
    suite.write("app.py", APP)
    suite.write("test_a.py", READING)
    suite.write("test_b.py", "import app\nclass K(app.Base): pass\ndef test_b(): pass\n")
    suite.warm()
    (suite.path / "test_b.py").rename(suite.path / "test_c.py")
    assert names(suite.both().live) == {"test_kinds"}
    assert suite.both().live == []


def test_parameters_that_come_from_a_register(suite: Suite) -> None:
    suite.write("app.py", APP)
    each = "@pytest.mark.parametrize('name', app.every())\ndef test_each(name): pass\n"
    suite.write("test_m.py", "import app, pytest\n" + each)
    suite.warm()
    suite.write("test_c.py", "import app\n@app.register('more')\ndef f(): pass\n")
    assert names(suite.both().live, "test_m.py") == {"test_each[more]"}
    assert suite.both().live == []
    suite.edit("test_c.py", "'more'", "'other'")
    assert names(suite.both().live, "test_m.py") == {"test_each[other]"}
    (suite.path / "test_c.py").unlink()
    assert suite.both().live == []


def test_the_value_of_a_fixture_that_reads_a_register(counted: Counted) -> None:
    counted.write(
        app=APP,
        conftest="import pytest, app\n@pytest.fixture(scope='session')\n"
        "def every(): return app.every()\n",
        test_a="def test(every): assert len(every) < 9\ndef test_other(every): pass\n",
        test_b="def test_b(): pass\n",
    )
    counted.run()
    counted.write(test_b="import app\napp.KNOWN['more'] = 1\ndef test_b(): pass\n")
    ran, calls = counted.run()
    assert calls.get("every") == 1
    assert {"test_a.py::test", "test_a.py::test_other"} <= set(ran.live)


def test_what_is_registered_outside_of_the_project(suite: Suite) -> None:
    reading = "import logging\ndef test(): logging.getLogger('it')\ndef test_other(): pass\n"
    suite.write("test_a.py", reading)
    suite.write("test_b.py", "import codecs\ndef test(): codecs.lookup('utf-8')\n")
    suite.warm()
    suite.write("test_c.py", "import logging\nlogging.getLogger('it').setLevel(30)\n")
    assert suite.both().live == ["test_a.py::test"]
    suite.write("test_d.py", "import codecs\ncodecs.register(lambda name: None)\n")
    assert suite.both().live == ["test_b.py::test"]


def test_a_module_comes_to_enter_in_its_own_register(suite: Suite) -> None:
    write(suite)
    suite.write("app.py", APP + "@register('more')\ndef more(): return 2\n")
    assert names(suite.both().live) == {"test_find_more", "test_every"}


def test_who_rests_on_what_a_test_leaves_rests_on_what_that_saw(suite: Suite) -> None:
    suite.write("app.py", APP + "SEEN = []\n")
    suite.write(
        "test_a.py",
        "import app\ndef test_count(): app.SEEN.append(len(app.ORDER))\n"
        "def test_seen(): assert sum(app.SEEN) < 9\ndef test_other(): pass\n",
    )
    suite.warm()
    suite.write("test_c.py", "import app\napp.ORDER.append(1)\n")
    assert suite.both().live == ["test_a.py::test_count", "test_a.py::test_seen"]


def test_a_conftest_enters_for_all(suite: Suite) -> None:
    suite.write("app.py", APP)
    suite.write("conftest.py", "")
    suite.write("one/test_a.py", READING)
    suite.write("two/test_b.py", "def test_b(): pass\n")
    suite.warm()
    suite.write("two/conftest.py", "import app\n@app.register('more')\ndef f(): pass\n")
    assert names(suite.both().live, "one/test_a.py") == {"test_find_more", "test_every"}


GIVEN: Final = {
    "a statement": "app.put(app.KNOWN, 1)\n{}",
    "a value": "VALUE = app.put(app.KNOWN, 1)\n{}",
    "a decorator": "@pytest.mark.parametrize('value', [app.put(app.KNOWN, 1)])\n{}",
    "a method": "@pytest.mark.parametrize('value', [app.Putter(app.KNOWN).put(1)])\n{}",
    "by name": "@pytest.mark.parametrize('value', [app.Putter({{}}).add(1)])\n{}",
}
PUTTING: Final = """
KNOWN = {}
class Putter:
    def __init__(self, held): self.held = held
    def put(self, value):
        self.held["k"] = value
        return 1
    def add(self, value):
        KNOWN["k"] = value
        return 1
def write(held, value): held.update(k=value)
def put(held, value):
    write(held, value)
    return 1
"""


@pytest.mark.parametrize("text", GIVEN.values(), ids=GIVEN)
def test_who_reads_what_was_given_to_a_function_rests_on_it(suite: Suite, text: str) -> None:
    test = f"def test_a({'value' if '@' in text else ''}): pass"
    suite.write("app.py", PUTTING)
    suite.write("test_a.py", f"import app, pytest\n{text.format(test)}\n")
    suite.write(
        "test_b.py",
        "import app\n"
        "def test_known(): assert app.KNOWN['k'] == 1\n"
        "def test_nothing(): assert app\n",
    )
    suite.warm()
    suite.write("app.py", PUTTING.replace("= value\n", "= value + 1\n").replace("k=v", "k=1 + v"))
    assert names(suite.both().live, "test_b.py") >= {"test_known"}


MADE_OF_IT: Final = {
    "a decorator": "@pytest.mark.parametrize('name', app.every())\n{}",
    "a variable": "NAMES = app.every()\n@pytest.mark.parametrize('name', NAMES)\n{}",
    "a hook": "def pytest_generate_tests(metafunc):\n"
    "    if 'name' in metafunc.fixturenames:\n"
    "        metafunc.parametrize('name', app.every())\n{}",
    "a condition": "if len(app.every()) > 1:\n    def test_more(): pass\n"
    "def pytest_generate_tests(metafunc): 0\n",
}


@pytest.mark.parametrize("text", MADE_OF_IT.values(), ids=MADE_OF_IT)
def test_a_part_of_the_suite_has_the_items_that_its_modules_make(suite: Suite, text: str) -> None:
    each = "def test_each(name): pass\n"
    suite.write("app.py", APP)
    suite.write(
        "test_a.py", "import app\n@app.register('more')\ndef f(): pass\ndef test_a(): pass\n"
    )
    suite.write("test_m.py", f"import app, pytest\n{text.format(each)}def test_m(): pass\n")
    suite.warm()
    suite.both("test_m.py")
    assert suite.both("test_m.py").live == []
    assert suite.both().live == []
    (suite.path / "test_a.py").unlink()
    assert suite.both().live == []


FIRST: Final = "import shared\nshared.LOG.append('a')\nshared.BY_NAME['a'] = 1\nA = 1\n"
SECOND: Final = "import shared\nshared.LOG.append('b')\nshared.BY_NAME['b'] = 2\nB = 1\n"
TURNS: Final = {
    "one statement": ("import a, b\n", "import b, a\n", {}),
    "two statements": ("import a\nimport b\n", "import b\nimport a\n", {}),
    "names of them": (
        "from a import A\nfrom b import B\n",
        "from b import B\nfrom a import A\n",
        {},
    ),
    "by another": (
        "import both\n",
        "",
        {"both.py": ("import a\nimport b\n", "import b\nimport a\n")},
    ),
    "by a conftest": ("", "", {"conftest.py": ("import a\nimport b\n", "import b\nimport a\n")}),
    "by a package": (
        "import pack.more\n",
        "",
        {
            "pack/more.py": ("X = 1\n", "X = 1\n"),
            "pack/__init__.py": ("import a\nimport b\n", "import b\nimport a\n"),
        },
    ),
    "by tests collected before": ("", "", {"test_0.py": ("import a, b\n", "import b, a\n")}),
}


@pytest.mark.parametrize("name", TURNS)
def test_the_order_in_which_modules_enter_counts_for_who_reads_it(suite: Suite, name: str) -> None:
    """Nothing else differs; who looks up one key, or nothing, does not run."""
    head, new, others = TURNS[name]
    body = """
import shared
def test_log(): assert shared.LOG == ["a", "b"]
def test_whole(): assert list(shared.BY_NAME) == ["a", "b"]
def test_key(): assert shared.BY_NAME["a"] == 1
def test_nothing(): assert shared.other() == 1
"""
    suite.write("shared.py", "LOG = []\nBY_NAME = {}\ndef other(): return 1\n")
    suite.write("a.py", FIRST)
    suite.write("b.py", SECOND)
    suite.write("test_it.py", head + body)
    for file, (text, _) in others.items():
        suite.write(file, text)
    suite.warm()
    if new:
        suite.write("test_it.py", new + body)
    for file, (_, text) in others.items():
        suite.write(file, text)
    ran = suite.both()
    failed = {n for n, each in ran.decisions.items() if each["outcome"] == "failed"}
    assert {n.partition("::")[2] for n in failed} == {"test_log", "test_whole"}
    assert {n for n, each in ran.decisions.items() if each["source"] == "ran"} == failed


def test_the_order_of_modules_that_enter_in_different_registers_does_not_count(
    suite: Suite,
) -> None:
    suite.write("shared.py", "ONE = []\nOTHER = []\n")
    suite.write("a.py", "import shared\nshared.ONE.append(1)\n")
    suite.write("b.py", "import shared\nshared.OTHER.append(1)\n")
    suite.write("c.py", "C = 1\n")
    suite.write(
        "test_it.py",
        """
        import a, b, c, shared
        def test_one(): assert shared.ONE == [1]
        def test_other(): assert shared.OTHER == [1]
        """,
    )
    suite.warm()
    suite.edit("test_it.py", "import a, b, c, shared", "import c, b, shared, a")
    assert suite.both().live == []

from __future__ import annotations

from typing import Any

import pytest


def test_a_comment_changes_no_digest(world: Any) -> None:
    world.write(a="X = 1\ndef f(): return X\nf()\n")
    kinds = [
        ("name", "X"),
        ("body", "f"),
        ("name", "f"),
        ("effects", ""),
        ("frame", ""),
        ("whole", ""),
    ]
    before = [world.digest(kind, "a.py", name) for kind, name in kinds]
    world.write(a="# a\nX = (1)\n\ndef f():\n    # b\n    return X\n\nf()\n")
    assert [world.digest(kind, "a.py", name) for kind, name in kinds] == before


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        ("X = 1", "X = 2", "X"),
        ("X = 1", "", "X"),
        ("X = []\nX.append(1)", "X = []\nX.append(2)", "X"),
        ("X = []\nX.append(1)\nX.append(2)", "X = []\nX.append(2)\nX.append(1)", "X"),
        ("X = 1\nY = X\nX = 2", "X = 1\nX = 2\nY = X", "Y"),
        ("def X(): pass", "X = lambda: None", "X"),
        ("X = 1", "X = 1\ndel X", "X"),
        ("import b\nX = b.f()", "X = b.f()\nimport b", "X"),
    ],
)
def test_everything_that_makes_a_name_counts(
    world: Any, before: str, after: str, name: str
) -> None:
    world.write(a=before, b="import os\nos.environ['a'] = 'b'\ndef f(): pass")
    first = world.digest("name", "a.py", name)
    world.write(a=after)
    assert world.digest("name", "a.py", name) != first


def test_a_change_elsewhere_in_the_module_does_not_count(world: Any) -> None:
    world.write(a="X = 1\nY = 1\ndef f(): return 1\n")
    keys = [("name", "X"), ("name", "f"), ("body", "f"), ("effects", ""), ("frame", "")]
    before = [world.digest(kind, "a.py", name) for kind, name in keys]
    world.write(a="import re\nY = 2\nX = 1\ndef g(): return 2\ndef f(): return 1\n")
    assert [world.digest(kind, "a.py", name) for kind, name in keys] == before


def test_the_order_of_effects_counts(world: Any) -> None:
    world.write(a="import os\nos.umask(1)\nos.umask(2)")
    before = world.digest("effects", "a.py")
    world.write(a="import os\nos.umask(2)\nos.umask(1)")
    assert world.digest("effects", "a.py") != before


def test_an_effect_before_a_computed_value_counts_for_it(world: Any) -> None:
    world.write(s="V = 0", a="import s\ns.V = 5\nN = s.V")
    before = world.digest("name", "a.py", "N")
    world.write(a="import s\nN = s.V\ns.V = 5")
    assert world.digest("name", "a.py", "N") != before


def test_effects_of_a_module_loaded_for_the_first_time_count(world: Any) -> None:
    world.write(a="", b="import os\nos.umask(1)")
    before = world.digest("effects", "a.py")
    world.write(a="import b")
    assert world.digest("effects", "a.py") != before


@pytest.mark.parametrize("change", ["X.append(1)", "X += [1]", "X[0] = 1"])
def test_a_change_of_a_module_s_own_global_counts_for_its_readers_only(
    world: Any, change: str
) -> None:
    world.write(a="X = [0]")
    before = [world.digest("effects", "a.py"), world.digest("name", "a.py", "X")]
    world.write(a=f"X = [0]\n{change}")
    effects, name = [world.digest("effects", "a.py"), world.digest("name", "a.py", "X")]
    assert effects == before[0]
    assert name != before[1]


def test_a_call_that_changes_a_module_s_own_global_counts_for_importers(world: Any) -> None:
    # Its readers learn in this way that there is one.
    world.write(a="X = []\ndef put(v): X.append(v)")
    before = world.digest("effects", "a.py")
    world.write(a="X = []\ndef put(v): X.append(v)\nput(1)")
    assert world.digest("effects", "a.py") != before


def test_a_builtin_that_a_module_redefines_is_in_its_frame(world: Any) -> None:
    world.write(a="def f(): return len('')")
    before = world.digest("frame", "a.py")
    world.write(a="def len(x): return 5\ndef f(): return len('')")
    assert world.digest("frame", "a.py") != before


@pytest.mark.parametrize("kind", ["body", "name", "effects", "frame", "whole"])
def test_a_module_that_does_not_parse_differs_from_one_that_does(world: Any, kind: str) -> None:
    world.write(a="def f(): pass")
    before = world.digest(kind, "a.py", "f")
    world.write(a="def f(: pass")
    broken = world.digest(kind, "a.py", "f")
    assert broken != before
    world.write(a="def f(: pass #")
    assert world.digest(kind, "a.py", "f") != broken


def test_what_is_not_there_has_a_digest_of_its_own(world: Any) -> None:
    world.write(a="")
    assert world.digest("body", "a.py", "f") == "absent"
    assert world.digest("name", "gone.py", "f") == "absent"
    assert world.digest("whole", "gone.py") == "absent"
    assert world.digest("whole", "a.py") != "absent"


def test_digests_do_not_depend_on_where_the_project_lies(world: Any, tmp_path: Any) -> None:
    text = "import b\nX = b.f(1)\nb.g()\ndef f(): return X\n"
    found = []
    for name in ("one", "two"):
        inner = type(world)(tmp_path / name)
        inner.write(a=text, b="def f(x): return x\ndef g(): pass")
        kinds = [("name", "X"), ("body", "f"), ("effects", ""), ("frame", ""), ("whole", "")]
        found.append([inner.digest(kind, "a.py", part) for kind, part in kinds])
        found[-1].append(inner.digest("module", "", "b"))
    assert found[0] == found[1]


def test_stored_tables_give_the_same_digests(world: Any) -> None:
    world.write(a="import os\nX = os.sep\ndef f(): return X\nos.umask(1)\n")
    project = world.project()
    project.index("a.py")
    world.stored = dict(project.parsed)
    assert world.stored
    fresh = world.project()
    assert fresh.index("a.py").table == project.index("a.py").table
    assert fresh.parsed == {}


def test_a_damaged_stored_table_is_parsed_again(world: Any) -> None:
    world.write(a="X = 1")
    project = world.project()
    project.index("a.py")
    world.stored = dict.fromkeys(project.parsed, b'{"cells": 3}')
    fresh = world.project()
    assert fresh.index("a.py").table == project.index("a.py").table
    assert set(fresh.parsed) == set(project.parsed)


@pytest.mark.parametrize(
    ("before", "after", "is_same"),
    [
        ("__all__ = ['X']", "__all__ = ['X', 'Y']", True),
        ("__all__ = ['X']", "__all__ = ('Y', 'X')", True),
        ("__all__ = ['X', 'Y']", "__all__ = ['Y']", False),
        ("__all__ = ['Y']", "__all__ = ['Y', 'X']", False),
        ("__all__ = ['X']", "", False),
        ("__all__ = ['X']", "__all__ = ['X']\n__all__ += ['Y']", False),
        ("__all__ = ['X']", "__all__ = ['X'] + OTHERS", False),
        ("__all__ = ['X']", "if X:\n    __all__ = ['X']", False),
        ("__all__ = names()", "__all__ = names() ", True),
        ("__all__ = names()", "__all__ = other()", False),
    ],
)
def test_what_star_imports_take_counts_name_by_name(
    world: Any, before: str, after: str, is_same: bool
) -> None:
    world.write(a=before)
    digest = world.digest("export", "a.py", "X")
    world.write(a=after)
    assert (world.digest("export", "a.py", "X") == digest) is is_same


OFFERED = {
    "a function": ("def f(): pass", "def f(): return 1", False),
    "renamed": ("def f(): pass", "def g(): pass", True),
    "bound by an import": ("def f(): pass", "from os import sep as f", True),
    "bound on a condition": ("def f(): pass", "import os\nif os.sep: f = 1", True),
    "by another condition": ("if 1: f = 1", "if 0: f = 1", True),
    "perhaps by a star": ("from a import *", "from a import *\nX = 1", True),
    "perhaps by __getattr__": ("def __getattr__(n): 1", "def __getattr__(n): 2", True),
    "does not parse": ("def f(): pass", "def f(", True),
}


@pytest.mark.parametrize(("before", "after", "is_other"), OFFERED.values(), ids=OFFERED)
def test_what_a_module_imports_counts_as_far_as_it_may_fail(
    world: Any, before: str, after: str, *, is_other: bool
) -> None:
    world.write(a="from b import f", b=before)
    first = world.digest("imports", "a.py")
    world.write(b=after)
    assert (world.digest("imports", "a.py") != first) == is_other


@pytest.mark.parametrize(
    ("before", "after", "is_other"),
    [
        ("import b, c", "import b", False),
        ("import b", "from c import f\nimport b", False),
        ("import b", "import b, d", True),
        ("import b", "import b, e", True),
        ("import b", "import b, g", True),
        ("import b", "import b, h", True),
        ("import d", "import d\nfrom e import f", False),
        ("import b", "import b\ndef g(a: f): pass", True),
        (
            "from __future__ import annotations",
            "from __future__ import annotations\ndef g(a: f): pass",
            False,
        ),
        ("from c import f\ndef g(a: f): pass", "from b import f\ndef g(a: f): pass", False),
        ("from c import f\ndef g(a: f): pass", "from c import C as f\ndef g(a: f): pass", True),
        (
            "from c import C as f\ndef g(a: f): pass",
            "from c import D as f\ndef g(a: f): pass",
            True,
        ),
    ],
)
def test_of_what_importing_a_module_loads_counts_what_may_fail(
    world: Any, before: str, after: str, *, is_other: bool
) -> None:
    modules = {
        "b": "def f(): pass",
        "c": "import b\nfrom b import f\nclass C: pass\nD = 1",
        "d": "import unknown_thing",
        "e": "from d import unknown_thing as f",
        "g": "X = missing",
        "h": "import b\nX = b.missing",
    }
    world.write(a=before, **modules)
    first = [world.digest("imports", "a.py", name) for name in ("", "a.py")]
    world.write(a=after, **modules)
    now = [world.digest("imports", "a.py", name) for name in ("", "a.py")]
    assert [one != other for one, other in zip(now, first, strict=True)] == [is_other] * 2


@pytest.mark.parametrize(("name", "is_other"), [("", False), ("a.py", True)])
def test_what_may_fail_in_what_a_module_loads_is_told_apart(
    world: Any, name: str, *, is_other: bool
) -> None:
    world.write(a="import b", b="import unknown_thing")
    first = world.digest("imports", "a.py", name)
    world.write(a="import b", b="import unknown_thing, other_thing")
    assert (world.digest("imports", "a.py", name) != first) == is_other


@pytest.mark.parametrize(
    ("changed", "is_other"), [("lib", True), ("deep", True), ("known", False), ("user", False)]
)
def test_what_is_loaded_anyway_cannot_fail_in_an_import(
    world: Any, changed: str, *, is_other: bool
) -> None:
    modules = {
        "user": "import known\ndef f():\n    import lib",
        "lib": "import known, deep",
        "known": "import other",
        "deep": "",
        "other": "",
    }
    world.write(**modules)
    first = world.digest("imports", "user.py", "lib.py")
    world.write(**modules | {changed: modules[changed] + "\nimport unknown_thing"})
    if changed == "user":
        world.write(**modules | {"user": "import unknown_thing\n" + modules["user"]})
    assert (world.digest("imports", "user.py", "lib.py") != first) == is_other


@pytest.mark.parametrize(
    ("added", "is_other"), [("typing_extensions", False), ("unknown_thing", True)]
)
def test_an_import_of_what_changes_nothing_is_no_effect(
    world: Any, added: str, *, is_other: bool
) -> None:
    world.write(a="import os")
    first = [world.digest(kind, "a.py") for kind in ("effects", "imports")]
    world.write(a=f"import os\nimport {added}")
    effects, imports = [world.digest(kind, "a.py") for kind in ("effects", "imports")]
    assert (effects != first[0]) == is_other
    assert imports != first[1]


@pytest.mark.parametrize(
    ("kind", "name", "first", "second"),
    [
        ("registers", "conf.py::V", "import app", "conf.V = 2"),
        ("registers", "conf.py::V", "import app", "import patch"),
        ("effects", "", "import app", "os.environ['A'] = 'b'"),
        ("effects", "", "import app", "import setting"),
    ],
)
def test_what_is_imported_before_a_change_may_have_seen_what_was_there(
    world: Any, kind: str, name: str, first: str, second: str
) -> None:
    world.write(
        conf="V = 1",
        app="import os\nfrom conf import V\nA = os.environ.get('A')",
        patch="import conf\nconf.V = 2",
        setting="import os\nos.environ['A'] = 'b'",
    )
    head = "import os\nimport conf\n"
    world.write(a=f"{head}{first}\n{second}")
    digest = world.digest(kind, "a.py", name)
    world.write(a=f"{head}{second}\n{first}")
    assert world.digest(kind, "a.py", name) != digest
    world.write(a=f"{head}import plain\n{first}\n{second}", plain="def f(): return 1")
    assert world.digest(kind, "a.py", name) == digest


@pytest.mark.parametrize(
    ("name", "head", "is_other"),
    [
        ("user", "from . import x", False),
        ("user", "import os", True),
        ("test_user", "from . import x", True),
    ],
)
def test_packages_around_a_module_are_loaded_anyway(
    world: Any, name: str, head: str, *, is_other: bool
) -> None:
    modules = {
        "p____init__": "import known",
        "p__sub____init__": "",
        f"p__sub__{name}": f"{head}\ndef f():\n    import lib",
        "lib": "import known",
    }
    world.write(**modules, known="")
    first = world.digest("imports", f"p/sub/{name}.py", "lib.py")
    world.write(**modules, known="import unknown_thing")
    assert (world.digest("imports", f"p/sub/{name}.py", "lib.py") != first) == is_other


CYCLES = {
    "none": ({"a": "import b"}, {"a": "from b import g\nimport c"}, False),
    "one that takes a name": (
        {"a": "import c", "b": "from a import f"},
        {"a": "import b, c"},
        True,
    ),
    "entered elsewhere": (
        {"a": "import b, c", "b": "import c", "c": "from b import x", "d": ""},
        {"a": "import c"},
        True,
    ),
    "a package's own module": (
        {
            "a": "import p, c",
            "p____init__": "from . import q",
            "p__q": "from . import r",
            "p__r": "",
        },
        {"a": "import c, p"},
        False,
    ),
    "a package's own name": (
        {"a": "import p", "p____init__": "V = 1", "p__q": "from . import V"},
        {"p____init__": "from . import q\nV = 1"},
        True,
    ),
}


@pytest.mark.parametrize(("files", "edit", "is_other"), CYCLES.values(), ids=CYCLES)
def test_modules_that_import_each_other_may_fail_in_any_order(
    world: Any, files: dict[str, str], edit: dict[str, str], *, is_other: bool
) -> None:
    known = {"a": "", "b": "def g(): pass", "c": ""} | files
    world.write(**known)
    first = world.digest("imports", "a.py", "a.py")
    world.write(**known | edit)
    assert (world.digest("imports", "a.py", "a.py") != first) == is_other

"""Inputs that are not code: one test reads each, and after an edit exactly that test runs again.

A project of many small tests is edited in two halves: first the inputs of every second test, then
the others. What ran must be the half that was edited, and nothing else, for either half.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

Edit = Callable[[Path], None]


def put(name: str, text: str = "2") -> Edit:
    def edit(root: Path) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")

    return edit


def drop(name: str) -> Edit:
    return lambda root: (root / name).unlink()


def relink(name: str, target: str) -> Edit:
    def edit(root: Path) -> None:
        (root / name).unlink()
        (root / name).symlink_to(target)

    return edit


def mode(name: str, bits: int) -> Edit:
    return lambda root: (root / name).chmod(bits)


@dataclass(frozen=True)
class Read:
    """One test.

    Attributes:
        body: of the test; ``ROOT`` is the project.
        edit: after which it must run again.
        vain: what must not run it.
        files: before the edit.
        fixtures: arguments of the test.
    """

    body: str
    edit: Edit | None = None
    vain: Edit | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    fixtures: str = ""


PREAMBLE = """
import asyncio, configparser, csv, fnmatch, functools, glob, gzip, io, json, linecache, mmap, os
import pickle, pkgutil, shutil, sqlite3, stat, subprocess, sys, tempfile, threading, time, zipfile
import importlib.resources
from pathlib import Path
import pytest
ROOT = Path(__file__).parent
"""

FILES = {
    "open": Read("open('o.txt').close()", put("o.txt"), files={"o.txt": "1"}),
    "os_open": Read(
        "os.close(os.open('oo.txt', os.O_RDONLY))", put("oo.txt"), files={"oo.txt": "1"}
    ),
    "path": Read("(ROOT / 'p.txt').read_text()", put("p.txt"), files={"p.txt": "1"}),
    "io": Read("io.open('io.txt').close()", put("io.txt"), files={"io.txt": "1"}),
    "linecache": Read(
        "linecache.checkcache(); linecache.getline(str(ROOT / 'l.txt'), 1)",
        put("l.txt"),
        files={"l.txt": "1"},
    ),
    "copy": Read(
        "shutil.copy('c.txt', tmp_path)", put("c.txt"), files={"c.txt": "1"}, fixtures="tmp_path"
    ),
    "copytree": Read(
        "shutil.copytree('tree', tmp_path / 'x')",
        put("tree/b/new.txt"),
        files={"tree/b/a.txt": "1"},
        fixtures="tmp_path",
    ),
    "zip": Read(
        "try: zipfile.ZipFile('z.zip')\n    except zipfile.BadZipFile: pass",
        put("z.zip"),
        files={"z.zip": "1"},
    ),
    "sqlite": Read(
        "base = sqlite3.connect('s.db')\n    try: base.execute('select * from x')\n"
        "    except sqlite3.Error: pass\n    finally: base.close()",
        put("s.db", "x"),
        files={"s.db": ""},
    ),
    "resources": Read(
        "(importlib.resources.files('pkg') / 'r.txt').read_text()",
        put("pkg/r.txt"),
        files={"pkg/__init__.py": "", "pkg/r.txt": "1"},
    ),
    "pkgutil": Read("pkgutil.get_data('pkg', 'g.txt')", put("pkg/g.txt"), files={"pkg/g.txt": "1"}),
    "configparser": Read(
        "configparser.ConfigParser().read('c.ini')", put("c.ini", "[x]"), files={"c.ini": ""}
    ),
    "failed_open": Read(
        "try: open('later.txt').close()\n    except FileNotFoundError: pass",
        put("later.txt"),
    ),
    "nested_absent": Read("os.path.exists('no/such/file')", put("no/such/file")),
    "thread": Read(
        "t = threading.Thread(target=lambda: open('t.txt').close()); t.start(); t.join()",
        put("t.txt"),
        files={"t.txt": "1"},
    ),
    "chdir": Read(
        "monkeypatch.chdir('sub'); open('ch.txt').close()",
        put("sub/ch.txt"),
        files={"sub/ch.txt": "1"},
        fixtures="monkeypatch",
    ),
    "dir_fd": Read(
        "fd = os.open('sub', os.O_RDONLY); os.close(os.open('fd.txt', os.O_RDONLY, dir_fd=fd)); "
        "os.close(fd)",
        put("sub/fd.txt"),
        files={"sub/fd.txt": "1"},
    ),
    "getsize": Read(
        "os.path.getsize('size.txt')", put("size.txt", "longer"), files={"size.txt": "1"}
    ),
    "stat_size": Read(
        "(ROOT / 'st.txt').stat().st_size", put("st.txt", "longer"), files={"st.txt": "1"}
    ),
    "executable": Read(
        "os.access('run.sh', os.X_OK)", mode("run.sh", 0o755), files={"run.sh": "1"}
    ),
    "stat_mode": Read("os.stat('mode.sh').st_mode", mode("mode.sh", 0o755), files={"mode.sh": "1"}),
    "readlink": Read("os.readlink('link')", relink("link", "p2"), files={"link": "-> p1"}),
    "islink": Read(
        "os.path.islink('was')", lambda root: relink("was", "p1")(root), files={"was": "1"}
    ),
    "through_link": Read(
        "open('lk').close()", put("target.txt"), files={"target.txt": "1", "lk": "-> target.txt"}
    ),
    "relinked": Read(
        "open('rl').close()",
        relink("rl", "rb.txt"),
        files={"ra.txt": "1", "rb.txt": "2", "rl": "-> ra.txt"},
    ),
    "exists": Read("os.path.exists('e.txt')", put("e.txt")),
    "path_exists": Read("Path('pe.txt').exists()", put("pe.txt")),
    "isdir": Read("os.path.isdir('isd')", put("isd/x")),
    "vanished": Read("os.path.isfile('v.txt')", drop("v.txt"), files={"v.txt": "1"}),
    "listdir": Read("os.listdir('ld')", put("ld/new"), files={"ld/a": "1"}),
    "scandir": Read("list(os.scandir('sd'))", put("sd/new"), files={"sd/a": "1"}),
    "glob": Read("glob.glob('gl/*.txt')", put("gl/new.txt"), files={"gl/a.txt": "1"}),
    "path_glob": Read("list(Path('pg').glob('*.txt'))", put("pg/new.txt"), files={"pg/a.txt": "1"}),
    "rglob": Read(
        "list(Path('rg').rglob('*.txt'))", put("rg/b/new.txt"), files={"rg/b/a.txt": "1"}
    ),
    "walk": Read("list(os.walk('wk'))", put("wk/b/new.txt"), files={"wk/b/a.txt": "1"}),
    "iterdir": Read("list(Path('it').iterdir())", put("it/new"), files={"it/a": "1"}),
    "scandir_size": Read(
        "[e.stat().st_size for e in os.scandir('ss')]", put("ss/a", "longer"), files={"ss/a": "1"}
    ),
    "samefile": Read(
        "os.path.samefile('o2.txt', 'o3.txt')",
        relink("o3.txt", "o2.txt"),
        files={"o2.txt": "1", "o3.txt": "1"},
    ),
    "mmap": Read(
        "f = open('mm.txt', 'rb'); mmap.mmap(f.fileno(), 0, prot=1).close(); f.close()",
        put("mm.txt"),
        files={"mm.txt": "1"},
    ),
    "append": Read(
        "f = open(tmp_path / 'x', 'w+'); f.write(open('ap.txt').read()); f.close()",
        put("ap.txt"),
        files={"ap.txt": "1"},
        fixtures="tmp_path",
    ),
    # What must not count.
    "listing_not_content": Read("os.listdir('ln')", vain=put("ln/a"), files={"ln/a": "1"}),
    "exists_not_content": Read(
        "os.path.exists('en.txt')", vain=put("en.txt"), files={"en.txt": "1"}
    ),
    "isfile_not_content": Read(
        "Path('if.txt').is_file()", vain=put("if.txt"), files={"if.txt": "1"}
    ),
    "pycache": Read("list(os.walk('pc'))", vain=put("pc/__pycache__/x.pyc"), files={"pc/a": "1"}),
    "own_output": Read(
        "Path('made').mkdir(exist_ok=True); Path('made/x').write_text('x'); "
        "Path('made/x').read_text()",
        vain=put("made/x", "changed"),
    ),
    "tmp": Read(
        "(tmp_path / 'x').write_text(''); os.listdir(tmp_path)",
        vain=put("unrelated.txt"),
        fixtures="tmp_path",
    ),
    "nothing": Read("pass", vain=put("data/unrelated.json")),
}

VARIABLES = {
    "get": "os.environ.get('V_GET')",
    "getenv": "os.getenv('V_GETENV')",
    "item": "try: os.environ['V_ITEM']\n    except KeyError: pass",
    "contains": "'V_CONTAINS' in os.environ",
    "expand": "os.path.expandvars('$V_EXPAND')",
    "bytes": "os.environb.get(b'V_BYTES')",
    "default": "os.environ.setdefault('V_DEFAULT', 'x'); monkeypatch.delenv('V_DEFAULT')",
    # What must not count.
    "deleted": "monkeypatch.delenv('V_DELETED', raising=False); os.getenv('V_DELETED')",
    "own": "monkeypatch.setenv('V_OWN', 'x'); os.environ['V_OWN']",
    "ignored": "os.environ.get('V_IGNORED')",
}
IDLE = ("deleted", "own", "ignored")


def make(suite: Suite, reads: Mapping[str, Read]) -> None:
    lines = [PREAMBLE]
    for name, read in reads.items():
        for path, text in read.files.items():
            if text.startswith("-> "):
                (suite.path / path).symlink_to(text[3:])
            else:
                suite.write(path, text)
        lines.append(f"def test_{name}({read.fixtures}):\n    {read.body}\n")
    suite.write("test_reads.py", "\n".join(lines))


def edit_half(suite: Suite, reads: Mapping[str, Read], names: list[str]) -> None:
    expected = set()
    for name in names:
        read = reads[name]
        if read.edit is not None:
            read.edit(suite.path)
            expected.add(f"test_{name}")
        else:
            assert read.vain is not None
            read.vain(suite.path)
    assert set(suite.cached().names) == expected


def test_files(suite: Suite) -> None:
    make(suite, FILES)
    assert suite.both().code == 0
    assert suite.cached().names == []
    names = list(FILES)
    edit_half(suite, FILES, names[::2])
    edit_half(suite, FILES, names[1::2])


def test_variables(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    make(suite, {name: Read(body, fixtures="monkeypatch") for name, body in VARIABLES.items()})
    suite.write("pytest.ini", "[pytest]\ncell_cache_env_ignore = V_IGN*\n")
    suite.both()
    assert suite.cached().names == []
    names = [name for name in VARIABLES if name not in IDLE]
    for half in (names[::2], names[1::2]):
        for name in half:
            monkeypatch.setenv(f"V_{name.upper()}", "1")
        assert set(suite.cached().names) == {f"test_{name}" for name in half}
    for name in (*IDLE, "unrelated"):
        monkeypatch.setenv(f"V_{name.upper()}", "1")
    assert suite.cached().names == []


IMPORTS = {
    "lib/__init__.py": "",
    "lib/config.py": """
        import json, os
        from pathlib import Path
        ROOT = Path(__file__).parents[1]
        DATA = json.loads((ROOT / "config.json").read_text())
        FLAG = os.environ.get("MY_FLAG")
        NAMES = sorted(os.listdir(ROOT / "names"))
        class Settings:
            value = open(ROOT / "class.txt").read()
            def __init__(self):
                self.text = open(ROOT / "init.txt").read()
        SETTINGS = Settings()
        def default(text=open(ROOT / "default.txt").read()):
            return text
        def unused():
            return DATA
    """,
    "lib/lazy.py": """
        import functools
        @functools.lru_cache
        def table():
            return open("table.txt").read()
    """,
    "lib/start.py": "from lib.lazy import table\nSTARTED = table()\n",
    "lib/effects.py": "import lib.state\nlib.state.VALUE = open('effect.txt').read()\n",
    "lib/state.py": "VALUE = 0\n",
    "config.json": "1",
    "names/a": "1",
    "class.txt": "1",
    "init.txt": "1",
    "default.txt": "1",
    "table.txt": "1",
    "effect.txt": "1",
    "cases/a.txt": "1",
    "hooked/a.txt": "1",
    "conftest.json": "1",
    "sub/conftest.json": "1",
    "method/a.txt": "1",
    "modify.txt": "",
    "sub/conftest.py": """
        from pathlib import Path
        VALUE = (Path(__file__).parent / "conftest.json").read_text()
        def pytest_runtest_setup(item): VALUE
    """,
    "conftest.py": """
        from pathlib import Path
        import pytest
        VALUE = Path("conftest.json").read_text()
        @pytest.fixture
        def value():
            return VALUE
        def pytest_generate_tests(metafunc):
            if "hooked" in metafunc.fixturenames:
                metafunc.parametrize("hooked", sorted(p.name for p in Path("hooked").iterdir()))
    """,
    "sub/test_sub.py": "def test_sub(): pass\n",
    "test_config.py": """
        from lib import config
        from lib.config import DATA, NAMES, Settings, default
        def test_data(): DATA
        def test_flag(): config.FLAG
        def test_names(): NAMES
        def test_class(): Settings
        def test_instance(): config.SETTINGS
        def test_default(): default()
        def test_unrelated(): pass
    """,
    "test_lazy.py": """
        from lib import lazy, start
        def test_lazy(): lazy.table()
        def test_calm(): pass
    """,
    "test_effects.py": "import lib.effects, lib.state\ndef test_effect(): lib.state.VALUE\n",
    "test_other.py": "def test_other(): pass\n",
    "test_cases.py": """
        from pathlib import Path
        import pytest
        CASES = sorted(p.name for p in Path("cases").glob("*.txt"))
        @pytest.mark.parametrize("case", CASES)
        def test_case(case): Path("cases", case).read_text()
        class TestMethods:
            @pytest.mark.parametrize(
                "case",
                [p.name for p in Path("method").iterdir()],
            )
            def test_method(self, case): pass
            def test_beside(self): pass
        def test_hooked(hooked): pass
        def test_fixture(value): pass
    """,
}

IMPORT_STEPS: list[tuple[Edit, set[str]]] = [
    (put("config.json"), {"test_data"}),
    (put("names/b"), {"test_names"}),
    (put("names/b", "content"), set()),
    (put("class.txt"), {"test_class", "test_instance"}),
    (put("init.txt"), {"test_instance"}),
    (put("default.txt"), {"test_default"}),
    (put("table.txt"), {"test_lazy"}),
    (put("effect.txt"), {"test_effect"}),
    # One more case is one more test.
    (put("cases/b.txt"), {"test_case[b.txt]"}),
    (put("cases/a.txt"), {"test_case[a.txt]"}),
    (put("method/b.txt"), {"TestMethods::test_method[b.txt]"}),
    (put("hooked/b.txt"), {"test_hooked[b.txt]"}),
    (put("conftest.json"), {"test_fixture"}),
    (put("sub/conftest.json"), {"test_sub"}),
    (put("unrelated.txt"), set()),
]


def test_what_imports_read_counts_for_who_rests_on_it(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in IMPORTS.items():
        suite.write(name, text)
    assert suite.both().code == 0
    assert suite.cached().names == []
    for edit, expected in IMPORT_STEPS:
        edit(suite.path)
        assert set(suite.cached().names) == expected
    monkeypatch.setenv("MY_FLAG", "1")
    assert "test_flag" in suite.cached().names


def test_declared_inputs_may_lie_anywhere(suite: Suite) -> None:
    outside = suite.path.parent / f"{suite.path.name}-outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "deep" / "x.dat").write_text("1")
    suite.write("seen.dat", "1")
    suite.write("unseen.dat", "1")
    suite.write("pytest.ini", f"[pytest]\ncell_cache_inputs = {outside}/**/*.dat\n")
    suite.write(
        "test_a.py",
        """
        import pytest
        @pytest.mark.cell_cache(inputs=["seen.*"], env=["SEEN"])
        def test_marked(): pass
        def test_a(): pass
        """,
    )
    suite.warm()
    suite.write("unseen.dat", "2")
    assert suite.both().names == []
    suite.write("seen.dat", "2")
    assert suite.both().names == ["test_marked"]
    (outside / "deep" / "x.dat").write_text("2")
    assert set(suite.both().names) == {"test_marked", "test_a"}
    (outside / "y.dat").write_text("")
    assert set(suite.both().names) == {"test_marked", "test_a"}


@pytest.mark.parametrize("file", ["conftest.py", "lib.py"])
def test_what_is_not_there_at_import(suite: Suite, file: str) -> None:
    suite.write(file, "import os\nIS_THERE = os.path.exists('settings.toml')\n")
    suite.write("test_a.py", "def test_a():\n    pass\n")
    if file == "lib.py":
        suite.write("test_a.py", "import lib\n\ndef test_a():\n    assert not lib.IS_THERE\n")
    suite.cached()
    assert suite.cached().live == []
    suite.write("settings.toml", "")
    plain, warm = suite.plain(), suite.cached()
    assert warm.outcomes == plain.outcomes
    assert warm.names == (["test_a"] if file == "lib.py" else [])  # who rests on it


def test_files_read_in_a_with_statement_count_for_who_reads_its_names(suite: Suite) -> None:
    suite.write(
        "conftest.py",
        """
        import json
        import pytest
        try:
            with open("users.json") as file:
                USERS = json.load(file)
        except FileNotFoundError:
            USERS = []
        SEEN = []
        with open("seen.txt", "rt") as file:
            SEEN.append(file.read())
        @pytest.fixture
        def users():
            return USERS
        """,
    )
    suite.write("test_a.py", "def test_it(users): assert users == [1]\ndef test_alone(): pass\n")
    suite.write("users.json", "[1]")
    suite.write("seen.txt", "1")
    suite.warm()
    suite.write("users.json", "[2]")
    assert suite.both().names == ["test_it"]
    (suite.path / "users.json").unlink()
    assert suite.both().names == ["test_it"]
    suite.write("users.json", "[1]")
    suite.write("seen.txt", "2")
    assert suite.both().names == ["test_it", "test_alone"]


def test_what_a_with_statement_hands_to_a_register_counts_for_its_readers(suite: Suite) -> None:
    suite.write(
        "lib.py",
        """
        REGISTER = {}
        def register(name, value):
            REGISTER[name] = value
            return name
        """,
    )
    suite.write(
        "use.py",
        """
        from lib import register
        with open("a.txt") as file:
            NAME = register("a", file.read())
        """,
    )
    suite.write("test_a.py", "import lib, use\ndef test_it(): assert lib.REGISTER['a'] == '1'\n")
    suite.write("a.txt", "1")
    suite.warm()
    suite.write("a.txt", "2")
    assert suite.both().names == ["test_it"]

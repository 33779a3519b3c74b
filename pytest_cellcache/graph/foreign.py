"""What is known of code outside the project: what calling it changes, and what its classes do.

Constructors of other distributions and of the standard library are taken to change only what they
are called on, except those listed here.
"""

from __future__ import annotations

from typing import Final

IMPURE_BUILTINS: Final = frozenset(
    "exec eval setattr delattr __import__ open print input breakpoint globals locals".split()
)
_IMPURE_MODULES: Final = frozenset(
    """atexit signal warnings sys os locale random gc faulthandler codecs copyreg socket mimetypes
    importlib threading site builtins readline resource asyncio multiprocessing shutil subprocess
    runpy ctypes decimal tracemalloc""".split()
)
_PURE_CALLS: Final = frozenset(
    """os.path os.getenv os.environ.get os.fspath os.getcwd os.cpu_count sys.getsizeof sys.intern
    sys.getdefaultencoding sys.version_info sys.exc_info threading.Lock threading.RLock
    threading.local threading.Event threading.Condition threading.Semaphore random.Random
    codecs.lookup codecs.getreader codecs.getwriter asyncio.Lock asyncio.Event asyncio.Queue
    decimal.Decimal ctypes.c_int ctypes.sizeof importlib.util importlib.metadata
    importlib.resources multiprocessing.cpu_count shutil.which warnings.catch_warnings
    warnings.warn""".split()
)
_IMPURE_FUNCTIONS: Final = frozenset(
    """logging.basicConfig logging.config logging.disable logging.captureWarnings
    logging.addLevelName logging.setLoggerClass logging.setLogRecordFactory
    unittest.mock.patch""".split()
)
INITIALISERS: Final = (
    "__init__", "__new__", "__post_init__", "__attrs_post_init__", "__set_name__",
)  # fmt: skip
METACLASS_METHODS: Final = (
    "__new__", "__init__", "__call__", "__prepare__", "__init_subclass__",
)  # fmt: skip
SUBCLASS_METHODS: Final = ("__init_subclass__", "__class_getitem__")
OF_CLASSES: Final = frozenset("__new__ __call__ __prepare__ __class_getitem__".split())
"""Those whose first argument is a class that others have, too."""
PLAIN_BASES: Final = frozenset(
    """attr attrs click hypothesis marshmallow msgspec numpy pydantic pydantic_settings pytest
    typing_extensions""".split()
)
"""Distributions whose base classes keep no register of their subclasses."""
QUIET_IMPORTS: Final = frozenset(
    """pytest annotated_types attr attrs certifi idna iniconfig markupsafe more_itertools
    mypy_extensions packaging pathspec platformdirs pluggy pytz sortedcontainers tabulate tomli
    tomli_w typing_extensions tzdata wcwidth zipp""".split()
)
"""Distributions that change nothing when they are imported, or are there already."""
CLASS_MAKERS: Final = frozenset(
    "namedtuple NamedTuple TypedDict NewType TypeVar ParamSpec type make_dataclass Enum".split()
)


def makes_new(name: str) -> bool:
    """Say whether a callable outside the project is a class or makes a value, by its name."""
    last = name.rpartition(".")[2]
    return last[:1].isupper() or name in ("re.compile", "datetime.datetime", "datetime.date")


def is_pure_foreign(full: str) -> bool:
    """Judge a callable outside the project by its dotted name."""
    parts = full.lstrip(".").split(".")
    prefixes = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
    if prefixes & _PURE_CALLS:
        return True
    return not (prefixes & _IMPURE_FUNCTIONS or parts[0] in _IMPURE_MODULES)

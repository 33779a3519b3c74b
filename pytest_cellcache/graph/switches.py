"""Functions of the standard library that set what all code shares, and where that lies.

It is watched once code of the project names such a function. A place is a dotted name from the
module on; where only a function tells the state, it is that function's name and ``()``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

_PLACES: Final = """
asyncio.set_event_loop_policy asyncio.get_event_loop_policy()
asyncio.set_event_loop asyncio.get_event_loop()
asyncio.get_event_loop asyncio.get_event_loop()
calendar.setfirstweekday calendar.c.firstweekday calendar.c._firstweekday
copyreg.add_extension copyreg._extension_registry
copyreg.remove_extension copyreg._extension_registry
csv.field_size_limit csv.field_size_limit()
decimal.flags decimal.flags()
decimal.clear_flags decimal.flags()
doctest.register_optionflag doctest.OPTIONFLAGS_BY_NAME
doctest.set_unittest_reportflags doctest._unittest_reportflags
email.add_alias email.charset.ALIASES
email.add_charset email.charset.CHARSETS
email.add_codec email.charset.CODEC_MAP
faulthandler.disable faulthandler.is_enabled()
faulthandler.enable faulthandler.is_enabled()
gc.freeze gc.get_freeze_count()
gc.set_debug gc.get_debug()
gc.unfreeze gc.get_freeze_count()
gettext.bindtextdomain gettext._localedirs
gettext.textdomain gettext._current_domain
logging.captureWarnings logging._warnings_showwarning
logging.setLogRecordFactory logging._logRecordFactory
logging.setLoggerClass logging._loggerClass
mimetypes.init mimetypes._db
multiprocessing.set_executable multiprocessing.spawn._python_exe
multiprocessing.set_start_method multiprocessing.context._default_context._actual_context
os.nice os.getpriority()
os.sched_setaffinity os.sched_getaffinity()
os.setpriority os.getpriority()
resource.setrlimit resource.getrlimit()
shutil.register_archive_format shutil._ARCHIVE_FORMATS
shutil.register_unpack_format shutil._UNPACK_FORMATS
shutil.unregister_archive_format shutil._ARCHIVE_FORMATS
shutil.unregister_unpack_format shutil._UNPACK_FORMATS
signal.pthread_sigmask signal.pthread_sigmask()
sys.set_asyncgen_hooks sys.get_asyncgen_hooks()
sys.set_coroutine_origin_tracking_depth sys.get_coroutine_origin_tracking_depth()
sys.setswitchinterval sys.getswitchinterval()
threading.stack_size threading.stack_size()
tracemalloc.start tracemalloc.get_traceback_limit()
tracemalloc.stop tracemalloc.get_traceback_limit()
urllib.install_opener urllib.request._opener
webbrowser.register webbrowser._browsers webbrowser._tryorder
xml.register_namespace xml.etree.ElementTree._namespace_map
xml.registerDOMImplementation xml.dom.domreg.registered
zoneinfo.reset_tzpath zoneinfo._tzpath.TZPATH
"""
"""Top-level module and function, and the places: one function a line."""


def _by_function() -> dict[str, list[tuple[str, list[str]]]]:
    found: dict[str, list[tuple[str, list[str]]]] = {}
    for line in _PLACES.strip().splitlines():
        full, *places = line.split()
        top, _, function = full.partition(".")
        found.setdefault(function, []).append((top, places))
    return found


_BY_FUNCTION: Final = _by_function()
FUNCTIONS: Final = frozenset(_BY_FUNCTION)
"""Their names, without the module."""
PLACES: Final = frozenset(
    place for rows in _BY_FUNCTION.values() for _, places in rows for place in places
)
"""All that any of the functions sets."""


def switched_by(names: Collection[str], modules: Collection[str]) -> Iterator[str]:
    """Give the places that code may set.

    Args:
        names: that it names: attributes, and what it imports from modules.
        modules: top-level ones that it or its module imports.
    """
    for name in FUNCTIONS.intersection(names):
        for top, places in _BY_FUNCTION[name]:
            if top in modules:
                yield from places

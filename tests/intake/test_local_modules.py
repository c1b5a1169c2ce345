"""Local files with the name of a module of the standard library, as tracebacks show them."""

import pytest

from envkit.snapshot import Packages
from tests.intake.reading import snapshot_of

STDLIB = "/usr/lib/python3.11"
SITE = f"{STDLIB}/site-packages"


def traceback(*frames: str, error: str) -> str:
    lines = (f'  File "{file}", line 3, in <module>\n    import something' for file in frames)
    return "\n".join(("Traceback (most recent call last):", *lines, error))


def local_modules(text: str) -> list[tuple[str, str]]:
    found = snapshot_of(text).packages
    modules = found.modules if isinstance(found, Packages) else ()
    return [(one.name, one.origin) for one in modules if one.way_in == "script-folder"]


def test_an_installed_module_that_imports_a_local_file_shows_it() -> None:
    frames = (f"{SITE}/torch/__init__.py", f"{STDLIB}/inspect.py", "/home/me/job/token.py")
    text = traceback(*frames, error="AttributeError: module 'torch' has no attribute 'Tensor'")
    assert local_modules(text) == [("token", "/home/me/job/token.py")]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("AttributeError: module 'queue' has no attribute 'SimpleQueue'", [("queue", "queue.py")]),
        ("AttributeError: partially initialized module 'queue' has no attribute 'Queue'", [("queue", "queue.py")]),
        ("ImportError: cannot import name 'Queue' from 'queue' (/home/me/queue.py)", [("queue", "/home/me/queue.py")]),
        ("ImportError: cannot import name 'Queue' from 'queue' (/usr/lib/python3.11/queue.py)", []),
        ("ImportError: cannot import name 'Net' from 'model' (/home/me/model.py)", []),
        (
            "ImportError: cannot import name 'Queue' (consider renaming 'C:\\me\\queue.py' since ...)",
            [("queue", "C:\\me\\queue.py")],
        ),
        (
            "ImportError: cannot import name 'Dataset' from 'datasets' (./app/datasets/__init__.py)",
            [("datasets", "./app/datasets/__init__.py")],
        ),
        (f"ImportError: cannot import name 'Dataset' from 'datasets' ({SITE}/datasets/__init__.py)", []),
        ("ImportError: libffi.so.7: cannot open shared object file: No such file or directory", []),
    ],
)
def test_what_one_file_of_the_standard_library_misses_in_another(error: str, expected: list[tuple[str, str]]) -> None:
    assert local_modules(traceback(f"{STDLIB}/concurrent/futures/thread.py", error=error)) == expected


@pytest.mark.parametrize(
    ("frame", "expected"),
    [("/home/me/datasets.py", [("datasets", "/home/me/datasets.py")]), (f"{SITE}/datasets/load.py", [])],
)
def test_a_module_that_imports_itself_lies_beside_the_program_or_is_installed_broken(
    frame: str, expected: list[tuple[str, str]]
) -> None:
    error = "ImportError: cannot import name 'x' from partially initialized module 'datasets' (most likely ...)"
    assert local_modules(traceback(frame, error=error)) == expected


def test_any_program_that_imports_itself_by_its_name_is_such_a_file() -> None:
    error = "AttributeError: partially initialized module 'timm' has no attribute 'create_model' (most likely ...)"
    assert local_modules(traceback("/home/me/timm.py", error=error)) == [("timm", "/home/me/timm.py")]
    assert local_modules(traceback("/home/me/train.py", error=error)) == []


def test_the_import_is_read_off_the_line_where_the_message_names_no_module() -> None:
    text = (
        'Traceback (most recent call last):\n  File "tools/string.py", line 1, in <module>\n    import numpy\n'
        f'  File "{STDLIB}/logging/__init__.py", line 2, in <module>\n    from string import Template\n'
        "ImportError: cannot import name 'Template'"
    )
    assert local_modules(text) == [("string", "tools/string.py")]


@pytest.mark.parametrize(
    "frames",
    [
        ("/home/me/test.py", f"{SITE}/torch/nn/modules/module.py"),
        ("/home/me/code.py", "/home/me/types.py"),
        (f"{SITE}/mmcv/utils/config.py", "/home/me/plugins/detector.py"),
    ],
)
def test_a_script_of_such_a_name_in_which_nothing_is_missed_is_no_such_file(frames: tuple[str, ...]) -> None:
    text = traceback(*frames, error="AttributeError: module 'queue' has no attribute 'SimpleQueue'")
    assert local_modules(text) == []


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("/home/me/job/typing_extensions.py", [("typing_extensions", "/home/me/job/typing_extensions.py")]),
        ("/home/me/job/sympy/__init__.py", [("sympy", "/home/me/job/sympy/__init__.py")]),
        ("/home/me/triton/python/triton/__init__.py", []),
        (f"{SITE}/typing_extensions.py", []),
    ],
)
def test_what_torch_needs_may_be_a_local_file_too(last: str, expected: list[tuple[str, str]]) -> None:
    text = traceback("/home/me/job/train.py", f"{SITE}/torch/__init__.py", last, error="TypeError: odd")
    assert local_modules(text) == expected
    assert local_modules(traceback("/home/me/job/train.py", last, error="TypeError: odd")) == []


def test_a_local_file_that_is_no_python_is_shown_by_the_import_of_it() -> None:
    text = traceback(f"{SITE}/torch/__init__.py", error="") + (
        '  File "/home/me/random.py", line 1\n    print 1\n    ^\nSyntaxError: Missing parentheses in call'
    )
    assert local_modules(text) == [("random", "/home/me/random.py")]

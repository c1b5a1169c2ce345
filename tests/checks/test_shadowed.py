"""A file of the user's own over which `import torch` fails here: what its traceback shows, and what it does not."""

import pytest

from envkit import matrix
from envkit.checks import diagnose
from envkit.findings import Finding
from envkit.snapshot import RunEnd, TorchError
from tests.builders import SITE, make_host, make_interpreter, make_runtime, make_snapshot

STDLIB = "/usr/lib/python3.11"
TORCH = f"{SITE}/torch/__init__.py"


def failing(
    *frames: str,
    kind: str = "ImportError",
    message: str,
    own: dict[str, str] | None = None,
    last: str = ", in <module>",
) -> Finding:
    """What is told first where the import of torch ends in these files."""
    ends = [", in <module>"] * (len(frames) - 1) + [last]
    lines = (f'  File "{file}", line 3{end}\n    import something' for file, end in zip(frames, ends, strict=True))
    told = "\n".join(("Traceback (most recent call last):", *lines, f"{kind}: {message}"))
    runtime = make_runtime(
        end=RunEnd.FINISHED,
        stage="import",
        version=None,
        error=TorchError(type=kind, message=message, traceback=told),
        own_modules=own or {},
        devices=(),
        backends=(),
    )
    variables = {"PYTHONPATH": "/mine"}
    target = make_interpreter(search_path=("/project", "/mine", STDLIB, SITE))
    return diagnose(
        make_snapshot(host=make_host(variables=variables), target=target, torch=runtime), matrix.load()
    ).findings[0]


@pytest.mark.parametrize(
    ("found", "file"),
    [
        pytest.param(
            failing(TORCH, "/project/random.py", kind="TypeError", message="odd"), "/project/random.py", id="it runs"
        ),
        pytest.param(
            failing(TORCH, "/project/typing_extensions.py", kind="TypeError", message="odd"),
            "/project/typing_extensions.py",
            id="what torch needs runs",
        ),
        pytest.param(
            failing(TORCH, "/project/random.py", kind="SyntaxError", message="invalid syntax", last=""),
            "/project/random.py",
            id="it is no Python",
        ),
        pytest.param(
            failing(TORCH, message="cannot import name 'Random' from 'random' (/mine/random.py)"),
            "/mine/random.py",
            id="its path is told",
        ),
        pytest.param(
            failing(
                TORCH,
                kind="AttributeError",
                message="module 'queue' has no attribute 'SimpleQueue'",
                own={"queue": "/project/queue.py"},
            ),
            "/project/queue.py",
            id="it lacks a name",
        ),
        pytest.param(
            failing(
                TORCH,
                "/project/secrets.py",
                kind="ValueError",
                message="odd",
                own={"secrets": "/project/secrets.py"},
                last=", in token_hex",
            ),
            "/project/secrets.py",
            id="a function of it fails",
        ),
        pytest.param(
            failing(TORCH, "/mine/sympy/__init__.py", kind="TypeError", message="odd"),
            "/mine/sympy/__init__.py",
            id="a folder on PYTHONPATH",
        ),
    ],
)
def test_a_file_over_which_the_import_fails_is_named(found: Finding, file: str) -> None:
    assert found.code == "module-shadowed"
    assert found.facts[0].value == file
    assert found.facts[0].source == "traceback"
    assert found.fix
    # Nobody wants a folder renamed: it may be a source tree.
    renamed = f"mv -n {file} {file.removesuffix('.py')}_local.py"
    assert found.fix.commands == (() if file.endswith("__init__.py") else (renamed,))
    assert ("PYTHONPATH names it" if file.startswith("/mine") else "it is the current folder") in found.cause


def test_the_next_to_fail_is_named_where_one_exception_was_made_into_another() -> None:
    told = "\n\nDuring handling of the above exception, another exception occurred:\n\n"
    message = f"cannot import name 'Queue' from 'queue' (/project/queue.py){told}Traceback (most recent call last):\n"
    assert failing(TORCH, message=message + f'  File "{TORCH}", line 9, in <module>\nImportError: numpy').code == (
        "module-shadowed"
    )


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(failing(TORCH, "/project/acme.py", kind="TypeError", message="odd"), id="of another name"),
        pytest.param(
            failing(TORCH, message="cannot import name 'x' from 'acme' (/mine/acme.py)", own={"acme": "/mine/acme.py"}),
            id="a plugin of torch's",
        ),
        pytest.param(
            failing(TORCH, message="libtorch_cpu.so: file too short", own={"random": "/project/random.py"}),
            id="it has no part in it",
        ),
        pytest.param(
            failing(TORCH, "/elsewhere/random.py", kind="TypeError", message="odd"), id="not on the search path"
        ),
    ],
)
def test_what_does_not_stand_in_the_way_is_not_named(found: Finding) -> None:
    assert found.code != "module-shadowed"

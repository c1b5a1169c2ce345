"""The command group, and the one place where a failure becomes text and an exit code."""

import errno
import importlib
import io
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from envkit import __version__
from envkit.cli.leaving import Leaving
from envkit.cli.overview import COMMANDS, page
from envkit.errors import EnvkitError

EXIT_FAILED = 3
EXIT_INTERRUPTED = 130


class _LazyGroup(click.Group):
    """Loads a command's module when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command if isinstance(command, click.Command) else None

    def get_help(self, ctx: click.Context) -> str:  # noqa: ARG002
        return page().rstrip("\n")


@click.group(cls=_LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="envkit")
@click.pass_context
def envkit(ctx: click.Context) -> None:
    """Set up and diagnose PyTorch environments."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code; every failure ends here, in one voice."""
    _prepare_streams()
    try:
        with Leaving() as leaving:
            code = _run(arguments)
        _tell_notices()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader left (`| head`): not a failure, and nothing more can be said.
        _discard_output()
        return 0
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except OSError as full:
        return _output_failed(full)
    if leaving.signal is None:
        return code
    click.echo("envkit: interrupted", err=True)
    _answer("interrupted", "", as_json="--json" in arguments)
    return 128 + leaving.signal


def _tell_notices() -> None:
    """Tell what the tables that were used could not be read from: a fact of the user's files, not of the answer."""
    tables = sys.modules.get("envkit.matrix")
    if tables is not None:
        from envkit.render.text import clean

        for notice in tables.notices():
            click.echo(f"envkit: {clean(notice)}", err=True)


def _prepare_streams() -> None:
    # A stream that was closed (`>&-`) is None.
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - open to the end
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal or pipe that cannot show a character gets its escape, not an error.
            stream.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Send what is still to be flushed nowhere, so that the interpreter's end does not fail on it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _output_failed(error: OSError) -> int:
    _discard_output()
    with suppress(OSError):  # stderr may stand on the same full disk
        click.echo(f"envkit: the output cannot be written: {error.strerror or error}", err=True)
    return EXIT_FAILED


def _run(arguments: Sequence[str]) -> int:
    as_json = "--json" in arguments
    try:
        _check_folder()
        code = envkit.main(args=list(arguments), prog_name="envkit", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as wrong:
        wrong.show()
        _answer(wrong.format_message(), _usage_hint(wrong), as_json=as_json)
        return wrong.exit_code
    except EnvkitError as expected:
        _show(expected.message, f"hint: {expected.hint}" if expected.hint else "")
        _answer(expected.message, expected.hint, expected.details, as_json=as_json)
        return expected.exit_code
    except (KeyboardInterrupt, click.Abort):
        return EXIT_INTERRUPTED
    except Exception as mistake:  # the last resort: a mistake of envkit's own
        if _is_output(mistake):
            raise
        _failed(mistake, as_json=as_json)
        return EXIT_FAILED
    return code if isinstance(code, int) else 0


def _show(message: str, hint: str) -> None:
    """Tell a person."""
    from envkit.render.text import clean

    click.echo(f"envkit: {clean(message)}", err=True)
    if hint:
        click.echo(f"\n{clean(hint)}", err=True)


def _answer(message: str, hint: str, details: Mapping[str, Any] | None = None, *, as_json: bool) -> None:
    """Tell a program, when one is listening: a failure too is one document."""
    if as_json:
        from envkit.cli.output import echo_json
        from envkit.render.json import error_document

        echo_json(error_document(message, hint, details or {}))


def _usage_hint(wrong: click.ClickException) -> str:
    context = wrong.ctx if isinstance(wrong, click.UsageError) else None
    return f"`{context.command_path if context else 'envkit'} --help`"


def _check_folder() -> None:
    """Refuse to work in a folder that was deleted: every program that is started there would fail oddly."""
    try:
        Path.cwd()
    except FileNotFoundError:
        raise EnvkitError("the current folder no longer exists", hint="`cd` to one that does") from None


def _is_output(error: Exception) -> bool:
    """Say whether an error came from writing to stdout: a file's own has its name."""
    return isinstance(error, BrokenPipeError) or (
        isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None
    )


def _failed(mistake: Exception, *, as_json: bool) -> None:
    import platform
    import traceback

    last = traceback.extract_tb(mistake.__traceback__)[-1]
    where = f"{os.path.basename(last.filename)}:{last.lineno}"  # noqa: PTH119 - a name to show, no path to open
    message = f"this is a mistake in envkit itself: {type(mistake).__name__}: {mistake}"
    report = (
        f"please report it with this line: envkit {__version__}, Python {platform.python_version()}, "
        f"{platform.platform()}, at {where}"
    )
    _show(message, report)
    if os.environ.get("ENVKIT_TRACEBACK"):
        traceback.print_exception(mistake)
    _answer(message, report, as_json=as_json)

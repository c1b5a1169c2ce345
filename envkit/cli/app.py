"""The command group, and the one place where a failure becomes text and an exit code."""

import importlib
import io
import os
import sys
from collections.abc import Sequence

import click

from envkit import __version__
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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal or pipe that cannot show a character gets its escape, not an error.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = envkit.main(args=list(arguments), prog_name="envkit", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except EnvkitError as expected:
        _show(expected, as_json="--json" in arguments)
        return expected.exit_code
    except (KeyboardInterrupt, click.Abort):
        return _interrupted()
    except BrokenPipeError:
        # The reader left (`| head`): not a failure, and nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as mistake:  # noqa: BLE001 - the last resort: a mistake of envkit's own
        return _failed(mistake)
    return code if isinstance(code, int) else 0


def _show(error: EnvkitError, *, as_json: bool) -> None:
    from envkit.render.text import clean

    click.echo(f"envkit: {clean(error.message)}", err=True)
    if error.hint:
        click.echo(f"\nhint: {clean(error.hint)}", err=True)
    if as_json:
        from envkit.cli.output import echo_json
        from envkit.render.json import error_document

        echo_json(error_document(error.message, error.hint))


def _interrupted() -> int:
    from envkit import processes

    processes.kill_all()
    click.echo("envkit: interrupted", err=True)
    return EXIT_INTERRUPTED


def _failed(mistake: Exception) -> int:
    import platform
    import traceback

    last = traceback.extract_tb(mistake.__traceback__)[-1]
    where = f"{os.path.basename(last.filename)}:{last.lineno}"  # noqa: PTH119 - a name to show, no path to open
    click.echo(
        f"envkit: this is a mistake in envkit itself: {type(mistake).__name__}: {mistake}\n\n"
        f"please report it with this line: envkit {__version__}, Python {platform.python_version()}, "
        f"{platform.platform()}, at {where}",
        err=True,
    )
    if os.environ.get("ENVKIT_TRACEBACK"):
        traceback.print_exception(mistake)
    return EXIT_FAILED

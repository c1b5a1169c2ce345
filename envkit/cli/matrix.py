"""`envkit matrix`: which torch, for which Python, CUDA, driver and GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from envkit.cli.options import Seconds
from envkit.cli.output import echo_json, waiting

if TYPE_CHECKING:
    from envkit.cli.matrix_query import Asked
    from envkit.matrix.learned import Refreshed
    from envkit.planning.compatibility import Compatibility

EXIT_NONE = 1
EXIT_INCOMPLETE = 4

_EPILOG = """\b
Examples:
  envkit matrix                                what runs here
  envkit matrix --torch 2.5.1                  its builds, and why not some
  envkit matrix --gpu "GTX 1080 Ti" --driver 470
  envkit matrix --cuda 11.8 --python 3.12      which torch still has it
  envkit matrix --os windows --gpu "RTX 5090"  on another machine
  envkit matrix --all --torch ">=2.8" -v       all there is
  envkit matrix --refresh                      learn what was released since

\b
Exit codes: 0 something fits, 1 nothing does, 2 usage, 3 envkit failed, 4 incomplete
"""


@click.command("matrix", epilog=_EPILOG)
@click.option("--torch", metavar="VERSION", help='a release, or a range such as ">=2.4"')
@click.option("--python", metavar="VERSION|PATH", help="for this Python (default: the one that is active here)")
@click.option("--cuda", metavar="RELEASE", help="with this CUDA: 12.1, 11.8, ..., or cpu")
@click.option("--rocm", metavar="[RELEASE]", is_flag=False, flag_value="auto", help="with ROCm, for AMD GPUs")
@click.option("--xpu", is_flag=True, help="for Intel GPUs")
@click.option("--gpu", "gpus", multiple=True, metavar="NAME", help="on this GPU (or compute capability); repeatable")
@click.option("--driver", metavar="VERSION", help="with this NVIDIA driver")
@click.option("--os", "os_name", type=click.Choice(("linux", "windows", "macos")), help="on this system")
@click.option("--arch", metavar="NAME", help="on this processor: x86_64, aarch64, arm64, ...")
@click.option("--libc", metavar="TEXT", help='with this C library: "glibc 2.17", "musl 1.2"')
@click.option("--conda", is_flag=True, help="conda packages in place of wheels")
@click.option("--all", "everything", is_flag=True, help="all there is: no fact of this machine narrows it")
@click.option("--refresh", is_flag=True, help="learn newer releases from the configured index, and keep them")
@click.option("--index", metavar="URL", help="with --refresh: this index in place of PyTorch's own")
@click.option("--timeout", type=Seconds(), metavar="SECONDS", help="with --refresh: limit of all that is read")
@click.option("--json", "as_json", is_flag=True, help="print one JSON document on stdout")
@click.option("-v", "--verbose", is_flag=True, help="a line for each build, also for those that do not fit")
def command(**options: Any) -> int:
    """Show which builds of torch can be installed and will run, best first.

    Without options: on this machine. Each option that names a Python, GPU, driver or system takes the
    place of this machine's own; --gpu, --driver and --os leave open what they do not name.
    """
    from envkit.cli.matrix_query import Asked, answer

    asked = Asked(**options)
    if asked.refresh:
        from envkit.cli.matrix_refresh import refresh

        with waiting("reading") as on_wait:
            refreshed = refresh(asked, on_wait)
    elif asked.index is not None or asked.timeout is not None:
        raise click.UsageError("--index and --timeout belong to --refresh")
    else:
        refreshed = None
    with waiting("probing") as on_wait:
        found = answer(asked, on_wait)
    _show(asked, found, refreshed)
    if refreshed is not None and refreshed.incomplete:
        return EXIT_INCOMPLETE
    return 0 if found.fitting else EXIT_NONE


def _show(asked: Asked, found: Compatibility, refreshed: Refreshed | None) -> None:
    from envkit import matrix

    torch = matrix.load().torch
    if asked.as_json:
        from envkit.render.json import matrix_document

        echo_json(matrix_document(found, torch, refreshed))
        return
    from envkit.render.terminal.layout import console
    from envkit.render.terminal.matrix import print_compatibility, print_refreshed

    if refreshed is not None:
        print_refreshed(console(stderr=True), refreshed)
    print_compatibility(console(), found, torch, verbose=asked.verbose, one_release=asked.torch is not None)

"""What envkit may mend itself, and what came of it, in the terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from envkit.errors import EnvkitError
from envkit.findings import Diagnosis, Severity, consequences
from envkit.render.text import clean


def print_mending(out: Console, diagnosis: Diagnosis, commands: Mapping[str, Sequence[str]]) -> None:
    """Print the commands that would be run, by the code that they mend, and the findings that are left to a person."""
    out.print()
    for code, lines in commands.items():
        out.print(Text(f"--fix mends {code} with:"))
        for line in lines:
            # Unwrapped, so that a copied command is whole.
            out.print(Text(f"    {clean(line)}", style="cyan"), soft_wrap=True)
    follows = consequences(diagnosis.findings)
    told = [finding.code for finding in diagnosis.findings if finding.severity is not Severity.NOTE]
    left = [code for code in told if code not in commands and code not in follows]
    if left:
        out.print(Text(f"not for envkit to mend: {', '.join(left)}; the way out stands above"))
    if not commands and not left:
        out.print("there is nothing to mend")


def print_outcome(out: Console, code: str, log: str, failure: EnvkitError | None, *, gone: bool) -> None:
    """Print whether a finding is gone, and why it could not be mended."""
    word, style = ("gone", "bold green") if gone else ("still there", "bold red")
    out.print(Text.assemble(f"{code}: ", (word, style), clean(f" (log: {log})")))
    if failure:
        for line in filter(None, (failure.message, failure.hint)):
            out.print(Text(clean(f"  {line}")))

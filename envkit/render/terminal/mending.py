"""What envkit may mend itself, and what came of it, in the terminal."""

from collections.abc import Mapping, Sequence

from envkit.errors import EnvkitError
from envkit.findings import Diagnosis, Severity, consequences
from envkit.render.terminal.lines import Lines, Style


def print_mending(out: Lines, diagnosis: Diagnosis, commands: Mapping[str, Sequence[str]]) -> None:
    """Print the commands that would be run, by the code that they mend, and the findings that are left to a person."""
    out.line()
    for code, lines in commands.items():
        out.line(f"--fix mends {code} with:")
        for line in lines:
            out.whole(line, Style.COMMAND, indent=4)
    follows = consequences(diagnosis.findings)
    told = [finding.code for finding in diagnosis.findings if finding.severity is not Severity.NOTE]
    left = [code for code in told if code not in commands and code not in follows]
    if left:
        out.line(f"not for envkit to mend: {', '.join(left)}; the way out stands above")
    if not commands and not left:
        out.line("there is nothing to mend")


def print_outcome(out: Lines, code: str, log: str, failure: EnvkitError | None, *, gone: bool) -> None:
    """Print whether a finding is gone, and why it could not be mended."""
    word, style = ("gone", Style.GOOD) if gone else ("still there", Style.BAD)
    out.styled(f"{code}: {word}", style, f" (log: {log})")
    if failure:
        for line in filter(None, (failure.message, failure.hint)):
            out.line(line, indent=2)

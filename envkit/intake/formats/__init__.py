"""The formats that are read, the most trusted first: of two that tell the same fact, the earlier one counts."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from envkit.intake.formats import (
    collect_env,
    complaints,
    environment,
    installers,
    interpreters,
    kernel,
    named_gpus,
    nvidia_smi,
    own_words,
    package_lists,
    paths,
    project_reports,
    python_session,
    refusals,
    requirements,
    rocm,
    system_tools,
    torch_messages,
    tracebacks,
)
from envkit.intake.part import Part
from envkit.intake.text import Text


class Format(NamedTuple):
    """A format: its name for people, and the pure function that reads it."""

    name: str
    parse: Callable[[Text], Iterable[Part]]


FORMATS = (
    Format("collect_env", collect_env.parse),
    Format("nvidia-smi", nvidia_smi.parse),
    Format("Python session", python_session.parse),
    Format("torch's messages", torch_messages.parse),
    Format("traceback", tracebacks.parse),
    Format("package list", package_lists.parse),
    Format("ROCm tools", rocm.parse),
    Format("system tools", system_tools.parse),
    Format("kernel", kernel.parse),
    Format("installer", installers.parse),
    Format("refused install", refusals.parse),
    Format("unmet requirement", requirements.parse),
    Format("interpreters", interpreters.parse),
    Format("environment variables", environment.parse),
    Format("report or template", project_reports.parse),
    Format("file names", paths.parse),
    Format("words in passing", own_words.parse),
    Format("GPUs named in prose", named_gpus.parse),
    Format("error lines", complaints.parse),
)

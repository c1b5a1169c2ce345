"""A plan as JSON: what was decided, what pip is told, the files of the recipe."""

from collections.abc import Mapping
from typing import Any

import msgspec

from envkit import __version__
from envkit.planning.installs import pip_installs
from envkit.planning.model import Plan

SCHEMA_VERSION = 1


def plan_json(plan: Plan, files: Mapping[str, str], more: Mapping[str, Any]) -> str:
    """Return the document: `plan`, `install` (argument lists after `pip install`), `files`, and `more`.

    An environment that was made adds `path`, `python`, `steps`, and the answers of `doctor` and `smoke`.
    """
    document = {
        "schema_version": SCHEMA_VERSION,
        "envkit_version": __version__,
        "plan": plan,
        "install": pip_installs(plan),
        "files": files,
        **more,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()

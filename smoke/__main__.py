"""Run the smoke workloads: ``TARGET_PYTHON -B path/to/smoke [options]``.

This file keeps to syntax that any Python can read, so that one too old for the rest can still say so.
"""

import sys

if sys.version_info < (3, 8):  # a foreign interpreter may be of any age
    import json
    from collections import OrderedDict  # older dicts forget their order, and `event` comes first

    version = ".".join(str(part) for part in sys.version_info[:3])
    first = [("event", "start"), ("schema_version", 2), ("python", version), ("executable", sys.executable)]
    unknown = [(fact, None) for fact in ("torch", "torch_file", "numpy", "seed", "threads")]
    empty = [(fact, []) for fact in ("devices", "requested")]
    options = [("mode", None), ("workloads", []), ("dtypes", []), ("variants", []), ("epochs", None), ("budget", None)]
    message = [("message", "Python " + version + " is too old: the smoke workloads need Python 3.8 or newer")]
    error = [("event", "error"), ("kind", "internal"), ("device", None), ("workload", None)]
    for event in (
        first + unknown + empty + options,
        error + message + [("available", [])],
        [("event", "end"), ("passed", False), ("seconds", 0.0)],
    ):
        sys.stdout.write(json.dumps(OrderedDict(event)) + "\n")
    sys.exit(3)

from envkit_smoke.cli import main

sys.exit(main())

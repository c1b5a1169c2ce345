"""All facts of a machine and an interpreter in one JSON document, a snapshot for `envkit doctor --from FILE`.

    python3 - [--python PATH] [--timeout SECONDS] [--quick] [--deep] [--no-redact] < collector.py > snapshot.json

`envkit collector` prints this file with the probes in it: it needs the standard library of Python 3.6 or later and
nothing else, writes no file, and changes nothing. The interpreter that runs it is examined unless --python names
another one. Each probe runs in a process of its own, with a time limit; one that hangs or crashes is a fact.
"""

import sys

if sys.version_info < (3, 6):
    sys.exit("the collector needs Python 3.6 or later, and this is %d.%d" % sys.version_info[:2])
if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    # A json.py in the current folder is the user's, and must not be run.
    del sys.path[0]

import importlib
import json
import os
import signal
import subprocess
import threading
import time

MYPY = False
if MYPY:  # the type comments below; old interpreters have no typing
    from typing import Any  # noqa: F401

# Both are filled in by envkit/probes/collector.py.
VERSION = ""
SOURCES = {}  # type: dict[str, str]

FACTS_LIMIT, TORCH_LIMIT, TOOLKIT_LIMIT, DEEP_LIMIT = 20.0, 60.0, 4.0, 1800.0
KEPT = 8 * 2**20
GRACE = 2.0

# Reads a script and the modules that it needs from stdin, and runs it as if it lay in a folder of its own.
CHILD = """\
import sys
if sys.path[:1] == [""]:
    del sys.path[0]
import json
script, sources = json.loads(sys.stdin.buffer.read().decode("utf-8"))
exec(compile(sources["embedded"], "embedded", "exec"))
embed(sources)
file = sys.argv[1] + "/probe.py"
exec(compile(script, file, "exec"), {"__name__": "__main__", "__file__": file})
"""

EMBEDDED = '''\
import importlib.util, sys

class Embedded(object):
    """Finds modules among sources in memory."""

    def __init__(self, sources):
        self.sources = sources

    def find_spec(self, name, path=None, target=None):
        if name not in self.sources:
            return None
        package = any(other.startswith(name + ".") for other in self.sources)
        return importlib.util.spec_from_loader(name, self, is_package=package)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(compile(self.sources[module.__name__], module.__name__, "exec"), module.__dict__)

def embed(sources):
    sys.meta_path.insert(0, Embedded(sources))
'''


def run(python, script, arguments, limit, modules=()):
    # type: (list[str], str, list[str], float, Any) -> dict[str, Any]
    """Run one of the probes in an interpreter, and return what it said and how it ended."""
    token = "envkit-" + "".join("%02x" % byte for byte in bytearray(os.urandom(8)))
    given = dict((name, SOURCES[name]) for name in modules)
    given["embedded"] = EMBEDDED
    try:
        process = subprocess.Popen(
            python + ["-B", "-c", CHILD, token] + arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as refusal:
        return {"frames": [], "end": "failed", "how": "could not be started: %s" % refusal, "stderr": ""}
    tails = [Tail(process.stdout), Tail(process.stderr)]
    feeder = threading.Thread(target=feed, args=(process.stdin, json.dumps([SOURCES[script], given])))
    feeder.daemon = True
    feeder.start()
    end, how = wait(process, limit)
    for tail in tails:
        tail.thread.join(GRACE)
    return {
        "frames": read_frames(tails[0].text(), token),
        "end": end,
        "how": how,
        "stderr": tails[1].text().decode("utf-8", "replace").strip(),
    }


def feed(stream, text):
    # type: (Any, str) -> None
    try:
        stream.write(text.encode("ascii"))
        stream.close()
    except (OSError, ValueError):  # it ended before it had read all
        pass


def wait(process, limit):
    # type: (Any, float) -> tuple[str, str]
    """Wait for a process, or kill it with all that it started; return how it ended."""
    try:
        code = process.wait(limit)
    except subprocess.TimeoutExpired:
        kill(process)
        return "timed-out", "timed out after %.1f s" % limit
    kill(process)  # what it left behind
    if code < 0:
        return "crashed", signal_name(-code)
    return "failed", "exit code %d" % code


def kill(process):
    # type: (Any) -> None
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (AttributeError, OSError):
        if process.poll() is None:
            process.kill()


def signal_name(number):
    # type: (int) -> str
    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal %d" % number


class Tail(object):
    """The end of what a stream says, read in a thread of its own."""

    def __init__(self, stream):
        # type: (Any) -> None
        self.stream = stream
        self.chunks = []  # type: list[bytes]
        self.size = 0
        self.thread = threading.Thread(target=self.read)
        self.thread.daemon = True
        self.thread.start()

    def read(self):
        # type: () -> None
        while True:
            try:
                chunk = os.read(self.stream.fileno(), 65536)
            except (OSError, ValueError):
                return
            if not chunk:
                return
            self.chunks.append(chunk)
            self.size += len(chunk)
            while self.size - len(self.chunks[0]) >= KEPT:
                self.size -= len(self.chunks.pop(0))

    def text(self):
        # type: () -> bytes
        return b"".join(list(self.chunks))[-KEPT:]


def read_frames(output, token):
    # type: (bytes, str) -> list[Any]
    """The frames of a probe among what else was printed: lines that begin with its token."""
    frames = []
    for line in output.splitlines():
        marker, _, body = line.partition(b" ")
        if marker != token.encode("ascii"):
            continue
        try:
            frames.append(json.loads(body.decode("utf-8", "replace")))
        except ValueError:  # cut short by a crash in mid-write; what came before it counts
            continue
    return frames


def merged(answer, name):
    # type: (dict[str, Any], str) -> dict[str, Any] | None
    """A section's frames as one, later ones winning; None when there was no frame of it."""
    found = [facts for section, facts in answer["frames"] if section == name]
    facts = {}  # type: dict[str, Any]
    for each in found:
        facts.update(each)
    return facts if found else None


def unanswered(answer, who):
    # type: (dict[str, Any], str) -> dict[str, Any]
    told = answer["stderr"].splitlines()
    why = "%s gave no answer: %s" % (who, answer["how"]) + (": " + told[-1][:500] if told else "")
    return {"state": "unknown", "why": why, "outcome": answer["end"]}


def section(answer, name, who, **more):
    # type: (dict[str, Any], str, str, **Any) -> dict[str, Any]
    facts = merged(answer, name)
    if facts is None:
        return unanswered(answer, who)
    if "failed" in facts:
        return {"state": "unknown", "why": str(facts["failed"])}
    if "absent" in facts:
        return {"state": "absent", "why": str(facts["absent"])}
    facts.update(more)
    facts["state"] = "known"
    return facts


# -- the probes: each returns its sections; `packages` is the section of probe.py to ask for them ---


def host(_python, _limit, _packages):
    # type: (str, float, str) -> dict[str, Any]
    # Of the sources, not of an envkit that happens to be here.
    facts = dict(importlib.import_module("envkit.probes.host").probe_host())
    facts["state"] = "known"
    return {"host": facts}


def toolkit(_python, limit, _packages):
    # type: (str, float, str) -> dict[str, Any]
    tools = min(limit, TOOLKIT_LIMIT)
    return {"toolkit": dict(importlib.import_module("envkit.probes.toolkit").probe_toolkit(tools), state="known")}


def probe(python, sections, limit):
    # type: (str, list[str], float) -> dict[str, Any]
    """Ask an interpreter what `probe.py` tells of it."""
    return run([python], "probe.py", sections, limit, [name for name in SOURCES if name.startswith("envkit_probe")])


def target(python, limit, packages):
    # type: (str, float, str) -> dict[str, Any]
    answer = probe(python, ["interpreter", packages], limit)
    chosen_by = "--python" if python != sys.executable else "the collector runs in it"
    return {
        "target": section(answer, "interpreter", python, chosen_by=chosen_by),
        "packages": section(answer, "packages", "reading the installed packages"),
    }


def nvml(_python, limit, _packages):
    # type: (str, float, str) -> dict[str, Any]
    answer = run([sys.executable, "-I", "-S"], "nvml.py", [os.devnull], limit, ["pynvml"])
    return {"nvml": section(answer, "nvml", "the driver library (nvml)")}


def cuda(_python, limit, _packages):
    # type: (str, float, str) -> dict[str, Any]
    answer = run([sys.executable, "-I", "-S"], "cuda.py", [], limit)
    return {"cuda": section(answer, "cuda", "the driver library (cuda)")}


def torch(python, limit, _packages):
    # type: (str, float, str) -> dict[str, Any]
    answer = probe(python, ["torch"], limit)
    facts = merged(answer, "torch")
    if facts is None:
        return {"torch": unanswered(answer, python)}
    error = facts.get("error") or {}
    if error.get("message") in ("No module named 'torch'", "No module named torch"):
        return {"torch": {"state": "absent", "why": error["message"]}}
    end, died_of = "finished", ""
    if facts.get("stage") != "done" and "error" not in facts:
        end, died_of = "timed-out" if answer["end"] == "timed-out" else "crashed", answer["how"]
    facts.update(state="known", end=end, died_of=died_of, stderr=answer["stderr"][-4000:])
    return {"torch": facts}


PROBES = (
    (torch, ("torch",)),
    (target, ("target", "packages")),
    (cuda, ("cuda",)),
    (nvml, ("nvml",)),
    (host, ("host",)),
    (toolkit, ("toolkit",)),
)


class Running(object):
    """A probe in its thread; its sections are unknown until it has answered."""

    def __init__(self, probe, names, python, limit, packages):
        # type: (Any, Any, str, float, str) -> None
        self.names, self.limit, self.began, self.seconds = names, limit, time.time(), 0.0
        late = {"state": "unknown", "why": "no answer within %g s" % limit, "outcome": "timed-out"}
        self.sections = dict((name, late) for name in names)
        self.thread = threading.Thread(target=self.run, args=(probe, python, packages))
        self.thread.daemon = True
        self.thread.start()

    def run(self, probe, python, packages):
        # type: (Any, str, str) -> None
        try:
            answer = probe(python, self.limit, packages)
        except Exception as error:
            why = "the probe failed: %s: %s" % (type(error).__name__, error)
            answer = dict((name, {"state": "unknown", "why": why}) for name in self.names)
        self.seconds = time.time() - self.began
        self.sections = answer

    def result(self):
        # type: () -> dict[str, Any]
        self.thread.join(max(0.0, self.began + self.limit + 2 * GRACE - time.time()))
        return self.sections


def limit_of(probe, deep):
    # type: (Any, bool) -> float
    if probe is target and deep:
        return DEEP_LIMIT
    return TORCH_LIMIT if probe is torch else FACTS_LIMIT


def collect(python, timeout, quick, deep):
    # type: (str, float | None, bool, bool) -> dict[str, Any]
    probes = [probe for probe in PROBES if not (quick and probe[0] in (torch, toolkit))]
    packages = "packages-deep" if deep else "packages-quick" if quick else "packages"
    running = [Running(probe, names, python, timeout or limit_of(probe, deep), packages) for probe, names in probes]
    snapshot = {
        "schema_version": 1,
        "envkit_version": VERSION,
        "taken_at": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
    }  # type: dict[str, Any]
    if quick:
        snapshot["torch"] = {"state": "unknown", "why": "left out by --quick", "outcome": "skipped"}
    ends = [run_of("torch", snapshot["torch"], 0.0)] if quick else []
    for each in running:
        sections = each.result()
        snapshot.update(sections)
        ends += [run_of(name, sections[name], each.seconds) for name in each.names]
    snapshot["probes"] = ends
    return snapshot


def run_of(name, facts, seconds):
    # type: (str, dict[str, Any], float) -> dict[str, Any]
    outcome, detail = "ok", ""
    if facts["state"] == "unknown":
        outcome, detail = facts.get("outcome", "failed"), facts["why"]
    elif facts.get("end", "finished") != "finished":
        outcome, detail = facts["end"], facts["died_of"]
    return {"name": name, "outcome": outcome, "seconds": round(seconds, 4), "detail": detail}


def redacted(snapshot):
    # type: (dict[str, Any]) -> Any
    """The snapshot without names, addresses and secrets: it goes to another machine."""
    names = importlib.import_module("envkit.probes.identity").probe_names()
    return importlib.import_module("envkit.redaction").redact(snapshot, names)


def main(arguments):
    # type: (list[str]) -> None
    import argparse

    parser = argparse.ArgumentParser(prog="collector", description="Write a snapshot for `envkit doctor --from`.")
    parser.add_argument("--python", default=sys.executable or "", help="examine this interpreter (default: this one)")
    parser.add_argument("--timeout", type=float, help="limit of each probe in seconds")
    parser.add_argument("--quick", action="store_true", help="leave out what imports torch")
    parser.add_argument("--deep", action="store_true", help="also read every file of torch and compare its hash")
    parser.add_argument("--no-redact", action="store_true", help="also names, addresses and secrets, as they are")
    options = parser.parse_args(arguments)
    if os.path.isdir(options.python):
        parser.error("--python wants the path of an interpreter, and %s is a folder" % options.python)
    code = {}  # type: dict[str, Any]
    exec(compile(EMBEDDED, "embedded", "exec"), code)  # noqa: S102 - a text that stands above
    code["embed"](SOURCES)
    snapshot = collect(options.python, options.timeout, options.quick, options.deep)
    if not options.no_redact:
        snapshot = redacted(snapshot)
    text = json.dumps(snapshot, ensure_ascii=False, default=str)
    data = text.encode("utf-8", "replace") + b"\n"
    while data:
        data = data[os.write(1, data) :]
    # A probe that still hangs is not waited for.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])

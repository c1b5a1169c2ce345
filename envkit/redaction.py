"""What is handed on without what is nobody else's business: names of people, machines and folders, addresses, secrets.

Pure: a document (JSON-like) or a text in, the same out with placeholders. One `Redactor` first reads all that will be
shown, so that a password which is told as one in a single place is found wherever else it stands, and the same name
gets the same placeholder throughout. What is redacted already stays as it is.

The collector takes this file along: it keeps to what Python 3.6 has too, but for annotations of functions.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

USER, HOST, SECRET, IP, MAC, MAIL, GPU, ID, SERIAL = (
    "user", "host", "secret", "ip", "mac", "email", "gpu-uuid", "id", "serial",
)  # fmt: skip
HOME = "<home>"
_PLACEHOLDER = re.compile(r"<(user|host|secret|ip|mac|email|gpu-uuid|id|serial)-(\d+)>")

# Words of the trade, and of folders that all machines have: they name nobody where they stand alone.
_COMMON = frozenset(
    """
    __token__ account acme admin administrator all amd anaconda api app apple apps arch archive archlinux backend
    backends backup base bin bits build builds cache cases cause centos checks ci client code codes collector
    command commands compute computer conda container containers cores cpu cpus crashed cuda cudnn current data
    dataset datasets debian debug default dell dev developer device devices dgx dir disk dist docker docs download
    downloads driver drivers ec2-user end engine env envkit envs error errors etc export facts failed false fedora
    file files finding findings finished fix folder gcc git github gpu gpus group guest hip home host hosts image
    images import index info install installed intel interpreter jovyan jupyter kernel kubernetes lab lib library
    linux local localdomain localhost login loss mac machine macos main master me memory message miniconda mnt model
    models module modules mps name net network nobody node none note null numpy nvcc nvidia nvml oauth oauth2 office
    ok opt oracle package packages passed password path pip plugin plugins podman probe probes project projects
    public pypi pytest python python3 pytorch remote report reports repos results rocm root run runner runs runtime
    sbin score scripts secret self server service severity share shared shell site skipped smoke snapshot software
    source sources space spack src ssh state student students summary sys system target temp test testing tests
    timed tmp token tool toolkit tools torch training true type ubuntu unknown user username users usr uv vagrant
    var venv venvs verdict version virtualenv vision warning warnings web why windows work worker workspace wsl xpu
    yes
    """.split()  # noqa: SIM905 - a list of as many literals is harder to read
)
_PUBLIC = re.compile(
    r"(?:.*\.)?(?:(?:pypi|pythonhosted|pytorch|python|anaconda)\.org|(?:github|gitlab|anaconda|nvidia|google)\.com"
    r"|huggingface\.co|readthedocs\.io|localhost)",
    re.IGNORECASE,
)
"""Hosts that everybody knows."""

_MASKED = r"(?!<(?:secret|user)-\d+>|\*+(?:[@\s'\"&]|$))"
"""What stands there is no secret any more."""
_QUOTED = (
    r"(?:\\?\"" + _MASKED + r"(?P<double>[^\"\\\r\n]+)|\\?'" + _MASKED + r"(?P<single>[^'\\\r\n]+)"
    r"|" + _MASKED + r"(?P<plain>[^\s'\"\\,;&)\]}$][^\s'\"\\,;&)\]}]*))"
)
"""A value after its name: in quotes, or up to the next space."""
_LOUD = (
    r"(?:[A-Z0-9]{1,30}_){0,8}[A-Z0-9]{0,30}?(?:SECRET|TOKEN(?!IZ)|PASSW|PASSPHRASE|CREDENTIAL|APIKEY|KEY(?![A-Z])|PASS(?![A-Z])"
    r"|AUTH(?![A-Z]))[A-Z0-9_]*"
)
_QUIET = (
    r"(?:[a-z0-9]{1,30}[_-]){0,6}(?:password|passwd|passphrase|passwort|secret|(?:api|access|secret|private|auth|account|license)"
    r"[_-]?(?:key|token)|(?:access|auth|api|bearer|id|refresh|session|hub|hf|github|gitlab|user)[_-]?token|credentials?)"
)
_SECRET_NAME = re.compile(r"(?:" + _LOUD + r"|" + _QUIET + r"|token|pass|pwd|auth)")

_PREFIXES = (
    r"hf_|gh[pousr]_|github_pat_|glpat-|gldt-|nvapi-|xox[abprs]-|dckr_pat_|npm_|pypi-AgE|sk-(?=[\w-]*\d)|sk_live_"
    r"|AIza|ya29\."
)
"""What the tokens of well-known services begin with."""
_FLAG = r"--?(?:\w+-)*(?:password|passwd|passphrase|token|secret|api-key|key|auth)"
_SCHEME = r"(?:bearer|basic|token)"
_USERINFO = r"[^/\s'\"<>@:]+:(?!\d*/)[^\s'\"]*?|[^/\s'\"]+"
_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_NAME = r"[^\s\\/:*?\"'<>|,;()\[\]{}`=$]+"
_SPACED = r"[^\\/:*?\"'<>|\r\n]+(?=[\\/])"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"

# What each is, the pattern, and its parts that go away. The order counts: what holds others comes first.
_IS = r"\\?[\"']?\s*(?:=|:(?![:/\\]))\s*"
_PATTERNS = tuple(
    (kind, re.compile("".join(parts)))
    for kind, *parts in (
        (SECRET, r"(?s)(?P<it>-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z))"),
        (HOST, r"(?<=://)(?:", _USERINFO, r")@(?![^/\s'\"]*@)(?P<it>[A-Za-z][\w.-]*)"),
        # A user's name may be a mail address, and people write passwords as they are: the last @ counts.
        (SECRET, r"(?<=://)(?!git@)", _MASKED, r"(?P<it>", _USERINFO, r")@(?![^/\s'\"]*@)"),
        (SECRET, r"://[^\s'\"]{0,300}?/t/", _MASKED, r"(?P<it>[^/\s'\"]+)"),
        (SECRET, r"(?i)[?&][\w.-]*(?:token|key|secret|passw|sig|auth)[\w.-]*=", _MASKED, r"(?P<it>[^&\s'\"]+)"),
        (SECRET, r"(?<![\w-])(?P<it>eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?)"),
        (SECRET, r"(?<![A-Za-z0-9-])(?P<it>(?:", _PREFIXES, r")[\w-]{6,}|(?:AKIA|ASIA)[0-9A-Z]{12,})"),
        (SECRET, r"(?i)\b", _SCHEME, r"\s+", _MASKED, r"(?P<it>(?=[\w+/.~=-]*\d)[\w+/.~=-]{8,})"),
        (
            SECRET,
            r"(?i)authorization",
            _IS,
            r"[\"']?(?:",
            _SCHEME,
            r"\s+)?(?!",
            _SCHEME,
            r"\b)",
            _MASKED,
            r"(?P<it>[\w+/.~=-]{6,})",
        ),
        (SECRET, r"(?<![A-Za-z0-9_])", _LOUD, _IS, _QUOTED),
        (SECRET, r"(?i)(?<![A-Za-z0-9_])", _QUIET, _IS, _QUOTED),
        (SECRET, r"(?<![A-Za-z0-9_])(?:token|pass|pwd|auth)=", _QUOTED),
        (SECRET, r"(?i)(?<!\S)", _FLAG, r"[ =]+(?!-)", _QUOTED),
        (SECRET, r"(?<!\S)(?:-u|--user|--proxy-user)[ =]+\S+?:", _MASKED, r"(?P<it>[^\s'\"]+)"),
        (MAIL, r"(?<![\w.+-])(?!git@)(?P<it>[\w.+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,})(?![\w-])"),
        # alice@ws17:~/project$, [alice@ws17 project]$
        (USER, r"(?<![\w./@-])(?P<it>[A-Za-z_][\w.-]*)@(?=(?:<host-\d+>|[\w-]+)(?::[~/]| [^\s\]]*[\]$#]))"),
        (HOST, r"(?<=@)(?P<it>[A-Za-z0-9][\w-]*)(?=:[~/]| [^\s\]]*[\]$#])"),
        (USER, r"(?<![\w./@-])(?P<it>[A-Za-z_][\w.-]*)@(?=\d+\.\d+\.\d+\.\d+|<ip-\d+>)"),
        (USER, r"\b(?:ssh|scp|sftp|rsync)\b[^@|;&\n]{0,200}?[ ](?P<it>[A-Za-z_][\w.-]*)@"),
        (HOST, r"\b(?:ssh|scp|sftp|rsync)\b[^@|;&\n]{0,200}?@(?P<it>[A-Za-z][\w.-]*)"),
        (HOST, r"(?m)^(?P<it>[A-Za-z][\w.-]*):\d+:\d+ \[\d+\] NCCL"),
        (HOST, r"\b(?:srun|slurmstepd): error: (?:\*+ )?(?P<it>[A-Za-z][\w-]*\d[\w.-]*)(?=[: ])"),
        (HOST, r"\[(?P<it>[A-Za-z][\w.-]*)\]:\d+"),
        (HOST, r"(?m)^\s*host\s*:\s+(?P<it>[A-Za-z][\w.-]*)"),
        (HOST, r"(?<![\w\\:.\])}>%~])\\\\(?:\\\\)?(?P<it>[A-Za-z][\w.-]*)(?=\\)"),  # the server of a share
        (USER, r"(?<![A-Za-z0-9])(?:USER|USERNAME|LOGNAME|SUDO_USER)\\?[\"']?\s*=\s*", _QUOTED),
        (HOST, r"(?<![A-Za-z0-9])(?:HOSTNAME|HOST|COMPUTERNAME|MASTER_ADDR|[Hh]ost ?name)", _IS, _QUOTED),
        (HOST, r"\bLinux (?P<it>", _LABEL, r"(?:\.[\w-]+)*) \d+\.\d+\.\d+\S* #"),  # uname -a
        (HOST, r"(?m)^[A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d (?P<it>[\w.-]+) [\w.-]+(?:\[\d+\])?: "),  # the system's log
        (HOST, r"(?i)://(?P<it>(?:", _LABEL, r"\.)+(?:local|internal|corp|lan|intranet|localdomain|home))(?![\w.-])"),
        (GPU, r"\b(?:GPU|MIG)-(?:GPU-)?(?P<it>", _UUID, r"|[0-9a-f]{6,8}(?:-[0-9a-f]{1,4}){0,3}(?![\w-]))"),
        (ID, r"(?<![\w-])(?P<it>", _UUID, r")(?![\w-])"),
        (SERIAL, r"(?i)\b(?:serial(?: ?(?:number|no\.?))?|machine-?id|boot_?id)", _IS, r"(?P<it>[\w-]*\d[\w-]*)"),
        (MAC, r"(?<![\w:.-])(?P<it>[0-9a-fA-F]{2}(?:(?::[0-9a-fA-F]{2}){5}|(?:-[0-9a-fA-F]{2}){5}))(?![\w:-])"),
        # /home/NAME and its kin at the head of a path; Windows' may have spaces, and doubled separators in a repr.
        (
            USER,
            r"(?:(?<![\w.\-/>])|(?<=file://))/(?!/)(?:[\w.-]+/){0,3}?(?:home\d?|Users)/(?!Shared/)(?P<it>",
            _NAME,
            r")",
        ),
        (
            USER,
            r"(?i)(?:\b[A-Z]:|(?<=\\)\\?[\w.$-]+)[\\/]+(?:Users|Documents and Settings)[\\/]+",
            r"(?!(?:Public|Default|All Users)[\\/])(?P<it>",
            _SPACED,
            r"|",
            _NAME,
            r")",
        ),
        (USER, r"(?<![\w/])~(?P<it>[A-Za-z_][\w.-]*)(?=/)"),
    )
)
_PARTS = ("it", "double", "single", "plain")
_HINTS = re.compile(
    r"[@:=/\\~-]|hf_|gh|eyJ|AKIA|ASIA|AIza|npm_|sk_|bearer|basic|Linux|dckr|ya29|password|secret|token", re.IGNORECASE
)
"""What a text has where any of them can match."""

_IPV4 = re.compile(
    r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?!\.?\d|[A-Za-z_])"
)
_IPV6 = re.compile(r"(?<![\w:.])[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}(?:\.\d{1,3}){0,3}(?![\w:])")
_OWN = ("0.0.0.0", "255.255.255.255", "::", "::1")  # noqa: S104 - addresses that every machine has
_A_VERSION = re.compile(
    r"(?:versions?\W{0,12}|release\W{0,4}|driver\W{0,4}|[\w\])]\s*(?:[=~!<>]=|[<>])\s*|\bso\.|[A-Za-z]\w*[-_]"
    r"|[\w-]*(?:nvidia|cuda|cudnn|cublas|cufft|curand|cusolver|cusparse|nccl|nvtx|cupti|nvrtc|torch|rocm|mkl|tbb|glibc)"
    r"[\w-]*[\s:=('\"]{1,60})$",
    re.IGNORECASE,
)
_STILL_A_VERSION = re.compile(r"\.(?:dist-info|egg|post|dev)|\+|-(?:py|cp|pp)\d|rc\d|[ab]\d")
_VERSION_KEY = re.compile(r"(?:.*_)?version|cuda|hip|nvcc|gcc|gxx|kernel|offered|torch_releases|torch|numpy|python")

_OPEN = ("variables", "plugins", "own_modules", "environment")
"""Fields whose keys are no words of the model, but somebody's."""
_SHORTEST_NAME, _SHORTEST_SECRET = 3, 6
_MOST_ROUNDS = 6


class Names:
    """What is known to be private of the machine that a document tells of.

    `texts` are not shown themselves, but hold private parts: proxies and indexes with their passwords.
    """

    def __init__(
        self,
        users: Iterable[str] = (),
        homes: Iterable[str] = (),
        hosts: Iterable[str] = (),
        secrets: Iterable[str] = (),
        texts: Iterable[str] = (),
    ) -> None:
        self.users, self.homes, self.hosts = tuple(users), tuple(homes), tuple(hosts)
        self.secrets, self.texts = tuple(secrets), tuple(texts)


def secrets_in(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield the values of environment variables that are secrets by their names."""
    for name, value in variables.items():
        if _SECRET_NAME.fullmatch(name) and value:
            yield value


class Redactor:
    """Placeholders for what is private in the values that it was made from."""

    def __init__(self, *values: Any, names: Names | None = None) -> None:
        self._numbers = {}  # type: dict[str, dict[str, int]]
        self._last = {}  # type: dict[str, int]
        self._known = {}  # type: dict[str, str]
        self._secrets = {}  # type: dict[str, str]
        self._versions = set()  # type: set[str]
        self._gpus = []  # type: list[str]
        self._literal = self._hidden = None  # type: re.Pattern[str] | None
        self._done = {}  # type: dict[tuple[str, bool], str]
        names = names or Names()
        texts = list(_texts(list(values), ""))
        for _, text in texts:
            for kind, number in _PLACEHOLDER.findall(text):
                self._last[kind] = max(self._last.get(kind, 0), int(number))
        for key, text in texts:
            if _VERSION_KEY.fullmatch(key):
                self._versions.update(_IPV4.findall(text))
        self._homes = _homes(names.homes)
        short = [name for name in names.users if 0 < len(name) < _SHORTEST_NAME]
        told = "|".join(map(re.escape, short))
        self._folders = re.compile(rf"(?<=[\\/])({told})(?=[\\/]|$)") if short else None
        self._learn_names(names)
        self._learn_all(texts)

    # -- what is private -----------------------------------------------------------------------------

    def _learn_all(self, texts: "list[tuple[str, str]]") -> None:
        """Learn from the texts until nothing new comes: what is left of one may tell more than the whole did."""
        for _ in range(_MOST_ROUNDS):
            known = len(self._known), len(self._secrets)
            for key, text in texts:
                self._learn(key, text)
            self._literal = _alternation(self._known, whole=True)
            self._hidden = _alternation(self._secrets, whole=False)
            self._done.clear()
            left = [(key, self._valued(text, key)) for key, text in texts]
            if left == texts and known == (len(self._known), len(self._secrets)):
                break
            texts = left
        self._done.clear()

    def _learn_names(self, names: Names) -> None:
        for kind, found in ((USER, names.users), (HOST, names.hosts)):
            for name in found:
                self._know(kind, name)
        for secret in names.secrets:
            self._know(SECRET, secret)
        for text in names.texts:
            self._learn("", text)

    def _learn(self, key: str, text: str) -> None:
        """Take note of what a text says is private, wherever else it stands."""
        if _is_secret(key):
            self._know(SECRET, text)
        if key == HOST and text:
            self._know(HOST, text)
        for kind, part in _matches(text):
            self._know(kind, part)

    def _know(self, kind: str, value: str) -> None:
        if kind == SECRET:
            self._know_secret(value)
        elif kind == GPU:
            self._gpus += [value.lower()]
        elif kind in (USER, HOST) and _names_somebody(value):
            self._known.setdefault(value.lower(), kind)
            short = value.partition(".")[0].lower()
            if kind == HOST and _names_somebody(short) and not short.isdigit():
                self._known.setdefault(short, kind)

    def _know_secret(self, value: str) -> None:
        user, _, password = value.partition(":")
        credentials = re.fullmatch(r"[^\s/:]+:\S+", value) and not value.startswith("-----")
        told = [value, password] if credentials else [value]
        if credentials and _names_somebody(user) and "@" not in user:
            self._known.setdefault(unquote(user).lower(), USER)
        for secret in told + [unquote(one) for one in told]:
            plain = secret.lower() in _COMMON or (secret.isdigit() and len(secret) < 10) or _PLACEHOLDER.search(secret)
            if len(secret) >= _SHORTEST_SECRET and not plain and not _is_a_word(secret):
                self._secrets.setdefault(secret, SECRET)

    def _placeholder(self, kind: str, value: str) -> str:
        value = value if kind == SECRET else value.lower()
        if kind == HOST:
            value = value.partition(".")[0] if not value[:1].isdigit() else value
        if kind == GPU:  # a few of its digits are enough to name it
            value = next((uuid for uuid in sorted(self._gpus, key=len, reverse=True) if uuid.startswith(value)), value)
        numbers = self._numbers.setdefault(kind, {})
        if value not in numbers:
            self._last[kind] = numbers[value] = self._last.get(kind, 0) + 1
        return f"<{kind}-{numbers[value]}>"

    # -- without it ----------------------------------------------------------------------------------

    def document(self, value: Any, key: str = "", *, opened: bool = False) -> Any:
        """Return a JSON-like value without what is private, in keys too."""
        if isinstance(value, str):
            return self._valued(value, key)
        if isinstance(value, dict):
            return {
                self._key(name, opened=opened): self.document(one, str(name), opened=opened or name in _OPEN)
                for name, one in value.items()
            }
        if isinstance(value, (list, tuple)):
            return self._items(value, key, opened=opened)
        return value

    def _items(self, values: Iterable[Any], key: str, *, opened: bool) -> list[Any]:
        """An argument list may have a secret behind its flag."""
        told, before = [], ""
        for one in values:
            hidden = isinstance(one, str) and _is_flag(before) and not _is_done(one)
            told.append(self._placeholder(SECRET, one) if hidden else self.document(one, key, opened=opened))
            before = one if isinstance(one, str) else ""
        return told

    def _valued(self, value: str, key: str) -> str:
        if value and _is_secret(key) and not _is_done(value):
            return self._placeholder(SECRET, value)
        if key == HOST and _names_somebody(value):
            return self._placeholder(HOST, value)
        return self.text(value, version=bool(_VERSION_KEY.fullmatch(key)))

    def _key(self, name: Any, *, opened: bool) -> Any:
        if not isinstance(name, str):
            return name
        plain = re.fullmatch(r"[a-z][a-z0-9_]*", name)
        return name if plain and not opened and name not in self._secrets else self.text(name)

    def text(self, text: str, *, version: bool = False) -> str:
        """Return a text without what is private; four numbers with dots are no address in a `version`."""
        told = self._done.get((text, version))
        if told is None:
            told = text
            for _ in range(_MOST_ROUNDS):
                before, told = told, self._replaced(told, version=version)
                if told == before:
                    break
            self._done[text, version] = told
        return told

    def _replaced(self, text: str, *, version: bool) -> str:
        for kind, pattern in _PATTERNS if _HINTS.search(text) else ():
            text = pattern.sub(self._part_of(kind), text)
        text = self._replace_secrets(text)
        for pattern, told in self._homes:
            text = pattern.sub(told, text)
        if not version:
            text = _IPV4.sub(self._address_v4, text)
        if ":" in text:
            text = _IPV6.sub(self._address_v6, text)
        if self._folders is not None:
            text = self._folders.sub(lambda found: self._placeholder(USER, found.group()), text)
        return self._replace_names(text)

    def _replace_secrets(self, text: str) -> str:
        if self._hidden is None:
            return text
        return _outside(text, self._hidden, lambda found: self._placeholder(SECRET, found))

    def _replace_names(self, text: str) -> str:
        if self._literal is None:
            return text
        return _outside(text, self._literal, lambda found: self._placeholder(self._kind(found), found))

    def _kind(self, found: str) -> str:
        lower = found.lower()
        return self._known.get(lower) or self._known.get(lower.partition(".")[0]) or HOST

    def _part_of(self, kind: str) -> Callable[["re.Match[str]"], str]:
        def replace(found: "re.Match[str]") -> str:
            whole, start = found.group(), found.start()
            for part in _PARTS:
                value = _group(found, part)
                if value and _counts(kind, value):
                    at, end = found.span(part)
                    return whole[: at - start] + self._placeholder(kind, value) + whole[end - start :]
            return whole

        return replace

    def _address_v4(self, found: "re.Match[str]") -> str:
        address = found.group()
        before, after = found.string[max(0, found.start() - 80) : found.start()], found.string[found.end() :]
        known = address in _OWN or address.startswith("127.") or address in self._versions
        if known or _A_VERSION.search(before) or _STILL_A_VERSION.match(after):
            return address
        return self._placeholder(IP, address)

    def _address_v6(self, found: "re.Match[str]") -> str:
        address = found.group()
        if address in _OWN or not re.match(r"[23f][0-9a-f]{3}:|::ffff:|(?:[^:]*:){3}", address, re.IGNORECASE):
            return address
        try:
            ipaddress.IPv6Address(address)
        except ValueError:
            return address
        return self._placeholder(IP, address)


def redact(document: Any, names: Names | None = None) -> Any:
    """Return a JSON-like document without what is private."""
    return Redactor(document, names=names).document(document)


def _texts(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """Yield every text of a document with the key that it stands under; keys, and what follows a flag, too."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield "", str(name)
            for found in _texts(one, str(name)):
                yield found
    elif isinstance(value, (list, tuple)):
        before = ""
        for one in value:
            flag = isinstance(one, str) and _is_flag(before)
            for found in _texts(one, "password" if flag else key):
                yield found
            before = one if isinstance(one, str) else ""


def _matches(text: str) -> Iterator[tuple[str, str]]:
    if not _HINTS.search(text):
        return
    for kind, pattern in _PATTERNS:
        for found in pattern.finditer(text):
            for part in _PARTS:
                value = _group(found, part)
                if value and _counts(kind, value):
                    yield kind, value


def _group(found: "re.Match[str]", part: str) -> str | None:
    return found.group(part) if part in found.re.groupindex else None


def _counts(kind: str, value: str) -> bool:
    """Say whether what a pattern found is private: not what is redacted already, and what everybody knows."""
    if _is_done(value) or value == HOME:
        return False
    if kind == HOST:
        return _names_somebody(value) and not _PUBLIC.fullmatch(value)
    if kind == USER:
        return value.lower() not in ("root", "git")
    return True


def _names_somebody(value: str) -> bool:
    return len(value) >= _SHORTEST_NAME and value.lower() not in _COMMON and not _is_done(value) and not value.isdigit()


def _is_done(value: str) -> bool:
    return bool(_PLACEHOLDER.search(value)) or not value.strip("*")


def _is_secret(key: str) -> bool:
    return bool(_SECRET_NAME.fullmatch(key))


def _is_flag(argument: str) -> bool:
    return bool(re.fullmatch(_FLAG, argument, re.IGNORECASE))


def _is_a_word(secret: str) -> bool:
    """A path or a plain lower-case word is taken for a secret only where it is said to be one."""
    return bool(re.match(r"[/~]|[A-Za-z]:[\\/]", secret)) or secret.lower() in ("disabled", "enabled", "required")


def _alternation(known: Mapping[str, str], *, whole: bool) -> "re.Pattern[str] | None":
    if not known:
        return None
    told = "|".join(
        re.escape(name) + ("(?:\\.[A-Za-z][A-Za-z0-9-]*)*" if kind == HOST else "")
        for name, kind in sorted(known.items(), key=lambda item: -len(item[0]))
    )
    return re.compile("(?<![^\\W_])(?:" + told + ")(?![^\\W_])", re.IGNORECASE) if whole else re.compile(told)


def _outside(text: str, pattern: "re.Pattern[str]", replace: Callable[[str], str]) -> str:
    """Replace what matches, but for what stands in a placeholder."""
    parts, at = [], 0
    for done in _PLACEHOLDER.finditer(text):
        parts += [pattern.sub(lambda found: replace(found.group()), text[at : done.start()]), done.group()]
        at = done.end()
    return "".join(parts) + pattern.sub(lambda found: replace(found.group()), text[at:])


def _homes(homes: Iterable[str]) -> "list[tuple[re.Pattern[str], str]]":
    """Return what finds the home folders that do not stand where homes do, and the folder in their place."""
    found = []
    for home in homes:
        folders = [folder for folder in re.split(r"[\\/]+", home) if folder]
        drive = folders.pop(0) if folders and folders[0].endswith(":") else ""
        if len(folders) < 2 or folders[0].lower() in ("home", "users"):
            continue
        pattern = re.escape(drive) + "".join(r"[\\/]+" + re.escape(folder) for folder in folders) + r"(?![^\W_]|[-.]\w)"
        place = drive + ("\\" if drive else "/") + HOME
        found.append((re.compile(r"(?<![\w.])" + pattern, re.IGNORECASE if drive else 0), place.replace("\\", "\\\\")))
    return sorted(found, key=lambda pair: -len(pair[0].pattern))

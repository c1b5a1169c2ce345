"""What people say of their machine in passing: WSL, a container, a Mac, no GPU. The weakest of words."""

import re
from collections.abc import Iterator

from envkit.intake import values
from envkit.intake.part import Part
from envkit.intake.text import Text
from envkit.snapshot import HOSTED, Launcher

WSL = re.compile(
    r"microsoft-standard|\[x\] ?WSL ?2|WSL version: ?\d|\bapp WSL\b|/mnt/c/Users/|"
    r"\b(?:in|inside|on|under|within|using) (?:my |a )?WSL ?2?\b",
    re.IGNORECASE,
)
_CONTAINER = re.compile(
    r"\b(?:docker|nerdctl|podman)(?:-compose| compose)? +(?:run|up|exec|start)\b|"
    r"\b(?:in|inside|within|connected to) (?:a |the |my |all the running )?(?:docker|container\b|containers\b|k3s|k8s)|"
    r"(?:进入|在) ?(?:docker|容器)|(?:docker|容器) ?(?:内部|里|中)|"
    r"^[\w.-]{2,60} exited with code \d{1,3}$",
    re.IGNORECASE | re.MULTILINE,
)
_APPTAINER = re.compile(
    r"\b(?:singularity|apptainer)(?: +-{1,2}[\w-]+)* +(?:exec|run|shell|instance)\b|"
    r"^(?:Singularity|Apptainer)(?: \S{1,80})?>|/\.singularity\.d/|\b(?:SINGULARITY|APPTAINER)_CONTAINER=|"
    r"\bin(?:side)? (?:an? |the |my )?(?:singularity|apptainer)\b|Could not find any (?:nv|rocm) files on this host",
    re.IGNORECASE | re.MULTILINE,
)
_MAC = re.compile(
    r"\bMacBook\b|\biMac\b|\bmacOS \d{2}\b|\bApple M\d\b|"
    r"\bMac (?:mini|studio|pro)\b|\bM[1-5](?: Pro| Max| Ultra)? (?:Mac|chip)\b|\bmac m[1-5]\b|"
    r"\bOSX\b|\bI(?:'m| am)? (?:on|use|using) (?:mac ?OS|OS ?X)\b|"
    r"\b(?:my|on|using|in|an?|with|have|own) (?:an? |my |the |this )?(?:intel |apple )?mac\b(?! ?(?:os|address))",
    re.IGNORECASE,
)
_NO_MAC = re.compile(r"\b(?:runs|running|asahi|boot\w*) (?:\w+ )?(?:linux|ubuntu|fedora|windows)\b", re.IGNORECASE)
_HOSTED = re.compile(r"(?<![\w.])/content/[\w.-]|/kaggle/(?:working|input)\b|\bgoogle[ .]?colab", re.IGNORECASE)
_OWN = r"\b(?:I|we|my \w{1,20}|this \w{1,20}|(?:the )?(?:machine|laptop|computer|server|system|VPS|PC))\b"
_NONE = re.compile(
    rf"{_OWN}[^.\n]{{0,40}}?\b(?:don'?t have|do not have|doesn'?t have|does not have|have no|has no|without|"
    r"(?:am )?not using)(?: an?| any)?(?: (?:nvidia|dedicated|discrete|cuda|separate))* "
    r"(?:gpu|graphics? cards?|graphics? adapters?|video card|adapter)\b"
    r"|run [^.\n]{0,30}\bwithout (?:an? )?(?:nvidia )?gpu",
    re.IGNORECASE,
)
_DRIVER = re.compile(
    r"\bdrivers?(?: version)?(?: is| of)? {1,2}v?(\d{3}\.\d{2,3}(?:\.\d{2})?)\b(?!\.\d)", re.IGNORECASE
)
_CARD = (
    r"(?:NVIDIA )?(?:GeForce )?(?:(?:RTX|GTX|Quadro|Tesla) ?(?:RTX )?[A-Z]?\d{2,4}|NVIDIA [AHLV]\d{1,3}0?)"
    r"(?: ?(?:Ti|Super))?\b"
)
_OWN_CARD = re.compile(
    rf"\b(?:I(?:'ve| have)(?: got)?|I(?:'m| am) (?:using|on)|my \w+ (?:has|is)|GPU is)(?: an?)? ({_CARD})|"
    rf"^[ \t]*({_CARD})(?: \d{{1,2}} ?GB?)?[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_FOR_CPU = re.compile(r"(?<![=\d.,(-])\b[12]\.\d{1,2}\.\d\+cpu\b")
_NVIDIA = re.compile(r"geforce|\b[rg]tx ?\d|tesla [a-z]\d|quadro|\b[avhl]\d{2,3}0?\b.{0,3}gpu|titan", re.IGNORECASE)
_OWN_AMD = re.compile(
    r"\b(?:I(?:'ve| have)|using|(?:GPU|card) is)(?: an?)? (AMD\b(?! (?:Ryzen|EPYC|Threadripper|CPU|processor)))",
    re.IGNORECASE,
)
_OTHERS = re.compile(
    r"\b(Intel(?:\(R\))? Arc(?:\(TM\)|™)? (?:Pro )?[AB]\d{2,3}M?|"
    r"(?:AMD )?Radeon(?:\(TM\)|™)? (?:RX |Pro |VII\b|R\d )[\w ]{0,12}\w|"
    r"Intel(?:\(R\))?(?: \w+)? \[?U?HD Graphics(?: \d{3,4})?)",
    re.IGNORECASE,
)
_OWN_PYTHON = re.compile(
    r"(?:\b(?:us(?:e|ed|ing)|with|on|have|running|under|in) (?:a |my |the )?python(?: version)? ?"
    r"|\bpython version(?: i (?:use|used|have))? is |\bversion of python(?: (?:that )?i (?:use|used|have))? is )"
    r"(3\.\d{1,2}(?:\.\d{1,2})?)(?![\w.]*\d)",
    re.IGNORECASE,
)
_SYSTEMS = (
    ("windows", re.compile(r"\b(?:MS )?Windows\b(?![\\/:._-])|\bwin ?(?:7|10|11)\b", re.IGNORECASE)),
    (
        "linux",
        re.compile(
            r"\b(?:Linux|Ubuntu|Debian|CentOS|Fedora|RHEL|Red ?Hat|Arch|Rocky|openSUSE)\b(?![\\/:._-])", re.IGNORECASE
        ),
    ),
    ("macos", re.compile(r"\bmac ?OS(?: ?X)?\b|\bOS ?X\b|\bMac(?:Book)?\b", re.IGNORECASE)),
)
_TERMINAL = (
    r"(?:terminal|command line|command prompt|anaconda prompt|cmd|powershell|shell|console|ipython|python prompt|REPL)"
)
_OTHER_PYTHON = re.compile(
    r"\b(?:works?|worked|runs?|loads?|success\w*|fine|no (?:error|problem)s?|can import|able to import)\b"
    rf"[^.\n]{{0,60}}\b{_TERMINAL}\b|"
    rf"\b{_TERMINAL}\b[^.\n]{{0,60}}\b(?:works?|worked|success\w*|fine|no (?:error|problem)s?)\b|"
    r"\btorch is installed and (?:it )?works\b",
    re.IGNORECASE,
)
_OTHER_PLACE = re.compile(r"jupyter|notebook|\bvs ?code\b|pycharm|spyder|\bIDE\b|\bsudo\b|cron|systemd", re.IGNORECASE)
_AMD_TOOLS = re.compile(r"\bamdgpu-(?:install|dkms|pro)\b|\b(?:rocm|amd)-smi\b|\brocminfo\b")
_PROSE = 40_000
"""Characters at either end of a text in which people speak; what lies between is a log."""
_MARKS = ("WSL", "wsl", "microsoft-standard", "/mnt/c/")


def parse(text: Text) -> Iterator[Part]:
    """Yield what is said of the machine in passing."""
    said = text.text if len(text.text) <= 2 * _PROSE else text.text[:_PROSE] + "\n" + text.text[-_PROSE:]
    if any(map(said.__contains__, _MARKS)) and WSL.search(said):
        yield Part(os="linux", wsl=2)
    driver = _DRIVER.search(said) if text.has("river") else None
    if driver:
        yield Part(driver=driver[1])
    yield from _containers(text, said)
    for_cpu = _FOR_CPU.search(said) if text.has("+cpu") else None
    if for_cpu:
        yield Part(torch=for_cpu[0], torch_cuda="")
    if _MAC.search(said) and not _NO_MAC.search(said):
        yield Part(os="macos")
    named = [name for name, signs in _SYSTEMS if signs.search(said)]
    if named in (["windows"], ["linux"]) and "os" not in text.labels:  # where several are named, it may be a comparison
        yield Part(os=named[0])
    if text.has("No module named") and _OTHER_PLACE.search(said) and _OTHER_PYTHON.search(said):
        yield Part(
            launchers=(Launcher(program="python", path="the Python of the terminal", prefix="", has_torch=True),)
        )
    python = _OWN_PYTHON.search(said) if text.has("ython") else None
    if python:
        yield Part(python=python[1])
    yield from _cards(said)


_OF_APPTAINER = ("ingularity", "SINGULARITY", "pptainer", "APPTAINER", "files on this host")


def _containers(text: Text, said: str) -> Iterator[Part]:
    if _HOSTED.search(said):
        yield Part(container=HOSTED, os="linux")
    elif text.has(*_OF_APPTAINER) and _APPTAINER.search(said):
        yield Part(container="apptainer", os="linux")
    elif found := _CONTAINER.search(said):
        yield Part(container="podman" if found[0].lower().startswith("podman") else "docker")


def _cards(said: str) -> Iterator[Part]:
    own = _OWN_CARD.search(said)
    if own:
        yield Part(display=(values.pci_gpu(own[1] or own[2], vendor="nvidia"),))
    if _NVIDIA.search(said):
        return
    other = _OTHERS.search(said) or _OWN_AMD.search(said)
    if other:
        yield Part(display=(values.pci_gpu(other[1]),))
    elif _AMD_TOOLS.search(said):
        yield Part(display=(values.pci_gpu("AMD GPU", vendor="amd"),))
    elif _NONE.search(said):
        yield Part(display=())

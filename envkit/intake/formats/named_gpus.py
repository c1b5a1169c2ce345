"""AMD GPUs that people name in a sentence: "I have a RX 570". The weakest of words on what a machine has."""

import re
from collections.abc import Iterator

from envkit.intake import values
from envkit.intake.part import Part
from envkit.intake.text import Text

_AMD = re.compile(
    r"(?<![\w./-])(?:AMD[ -])?(?:Radeon[ -](?:\(TM\) )?(?:Pro |RX |GTX |VII|HD |Graphics)?[ -]?|RX[ -]?|Instinct )"
    r"(?:\d{3,4} ?(?:XTX|XT|GRE|M|S|G)?\b|Vega ?\d{0,2}|MI\d{2,3}X?|VII)"
    r"|\bAMD ?(?:\d{4} ?XTX?|MI\d{2,3}X?)\b",
    re.IGNORECASE,
)
_NVIDIA = re.compile(r"\b(?:RTX|GTX|GeForce|Quadro|Tesla) ?(?:RTX |GTX )?[A-Z]?\d{2,4}|NVIDIA-SMI \d")


def parse(text: Text) -> Iterator[Part]:
    """Yield the AMD GPU that a text names, where it names none of NVIDIA's."""
    if not text.has("RX", "adeon", "RADEON", "nstinct", "AMD"):
        return
    found = _AMD.search(text.text)
    if found and not _NVIDIA.search(text.text):
        yield Part(display=(values.pci_gpu(" ".join(found[0].split()), vendor="amd"),))

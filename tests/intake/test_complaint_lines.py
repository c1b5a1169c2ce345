"""Which lines of a report are taken for complaints."""

import pytest

from envkit import matrix
from tests.intake.reading import complaints_of


@pytest.mark.parametrize(
    "line",
    [
        "No CMAKE_CXX_COMPILER could be found.",
        "The detected CUDA version (12.9) is taken from /usr/local/cuda",
        "forward compatibility was attempted on non supported HW",
    ],
)
def test_a_line_with_a_text_of_the_table_complains_whatever_its_words(line: str) -> None:
    assert line in [text for _, text in complaints_of(f"first line\n{line}\nlast line")]


@pytest.mark.parametrize(
    ("text", "complains"),
    [
        ("# Error: nvcc not found\n\nIt fails", True),
        ("It fails so\n\n## Error: nvcc not found\n\n", True),
        ("import torch\n# Error: nvcc not found\ntorch.cuda.init()", False),
        ("a.h:129\n#error -- unsupported GNU version!\nmore", True),
    ],
)
def test_a_title_is_no_comment(text: str, complains: bool) -> None:
    told = complaints_of(f"torch==2.6.0\n\n{text}" if not text.startswith("#") else f"{text}\ntorch==2.6.0")
    assert any("nvcc not found" in one or "#error" in one for _, one in told) is complains


def test_so_does_every_sentence_of_the_table() -> None:
    sentences = matrix.load().errors.sentences
    parts = [sentences[at : at + 100] for at in range(0, len(sentences), 100)]
    read = [
        text.lower()
        for part in parts
        for _, text in complaints_of("\n".join(f"it says: {one} and so on" for one in part))
    ]
    assert [one for one in sentences if not any(one.strip() in text for text in read)] == []


def test_names_of_files_and_functions_in_a_log_of_what_works_complain_of_nothing() -> None:
    assert complaints_of("torch==2.6.0\nhost:1 NCCL INFO ncclCommInitRank comm 0x1 rank 0 - Init COMPLETE") == []

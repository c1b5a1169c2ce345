"""Whatever happened to a text on its way from a terminal into a file, its lines are the same."""

import pytest

from envkit.intake.text import MOST_LINES, read_text

PLAIN = "PyTorch version: 2.4.1\nIs CUDA available: False"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(PLAIN.encode(), id="utf-8"),
        pytest.param(b"\xef\xbb\xbf" + PLAIN.encode(), id="utf-8 with a mark"),
        pytest.param(PLAIN.encode("utf-16"), id="utf-16 with a mark"),
        pytest.param(b"\xfe\xff" + PLAIN.encode("utf-16-be"), id="utf-16 big end first"),
        pytest.param(PLAIN.encode("utf-16-le"), id="utf-16 without a mark"),
        pytest.param(PLAIN.encode("utf-16-be"), id="utf-16 big end first without a mark"),
        pytest.param(PLAIN.replace("\n", "\r\n").encode(), id="lines of Windows"),
        pytest.param(PLAIN.replace("\n", "\r").encode(), id="lines of old"),
        pytest.param(PLAIN.replace(":", "\uff1a").encode(), id="wide colons"),
        pytest.param(PLAIN.replace(": ", ":\u00a0").encode(), id="hard spaces"),
        pytest.param(b"> " + PLAIN.replace("\n", "\n> ").encode(), id="quoted"),
        pytest.param(b"> > " + PLAIN.replace("\n", "\n>> ").encode(), id="quoted twice"),
        pytest.param(b"\x1b[32m" + PLAIN.replace("\n", "\x1b[0m\n\x1b[1;31m").encode(), id="coloured"),
        pytest.param(b"[32m" + PLAIN.replace("\n", "[0m\n[1;31m").encode(), id="coloured, escapes lost"),
        pytest.param(b"\x1b]0;a title\x07" + PLAIN.encode(), id="a terminal's title"),
        pytest.param(
            b"2024-05-01T10:00:00.1234567Z " + PLAIN.replace("\n", "\n2024-05-01 10:00:00,123 ").encode(),
            id="a log's times",
        ),
        pytest.param(b"trainer-1  | " + PLAIN.replace("\n", "\ntrainer-1  | ").encode(), id="compose's service names"),
        pytest.param(b"[rank0]: " + PLAIN.replace("\n", "\n[rank11]: ").encode(), id="torchrun's ranks"),
        pytest.param(b"(Worker pid=12) " + PLAIN.replace("\n", "\n(Core_0 pid=3) (x pid=4) ").encode(), id="processes"),
        pytest.param(b"   1 | " + PLAIN.replace("\n", "\n  12 | ").encode(), id="line numbers"),
        pytest.param(PLAIN.replace("\n", "   \n").encode(), id="spaces at the end"),
    ],
)
def test_the_lines_are_the_same(data: bytes) -> None:
    assert read_text(data).text == PLAIN


def test_a_prompt_of_python_is_no_quote() -> None:
    assert read_text(b"> >>> import torch\n>>> torch").lines == [">>> import torch", ">>> torch"]


def test_bytes_that_are_no_utf_8_are_read_by_their_letters() -> None:
    assert read_text("Grafikkarte: GeForce, Treiber für Windows".encode("latin-1")).text.endswith("für Windows")


def test_a_text_that_was_cut_inside_a_letter_keeps_the_rest() -> None:
    assert read_text("Python version: 3.10 \u00a7 ü".encode()[:-1]).text == "Python version: 3.10 \u00a7"


def test_a_report_without_its_line_ends_gets_them_back() -> None:
    collapsed = (
        "PyTorch version: 1.4.0 Is debug build: No CUDA used to build PyTorch: 10.1 OS: Ubuntu 18.04.3 LTS "
        "GCC version: (Ubuntu 7.4.0) 7.4.0 Python version: 3.7 Is CUDA available: Yes GPU models and configuration: "
        "GPU 0: Tesla K80 Nvidia driver version: 418.67 [pip3] torch==1.4.0"
    )
    assert [line.strip() for line in read_text(collapsed.encode()).lines] == [
        "PyTorch version: 1.4.0",
        "Is debug build: No",
        "CUDA used to build PyTorch: 10.1",
        "OS: Ubuntu 18.04.3 LTS",
        "GCC version: (Ubuntu 7.4.0) 7.4.0",
        "Python version: 3.7",
        "Is CUDA available: Yes",
        "GPU models and configuration:",
        "GPU 0: Tesla K80",
        "Nvidia driver version: 418.67",
        "[pip3] torch==1.4.0",
    ]


@pytest.mark.parametrize(
    ("line", "label", "value"),
    [
        ("OS: Linux", "os", "Linux"),
        ("  - **Python version**: 3.9", "python version", "3.9"),
        ("- `transformers` version: 4.40", "transformers` version", "4.40"),
        ("PyTorch version              : 2.7.0", "pytorch version", "2.7.0"),
        ("torch version .................... 2.1.0", "torch version", "2.1.0"),
    ],
)
def test_a_line_is_taken_apart_into_label_and_value(line: str, label: str, value: str) -> None:
    labels = read_text(line.encode()).labels
    assert [(name, found[0].value) for name, found in labels.items()] == [(label, value)]


def test_of_an_endless_text_both_ends_are_read_and_that_is_said() -> None:
    text = read_text(b"first\n" + b"a\n" * (MOST_LINES + 10) + b"last")
    assert len(text.lines) == MOST_LINES
    assert (text.lines[0], text.lines[-1]) == ("first", "last")
    assert text.left_out == "of its 200,012 lines 12 in the middle were not read"


def test_a_mark_with_digits_is_found_in_lines_that_differ_in_nothing_else() -> None:
    text = read_text(b"found version 11040\nfound version 12040\n\xce\xb5 1\n")
    assert text.has("version 12040")
    assert text.has("nothing", "version 11040")
    assert not text.has("version 12050")


@pytest.mark.parametrize(
    ("lines", "plain"),
    [
        (("0.412 Collecting torch", "1.03 error: none", "12.100"), ("Collecting torch", "error: none", "")),
        (("a", "#9 1.204 error: none", "0.31 b"), ("a", "error: none", "b")),
        (("0.412 is a number", "and so is", "1.03 here"), None),
    ],
    ids=["three in a row", "one with its step", "numbers in prose"],
)
def test_docker_build_s_seconds_are_taken_away(lines: tuple[str, ...], plain: tuple[str, ...] | None) -> None:
    assert read_text("\n".join(lines).encode()).lines == list(plain or lines)

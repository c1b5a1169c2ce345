"""What systems say in other languages is read as they say it in English."""

# ruff: noqa: RUF001 - letters of other alphabets are what this is about

import pytest

from envkit.intake.translations import _ROWS, in_english
from envkit.snapshot import Absent
from tests.intake.reading import complaints_of, snapshot_of


@pytest.mark.parametrize(
    ("foreign", "english"),
    [
        (
            "OSError: [WinError 126] Das angegebene Modul wurde nicht gefunden",
            "The specified module could not be found",
        ),
        ("ImportError: DLL load failed: 找不到指定的模块。", "The specified module could not be found"),
        (
            "ImportError: DLL load failed: Le module spécifié est introuvable.",
            "The specified module could not be found",
        ),
        (
            "ImportError: DLL load failed: 指定されたモジュールが見つかりません。",
            "The specified module could not be found",
        ),
        ("a.h:1:10: fatal error: cuda_runtime.h: 没有那个文件或目录", "cuda_runtime.h: No such file or directory"),
        (
            "libcuda.so.1: Kann die Shared-Object-Datei nicht öffnen: x",
            "libcuda.so.1: cannot open shared object file: x",
        ),
        ("libcuda.so.1: 共有オブジェクトファイルを開けません: x", "libcuda.so.1: cannot open shared object file: x"),
        ("OSError: [WinError 1455] 页面文件太小，无法完成操作。", "The paging file is too small"),
        ("tar: x: Aucun espace disponible sur le périphérique", "No space left on device"),
    ],
)
def test_a_message_is_the_same_in_every_language(foreign: str, english: str) -> None:
    assert any(english in text for _, text in complaints_of(foreign))


@pytest.mark.parametrize(
    "said",
    [
        "bash: nvidia-smi: Kommando nicht gefunden.",
        "bash: nvidia-smi : commande introuvable",
        "bash: nvidia-smi：未找到命令",
        "bash: nvidia-smi: コマンドが見つかりません",
        "'nvidia-smi' 不是内部或外部命令，也不是可运行的程序",
        'Die Benennung "nvidia-smi" wurde nicht als Name eines Cmdlet, einer Funktion oder einer Datei erkannt.',
        "nvidia-smi : 无法将“nvidia-smi”项识别为 cmdlet、函数、脚本文件或可运行程序的名称。",
        "'nvidia-smi' n'est pas reconnu en tant que commande interne\nou externe",
    ],
)
def test_an_absent_program_is_absent_in_every_language(said: str) -> None:
    assert isinstance(snapshot_of(said).nvml, Absent)


def test_english_is_left_alone() -> None:
    assert in_english("bash: nvidia-smi: command not found\n") == "bash: nvidia-smi: command not found\n"


def test_no_row_is_hidden_by_a_shorter_one_before_it() -> None:
    others = [(other, english) for english, row in _ROWS for other in row]
    hidden = [
        (long, short)
        for at, (short, english) in enumerate(others)
        for long, meant in others[at + 1 :]
        if short in long and english != meant
    ]
    assert hidden == []

"""Markdown against golden files, and read by a parser. `ENVKIT_GOLDEN=write pytest tests/render` writes them anew."""

from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from envkit import matrix
from envkit.checks import diagnose
from envkit.findings import Diagnosis, Fact, Finding, Fix, Severity, Verdict
from envkit.intake.recorded import read
from envkit.render.markdown import fenced, render_diagnosis, render_results, text
from envkit.results import Results
from envkit.snapshot import Snapshot
from tests.builders import make_host, make_interpreter, make_snapshot
from tests.render.test_smoke_terminal import PAGES
from tests.render.test_terminal import REPORTS, SNAPSHOTS, golden

HOSTILE = (
    "<script>alert(1)</script>", "</details></summary><img src=x onerror=alert(1)>", "a\n```\n# head\n<b>x</b>",
    "````sh\nrm\n````", "[x](javascript:alert(1)) ![i](http://x/y.png)", "**bold** _it_ ~~no~~ `code`", "| a | b |",
    "\x1b[31mred\x07", "\u202egpj.exe", "@octocat #12 GH-34", "&lt;b&gt; &amp;", "1. one\n2. two\n- three\n\n    code",
    "<!-- hidden -->", "$$x$$", "<details>", "\\", "\\<b>", "> quote", "---",
)  # fmt: skip
OWN_TAGS = {
    "details", "summary", "p", "strong", "code", "pre", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip


class Page(HTMLParser):
    """The tags of a page, and its words."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown))

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def shown(snapshot: Snapshot) -> str:
    return render_diagnosis(diagnose(snapshot, matrix.load()), snapshot)


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_a_diagnosis_reads_as_its_golden_file(name: str) -> None:
    golden(f"doctor-{name}-markdown", shown(SNAPSHOTS[name]))


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_reads_as_its_golden_file(name: str) -> None:
    golden(f"doctor-{name}-markdown", shown(read(REPORTS[name].encode(), "report.txt")))


@pytest.mark.parametrize("name", PAGES)
def test_smoke_reads_as_its_golden_file(name: str) -> None:
    golden(f"smoke-{name}-markdown", render_results(*PAGES[name]()))


@pytest.mark.parametrize("name", [*SNAPSHOTS, *PAGES])
def test_all_that_is_opened_is_closed_and_nothing_but_our_own(name: str) -> None:
    page = Page(shown(SNAPSHOTS[name]) if name in SNAPSHOTS else render_results(*PAGES[name]()))
    assert page.open == []
    assert set(page.tags) <= OWN_TAGS
    assert {"details", "table"} & {*page.tags}


def finding_of(foreign: str, code: str = "driver-too-old") -> Finding:
    fix = Fix(summary=foreign, commands=(foreign, "pip install torch"), steps=(foreign,))
    return Finding(
        code=code, severity=Severity.ERROR, summary=foreign, cause=foreign, expected=foreign, fix=fix,
        facts=(Fact(foreign, foreign, foreign),),
    )  # fmt: skip


def hostile_page(foreign: str) -> str:
    findings = (finding_of(foreign), finding_of(foreign, "gpu-hidden"))
    diagnosis = Diagnosis(verdict=Verdict.FAULTY, findings=findings, incomplete=(foreign,))
    snapshot = make_snapshot(host=make_host(os_name=foreign), target=make_interpreter(executable=foreign))
    return render_diagnosis(diagnosis, snapshot)


@pytest.mark.parametrize("foreign", HOSTILE)
def test_a_hostile_text_stays_text(foreign: str) -> None:
    page, harmless = Page(hostile_page(foreign)), Page(hostile_page("harmless"))
    assert page.tags == harmless.tags
    assert page.open == []
    assert "\x1b" not in page.words


@given(st.text(alphabet="ab `*_<>[](){}#+-.!|~@&:/\\\n\r\t1$=\"'\x1b\u202eé", max_size=25))
def test_any_text_stays_text(foreign: str) -> None:
    assert Page(hostile_page(f"x{foreign}x")).tags == Page(hostile_page("harmless")).tags


@given(st.text(alphabet="ab `*_<>[](){}#+-.!|~@&:/\\1$=\"'é", min_size=1, max_size=25))
def test_a_reader_sees_the_text_itself(foreign: str) -> None:
    seen = Page(text(foreign)).words.replace("\N{WORD JOINER}", "").strip()
    assert seen == " ".join(foreign.split())


@given(st.text(alphabet="a`~\n #<>", max_size=30))
def test_a_fence_holds_all_of_it(code: str) -> None:
    tokens = MarkdownIt().parse("\n".join(fenced([code], "sh")))
    assert [token.type for token in tokens] == ["fence"]
    assert tokens[0].content == "\n".join(code.splitlines() or [""]) + "\n"


def test_nobody_is_called_by_an_at_sign() -> None:
    assert "@octocat" not in text("@octocat")
    assert "#12" not in text("see #12")


def test_hostile_words_of_a_process_stay_text() -> None:
    results = msgspec.convert(
        {
            "target": "x", "complete": False, "passed": False, "seconds": 1.0,
            "errors": [{"kind": "device-died", "message": HOSTILE[1], "last_words": HOSTILE[2]}],
            "skips": [{"kind": "k", "reason": HOSTILE[0], "device": "| x |"}],
        },
        Results,
    )  # fmt: skip
    page = Page(render_results(results))
    assert set(page.tags) <= OWN_TAGS
    assert page.open == []

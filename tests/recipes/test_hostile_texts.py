"""Names made to break out of each file's language: read back by its readers, they are still the same names."""

import json
import re
import string

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from envkit import matrix
from envkit.planning.decide import plan
from envkit.planning.installs import pip_installs
from envkit.planning.model import Manager, Request
from envkit.planning.quoting import UnquotableError, check_printable
from envkit.planning.recipe import recipe
from tests.planning.hosts import HOSTS
from tests.recipes.validators import VALIDATORS, tomllib, write

markdown_it = pytest.importorskip("markdown_it", reason="rich brings it")
yaml = pytest.importorskip("yaml")

HOSTILE = (
    "it's",
    'a "b"',
    "$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned; '",
    "'); Remove-Item pwned; ('",
    "\u2019; Remove-Item pwned; \u2019",
    "a & del pwned",
    "%PATH%",
    "^",
    "!x!",
    "a\\",
    "\\",
    "-rf",
    "=ls",
    "${localEnv:HOME}",
    "{{ plan }}",
    "{% raw %}",
    "#",
    "]]",
    "<script>",
    "[a](javascript:b)",
    "![a](b)",
    "~~~",
    "**a** _b_ <b>",
    "a: b",
    "ünï ☃",
    "\ufeff",
    "\ufffe",
)


def writable(text):
    try:
        check_printable(text)
    except UnquotableError:
        return False
    return bool(text.strip())


texts = st.text(
    st.one_of(st.sampled_from(string.punctuation + " ’‚"), st.characters(codec="utf-8")),  # noqa: RUF001
    min_size=1,
    max_size=30,
).filter(writable)


def hostile(check):
    """Check any text, and each of the hostile ones."""
    for text in HOSTILE:
        check = example(text)(check)
    return settings(max_examples=100, deadline=None)(given(texts)(check))


def text_of(file, *, manager=Manager.VENV, **held):
    """Return a file of a plan that holds these texts, be they ones that a request is refused for."""
    planned = plan(Request(python="3.11", manager=manager), HOSTS["linux-cpu"], matrix.load())
    return recipe(msgspec.structs.replace(planned, **held)).text(file)


@hostile
def test_json_holds_the_name(name):
    assert json.loads(text_of(".devcontainer/devcontainer.json", name=name))["name"] == name


@hostile
def test_toml_has_a_project_name_made_of_it(name):
    document = tomllib.loads(text_of("pyproject.toml", name=name))

    assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*-env", document["project"]["name"])


@hostile
def test_yaml_holds_the_name(name):
    assert yaml.safe_load(text_of("environment.yml", manager=Manager.CONDA, name=name))["name"] == name


@hostile
def test_markdown_shows_the_path(path):
    tokens = markdown_it.MarkdownIt().parse(text_of("README.md", path=path))

    shown = [token for token in tokens if token.type == "inline" and "without one it is in" in token.content]
    kinds = {child.type for token in tokens for child in token.children or ()}
    said = "".join(child.content for child in shown[0].children)
    assert " ".join(f"without one it is in {path}. They".split()) in " ".join(said.split())
    assert kinds <= {"text", "text_special", "code_inline", "softbreak"}
    assert not [token for token in tokens if token.type == "html_block"]


@hostile
def test_powershell_holds_the_path_or_is_left_out(path):
    try:
        text = text_of("create.ps1", path=path)
    except UnquotableError:
        assert '"' in path
        return

    quoted = re.search(r"^param\(\[string\] \$Path = '(.*)'\)$", text, re.MULTILINE)[1]
    # Any of its single quotes ends the text unless it stands there twice.
    assert not re.search("['‘’‚‛]", re.sub("(['‘’‚‛])\\1", "", quoted))  # noqa: RUF001
    assert re.sub("(['‘’‚‛])\\1", r"\1", quoted) == path  # noqa: RUF001


@hostile
def test_cmd_holds_the_path_or_is_left_out(path):
    try:
        text = text_of("create.cmd", path=path)
    except UnquotableError:
        assert set(path) & set('%"!^&|<>') or not path.isascii()
        return

    assert f'\r\nset "target={path}"\r\n' in text


@pytest.mark.parametrize(
    "package", ["pandas===\"a'b", "pandas===`x`", "pandas===$HOME", "pandas===a\\", "pandas===<<E"]
)
def test_a_dockerfile_hands_pip_each_argument_as_it_is(make_plan, tmp_path, package):
    made = make_plan(torch="2.5.1", packages=(package,))
    text = recipe(made).text("Dockerfile")

    commands = [json.loads(line.removeprefix("RUN ")) for line in text.splitlines() if line.startswith("RUN ")]

    assert [command[6:] for command in commands[2:]] == [list(arguments) for arguments in pip_installs(made)]
    if "\\" not in package:  # which hadolint does not read as JSON does
        VALIDATORS["Dockerfile"](write(tmp_path, {"Dockerfile": text}) / "Dockerfile")


@pytest.mark.parametrize("package", ["pandas===a\\", "pandas===${HOME}"])
def test_requirements_txt_is_left_out_where_it_has_no_quotes(make_plan, package):
    assert "has no quotes" in recipe(make_plan(packages=(package,))).left_out["requirements.txt"]


@pytest.mark.parametrize("path", [*HOSTILE, "~/x"])
def test_shellcheck_has_nothing_against_a_path_that_is_quoted(tmp_path, path):
    VALIDATORS["create.sh"](write(tmp_path, {"create.sh": text_of("create.sh", path=path)}) / "create.sh")


@pytest.mark.parametrize("name", ["create.ps1", "create.cmd"])
@pytest.mark.parametrize("path", HOSTILE)
def test_the_scripts_for_windows_parse_with_every_path_that_they_can_hold(tmp_path, name, path):
    try:
        text = text_of(name, path=path)
    except UnquotableError:
        return
    VALIDATORS[name](write(tmp_path, {name: text}) / name)

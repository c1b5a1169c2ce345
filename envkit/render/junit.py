"""JUnit XML, as CI services and editors read it: the shape that Jenkins published and the others took over."""

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from envkit.render.cases import Case, Outcome, Suite
from envkit.render.text import clean


def render_junit(suites: Iterable[Suite]) -> bytes:
    """Return the document. What XML cannot hold (control characters, halves of pairs) is shown as an escape."""
    root = ET.Element("testsuites")
    suites = tuple(suites)
    root.attrib.update({"name": "envkit", **_counts(suites)})
    root.extend(_suite(suite) for suite in suites)
    ET.indent(root)
    text: str = ET.tostring(root, "unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _counts(suites: tuple[Suite, ...]) -> dict[str, str]:
    return {
        "tests": str(sum(len(suite.cases) for suite in suites)),
        "failures": str(sum(suite.count(Outcome.FAILED) for suite in suites)),
        "errors": str(sum(suite.count(Outcome.ERROR) for suite in suites)),
        "time": f"{sum(suite.seconds for suite in suites):.3f}",
    }


def _suite(suite: Suite) -> ET.Element:
    skipped = str(suite.count(Outcome.SKIPPED))
    element = ET.Element("testsuite", {"name": suite.name, **_counts((suite,)), "skipped": skipped})
    properties = ET.SubElement(element, "properties")
    for name, value in suite.properties.items():
        ET.SubElement(properties, "property", {"name": name, "value": clean(value)})
    element.extend(_case(case) for case in suite.cases)
    return element


def _case(case: Case) -> ET.Element:
    element = ET.Element("testcase", {"classname": clean(case.group), "name": clean(case.name), "time": "0"})
    if case.outcome is Outcome.SKIPPED:
        ET.SubElement(element, "skipped", {"message": clean(case.message)})
    elif case.outcome is not Outcome.PASSED:
        about = {"message": clean(case.message), "type": clean(case.name)}
        ET.SubElement(element, case.outcome.value, about).text = clean(case.text or case.message)
    elif case.text:
        ET.SubElement(element, "system-out").text = clean(case.text)
    return element

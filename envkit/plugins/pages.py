"""What there is to know of the codes that plugins find, read off their files: nothing of a plugin is run for it."""

import ast
import inspect
import os

from envkit.plugins import Kind, Plugin, find_plugins, search_path


def describe(code: str) -> str | None:
    """Return a page on the code of a plugin's check, in Markdown; None where it is none."""
    found = next((plugin for plugin in _checks() if plugin.name == code), None)
    if found is None:
        return None
    told = _documentation(found) or "It has no docstring that says more."
    return f"# {found.name}\n\nA plugin finds it: `{found.value}` of {found.distribution}.\n\n{told}\n"


def render_list() -> str:
    """Return the codes of plugins' checks in Markdown, each in a line with what its docstring begins with."""
    return "".join(f"- `{plugin.name}`: {_in_a_line(plugin)}\n" for plugin in _checks())


def _checks() -> tuple[Plugin, ...]:
    return tuple(plugin for plugin in find_plugins() if plugin.kind is Kind.CHECK)


def _in_a_line(plugin: Plugin) -> str:
    first = " ".join(_documentation(plugin).partition("\n\n")[0].split())
    return f"{first + ' ' if first else ''}(a plugin's: {plugin.distribution})"


def _documentation(plugin: Plugin) -> str:
    """The docstring of the function that an entry point names, "" where it has none or is made in another way."""
    module, _, name = plugin.value.partition(":")
    for folder in search_path():
        for end in (".py", f"{os.sep}__init__.py"):
            try:
                with open(os.path.join(folder, *module.split(".")) + end, "rb") as file:  # noqa: PTH118, PTH123 - as its neighbour
                    tree = ast.parse(file.read())
            except (OSError, SyntaxError, ValueError):
                continue
            functions = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
            return next((inspect.cleandoc(ast.get_docstring(one) or "") for one in functions), "")
    return ""

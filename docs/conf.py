"""The site: Sphinx over the README, the pages of docs/ and reports/, and the executed notebooks, none of them run.

Sources are read where they lie, so that a link between two of them is one link, on the site and in the repository.
`make site` writes docs/_build/html.
"""

import json
import re
import shutil
import tomllib
from pathlib import Path

from docutils import nodes
from latex2mathml.converter import convert

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
# The one place that says where the project is published. While it is missing, no badge and no link is rendered.
repository = PROJECT.get("urls", {}).get("Repository", "")

project = "What pruning does to a GAN"
author = ""
html_title = project
language = "en"
extensions = ["myst_nb"]
root_doc = "README"
# Sources: these alone of the repository's root.
include_patterns = ["README.md", "REPRODUCING.md", "docs/**.md", "reports/**.md", "reports/**.ipynb"]
include_patterns += ["notebooks/[0-9]*.ipynb", "coursework/**.md", "coursework/**.ipynb"]
FOLDERS = ("docs", "reports", "notebooks", "coursework")
exclude_patterns = [path.name for path in ROOT.iterdir() if path.is_dir() and path.name not in FOLDERS] + [
    "docs/_build"
]

LESSONS = sorted(path for path in (ROOT / "notebooks").glob("*.ipynb"))
EXECUTED = sorted((ROOT / "reports").rglob("notebooks/*.ipynb"))

nb_execution_mode = "off"
nb_merge_streams = True
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
myst_enable_extensions = ["dollarmath", "attrs_block", "attrs_inline", "colon_fence", "html_image"]
myst_heading_anchors = 4
html_math_renderer = "mathml"
highlight_language = "python"
suppress_warnings = ["mystnb.unknown_mime_type", "config.cache"]

html_theme = "sphinx_book_theme"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_context = {"default_mode": "auto"}
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
html_show_search_summary = False  # would fetch pages, which a browser does not allow from file://
templates_path = ["_templates"]


def theme_options(repository: str) -> dict:
    """Options of the theme; buttons to the repository and to Colab where there is an address to build them from."""
    options = {
        "show_navbar_depth": 1,
        "show_toc_level": 2,
        "use_download_button": False,
        "use_fullscreen_button": False,
    }
    options["navbar_persistent"] = []  # one field to search is enough
    if repository:
        options |= {"repository_url": repository, "repository_branch": "main", "use_repository_button": True}
        options |= {"launch_buttons": {"colab_url": "https://colab.research.google.com"}}
    return options


html_theme_options = theme_options(repository)


def prepare(app, docname: str, source: list[str]) -> None:
    """Before a source is parsed: what it is the parent of, tables that the notebooks themselves tell, folded code."""
    if docname.startswith("notebooks/"):
        source[0] = json.dumps(readable(as_executed(ROOT / f"{docname}.ipynb")))
    elif app.env.doc2path(docname).suffix == ".ipynb":
        source[0] = json.dumps(readable(json.loads(source[0])))
    source[0] = source[0].replace("<!-- lessons -->", lessons()).replace("<!-- executed -->", executed())
    if docname in CHILDREN:
        children = "\n".join(name if "<" in name else f"/{name}" for name in CHILDREN[docname])
        source[0] += f"\n```{{toctree}}\n:hidden:\n:titlesonly:\n\n{children}\n```\n"


def as_executed(lesson: Path) -> dict:
    """A lesson as one of its committed runs left it, code and outputs, with the words that it has today; only the first
    of them where it was cut into other cells since."""
    notebook = json.loads(lesson.read_text("utf-8"))
    for copy in executed_copies(lesson)[:1]:
        executed = json.loads(copy.read_text("utf-8"))
        words, ran = (
            [cell for cell in one["cells"] if cell["cell_type"] == "markdown"] for one in (notebook, executed)
        )
        todays = iter(words if len(words) == len(ran) else words[:1])
        cells = [next(todays, cell) if cell["cell_type"] == "markdown" else cell for cell in executed["cells"]]
        return executed | {"cells": cells}
    return notebook


def executed_copies(lesson: Path) -> list[Path]:
    """The committed runs of a lesson, the plainest on Fashion-MNIST first."""
    copies = [path for path in EXECUTED if path.stem == lesson.stem or path.stem.startswith(f"{lesson.stem}-")]
    return sorted(copies, key=lambda path: ("fashion_mnist" not in path.stem, len(path.stem)))


def lessons() -> str:
    """The lessons as a table: what each asks, how long it takes, and the answers to its exercises."""
    lines = ["| lesson | question | minutes | solutions |", "|---|---|---|---|"]
    for path in LESSONS:
        first = "".join(json.loads(path.read_text("utf-8"))["cells"][0]["source"])
        question = re.search(r"\*\*Question\.\*\* (.+)", first)[1]
        ran = as_executed(path)["metadata"].get("papermill", {})
        minutes = f"{max(ran['duration'] / 60, 1):.0f}" if ran else ""
        title = first.splitlines()[0].strip("# ")
        answers = Path("coursework/solutions", path.name)
        links = f"[{title}](../notebooks/{path.name})", f"[answers](../{answers})" if (ROOT / answers).is_file() else ""
        lines.append(f"| {links[0]} | {question} | {minutes} | {links[1]} |")
    return "\n".join(lines)


def executed() -> str:
    """The executed notebooks as a list, by their file names."""
    names = [path.relative_to(ROOT) for path in EXECUTED]
    return "\n".join(f"- [{name.stem}](../{name}) ({name.parent.parent})" for name in names)


def existing(*patterns: str) -> list[str]:
    """The sources of the site that match, as Sphinx names them."""
    return [str(path.relative_to(ROOT).with_suffix("")) for name in patterns for path in sorted(ROOT.glob(name))]


FINDINGS = ("last-layer", "metric-trap", "how-much", "what-pays", "unets", "talking-face")
CHILDREN = {
    root_doc: ["docs/findings/README", "docs/slider", "docs/lessons", "docs/prune-your-own"]
    + ["U-Nets </reports/unets/README>", "Talking faces </reports/talking_face/README>"]
    + ["docs/glossary", "REPRODUCING", "reports/tables/README"],
    "docs/findings/README": [f"docs/findings/{name}" for name in FINDINGS],
    "docs/lessons": existing("notebooks/*.ipynb", "coursework/README.md") + ["docs/executed"],
    "coursework/README": existing("coursework/[!R]*.md", "coursework/*.ipynb", "coursework/*/**/*.ipynb"),
    "docs/executed": existing("reports/**/notebooks/*.ipynb"),
    "docs/prune-your-own": existing("docs/kinds.md"),
    "reports/unets/README": existing("reports/unets/*/README.md"),
    "reports/tables/README": ["reports/README", "reports/compression/README"],
}


def readable(notebook: dict) -> dict:
    """An executed notebook as a page: code folded, and each figure named by the section that it stands in."""
    section = ""
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            headings = [line.lstrip("# ") for line in text.splitlines() if line.startswith("#")]
            section = headings[-1] if headings else section
        elif cell["cell_type"] == "code":
            metadata = cell["metadata"]
            metadata["tags"] = [*metadata.get("tags", []), "hide-input"]
            metadata["mystnb"] = {"image": {"alt": f"Figure of the section “{section}”"}}
    return notebook


def visit_math(self, node) -> None:
    """Equations as MathML, which browsers draw by themselves: no script, no font, no network."""
    block = isinstance(node, nodes.math_block)
    equation = convert(node.astext(), display="block" if block else "inline")
    self.body.append(f'<div class="math">{equation}</div>' if block else equation)
    raise nodes.SkipNode


def open_at_home(app, error) -> None:
    """The README is the home page: a folder that is opened shows index.html."""
    if not error and app.builder.format == "html":
        shutil.copyfile(Path(app.outdir, f"{root_doc}.html"), Path(app.outdir, "index.html"))


def setup(app) -> None:
    app.add_html_math_renderer("mathml", inline_renderers=(visit_math, None), block_renderers=(visit_math, None))
    app.connect("source-read", prepare)
    app.connect("build-finished", open_at_home)

"""The site, built from what is committed and read without a network, on a telephone and on a desk."""

import json
import runpy
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow
WIDTHS = (390, 1440)
BROWSER = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))), None)

# What is wrong with a page, as sentences; run in the page.
FAULTS = """
(theme) => {
  document.documentElement.dataset.theme = theme;
  const faults = [], width = document.documentElement.scrollWidth;
  if (width > innerWidth) faults.push(`is ${width} pixels wide, the window ${innerWidth}`);
  for (const img of document.querySelectorAll("img"))
    if (!img.alt.trim()) faults.push(`no alternative text: ${img.src}`);
    else if (!img.naturalWidth && img.loading !== "lazy") faults.push(`not shown: ${img.src}`);
  for (const canvas of document.querySelectorAll("canvas"))
    if (!canvas.ariaLabel) faults.push(`no alternative text: canvas ${canvas.id}`);

  const channels = (text) => { const v = text.match(/[\\d.]+/g).map(Number); return v.length < 4 ? [...v, 1] : v; };
  const over = (top, under) => top.slice(0, 3).map((c, i) => c * top[3] + under[i] * (1 - top[3])).concat(1);
  const background = (node) => {
    const layers = [];
    for (; node; node = node.parentElement) layers.push(channels(getComputedStyle(node).backgroundColor));
    return layers.reduceRight((under, top) => over(top, under), [255, 255, 255, 1]);
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const poor = new Map();
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement, box = node.getBoundingClientRect();
    const words = walker.currentNode.data.trim();
    if (!words || !box.width) continue;
    if (!node.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (node.closest("script, style, noscript, option, svg")) continue;
    const under = background(node), text = over(channels(getComputedStyle(node).color), under);
    const [light, dark] = [luminance(text), luminance(under)].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) poor.set(`${node.tagName}.${node.className}`, `contrast ${contrast.toFixed(1)}: ${words}`);
  }
  return faults.concat([...poor].map(([name, fault]) => `${name} ${fault}`));
}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site. A warning, as of a link to nothing, is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs", "-d", folder / "doctrees"]
    built = subprocess.run([*command, ".", folder / "html"], cwd=ROOT, capture_output=True, text=True)
    assert not built.returncode, built.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not BROWSER:
        pytest.skip("no Chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def opened(browser, width):
    """A page without a network, and the list that its errors and failed requests are added to."""
    context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
    context.set_default_timeout(120_000)  # a machine may be busy
    page, faults = context.new_page(), []
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("requestfailed", lambda request: faults.append(f"failed: {request.url}"))
    page.on(
        "request", lambda request: None if request.url.startswith(("file:", "data:")) else faults.append(request.url)
    )
    return page, faults


def test_the_site_is_small_and_starts_at_the_readme(site):
    assert (site / "index.html").read_bytes() == (site / "README.html").read_bytes()
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < 40 * 2**20
    assert sum(path.stat().st_size for path in (site / "_static/slider").iterdir()) < 3 * 2**20
    assert "colab" not in (site / "index.html").read_text()


@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_without_a_network(site, browser, width):
    page, faults = opened(browser, width)
    wrong = {}
    for path in sorted(site.rglob("*.html")):
        if "_static" in path.parts:
            continue
        faults.clear()
        page.goto(path.as_uri())
        found = [f"{theme}: {fault}" for theme in ("light", "dark") for fault in page.evaluate(FAULTS, theme)]
        if faults or found:
            wrong[str(path.relative_to(site))] = faults + found
    assert not wrong, "\n".join(f"{name}: {found}" for name, found in wrong.items())


def test_links_to_the_repository_need_its_address():
    options = runpy.run_path(str(ROOT / "docs/conf.py"))["theme_options"]
    assert "repository_url" not in options("") and "launch_buttons" not in options("")
    published = options("https://github.com/someone/study")
    assert (
        published["repository_url"] == "https://github.com/someone/study" and "colab_url" in published["launch_buttons"]
    )


def test_a_lesson_has_todays_words_and_the_outputs_of_its_run():
    as_executed = runpy.run_path(str(ROOT / "docs/conf.py"))["as_executed"]

    def words(notebook):
        return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown"]

    for name in ("01_train", "06_structured"):
        lesson = ROOT / f"notebooks/{name}.ipynb"
        page = as_executed(lesson)
        assert words(page) == words(json.loads(lesson.read_text("utf-8")))
        assert any(cell.get("outputs") for cell in page["cells"])


@pytest.mark.parametrize("width", WIDTHS)
def test_the_keyboard_moves_the_slider(site, browser, width):
    page, faults = opened(browser, width)
    page.goto((site / "docs/slider.html").as_uri())
    pruned = page.locator("#pruned")
    page.wait_for_function("document.getElementById('pruned').ariaLabel.includes('50 %')")
    before = pruned.screenshot(), page.locator("#frechet").inner_text()
    page.locator("#sparsity").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.getElementById('pruned').ariaLabel.includes('70 %')")
    assert page.locator("#removed").inner_text() == "70 %"
    after = pruned.screenshot(), page.locator("#frechet").inner_text()
    assert before[0] != after[0] and float(after[1]) > float(before[1])
    page.locator("#recalibrated").check()
    assert float(page.locator("#frechet").inner_text()) < float(after[1])
    assert not faults


def test_the_search_finds_without_a_network(site, browser):
    page, faults = opened(browser, 1440)
    page.goto((site / "search.html").as_uri() + "?q=recalibration")
    page.wait_for_selector("#search-results li a")
    assert "glossary" in " ".join(page.locator("#search-results a").evaluate_all("all => all.map((a) => a.href)"))
    assert not faults

"""axe-core, which knows what keeps people from using a page."""

from importlib import resources

from playwright.sync_api import Page

SCRIPT = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


def complaints(page: Page, *rules: str) -> list[str]:
    """What axe finds on the page as it is now, by all its rules or only by some: which rule, and where."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(SCRIPT)  # past the Content-Security-Policy, as a debugger's
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    violations = page.evaluate("(options) => axe.run(options).then((found) => found.violations)", options)
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for violation in violations
        for node in violation["nodes"]
    ]

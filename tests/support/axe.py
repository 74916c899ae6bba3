"""axe-core, a checker of accessibility rules."""

from importlib import resources

from playwright.sync_api import Page

SCRIPT = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


def complaints(page: Page, *rules: str) -> list[str]:
    """axe's findings on the page in its present state, by all rules or by these: rule and elements."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(SCRIPT)  # evaluate() is not subject to the CSP
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    violations = page.evaluate("(options) => axe.run(options).then((found) => found.violations)", options)
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for violation in violations
        for node in violation["nodes"]
    ]

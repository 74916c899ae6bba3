"""The shape of the house, read from its sources: who may import whom, where queries are, how large a part may grow."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "waitercaller"
LOCAL = ("local", "demo", "__main__")  # for `make run` and `make demo` only

# The modules that ask the database.
STORES = {
    "account.held",
    "account.leaving",
    "account.store",
    "alerts.store",
    "auth.store",
    "erasure",
    "local.past",
    "ops.doctor.database",
    "push.store",
    "push.subscriptions",
    "report.store",
    "report.usual",
    "requests.escalation",
    "requests.handover",
    "requests.mutes",
    "requests.reading",
    "requests.receipts",
    "requests.store",
    "restaurants",
    "sessions",
    "settings.store",
    "staff.store",
    "tables.store",
    "two_factor.store",
}
# Each of these keeps a collection, too, for whoever is asking; `watch` hears of changes in all of them.
KEEPERS = {"access", "audit", "leases", "limits", "mail", "presence", "tokens", "watch"}
# Who works where is a question of every room.
COMMON = {"restaurants"}
# The stores that call further ones, and why.
CALLS = {
    "account.leaving": {
        "erasure",
        "mail",
        "push.subscriptions",
        "requests.handover",
        "requests.store",
        "sessions",
        "tokens",
    },  # all that hangs on a person
    "account.store": {"auth.store", "sessions", "tokens"},  # a new password or address ends logins and links
    "erasure": {"audit"},  # each erases its own
    "push.subscriptions": {"push.store"},  # one store in two modules
    "requests.store": {"requests.reading"},  # one store in two modules
    "two_factor.store": {"mail"},  # a recovery code is not used up unseen
}

WEB = {"request", "session", "g", "flash", "redirect", "url_for", "render_template", "abort"}
QUERY = re.compile("(find|insert|update|delete|replace|count|bulk|aggregate|distinct|watch)(_|$)")
# Mail programs know styles of elements only.
INLINE_STYLES = {"templates/email/_layout.html"}
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|\son[a-z]+=|javascript:", re.IGNORECASE)
INLINE_STYLE = re.compile(r"<style|\sstyle=", re.IGNORECASE)

SOURCES = {
    ".".join(path.relative_to(ROOT / PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip("."): path
    for path in sorted((ROOT / PACKAGE).rglob("*.py"))
}
MODULES = {name: ast.parse(path.read_text("utf-8")) for name, path in SOURCES.items()}
ROOMS = {name for name, path in SOURCES.items() if path.name == "__init__.py"}
VIEWS = {name for name in MODULES if name.endswith("views")}
APPLICATION = sorted(name for name in MODULES if name.split(".")[0] not in LOCAL)
TESTS = [path for path in (ROOT / "tests").rglob("*.py") if "node_modules" not in path.parts]
OWN = sorted([ROOT / "config.py", ROOT / "wsgi.py", *SOURCES.values(), *TESTS])
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def imports(module: str) -> Iterator[tuple[str, str]]:
    """What a module imports, as (module, name); modules of ours without the package's name, whole ones with no name."""
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = f"{node.module}.".removeprefix(f"{PACKAGE}.") if node.module else ""
            for alias in node.names:
                whole = f"{origin}{alias.name}"
                is_ours = str(node.module).split(".")[0] == PACKAGE
                yield (whole, "") if is_ours and whole in MODULES else (origin.rstrip("."), alias.name)


def used(module: str) -> set[str]:
    """The modules of ours that a module uses. To take its room's blueprint is to belong to it, not to use it."""
    return {found for found, name in imports(module) if found in MODULES and name != "blueprint"} - {module}


def queries(module: str) -> set[str]:
    """The methods that a module calls on collections: db().tables.find(…), and the like."""
    found = set()
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and QUERY.match(node.func.attr):
            origin: ast.expr = node.func
            while isinstance(origin, ast.Attribute | ast.Subscript):
                origin = origin.value
            if isinstance(origin, ast.Call) and isinstance(origin.func, ast.Name) and origin.func.id == "db":
                found.add(node.func.attr)
    return found


def test_imports_point_down_only() -> None:
    """No module needs one that needs it, over whatever detours. (A room's __init__ gathers what belongs to it.)"""
    order = TopologicalSorter({module: used(module) - ROOMS for module in MODULES if module not in ROOMS})
    assert set(order.static_order()) == set(MODULES) - ROOMS


@pytest.mark.parametrize("module", sorted(set(MODULES) - VIEWS - ROOMS))
def test_only_views_and_rooms_know_views(module: str) -> None:
    assert not used(module) & VIEWS


def test_the_hub_knows_nothing_of_ours_nor_of_flask_and_mongodb() -> None:
    assert {found.split(".")[0] for found, _ in imports("live")} <= sys.stdlib_module_names


@pytest.mark.parametrize("module", APPLICATION)
def test_the_application_knows_nothing_of_the_local_run(module: str) -> None:
    assert not {found for found in used(module) if found.split(".")[0] in LOCAL}


def test_what_serves_loads_nothing_of_the_local_run_nor_of_the_tests() -> None:
    loaded = "import sys, waitercaller, waitercaller.jobs; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True)
    names = modules.stdout.split()
    assert f"{PACKAGE}.jobs" in names
    assert not [
        name for name in names if name.startswith(("tests", "secantus", *(f"{PACKAGE}.{each}" for each in LOCAL)))
    ]


@pytest.mark.parametrize("module", sorted(STORES))
def test_a_store_knows_no_web_request_and_no_other_store(module: str) -> None:
    assert not {name for found, name in imports(module) if found == "flask"} & WEB
    assert not {found for found in used(module) if found in {"access", "forms"} or found.endswith(".forms")}
    assert used(module) & (STORES | KEEPERS) - COMMON == CALLS.get(module, set())


@pytest.mark.parametrize("module", sorted(set(MODULES) - STORES - KEEPERS))
def test_only_stores_ask_the_database(module: str) -> None:
    assert not queries(module)


def test_the_lists_above_are_true() -> None:
    assert all(queries(module) for module in STORES | KEEPERS)
    assert set(CALLS) <= STORES


def test_only_the_way_in_reads_the_environment() -> None:
    """The configuration is passed in; see config.py."""
    readers = {
        name for name in MODULES if ("os", "environ") in imports(name) or "os.environ" in ast.unparse(MODULES[name])
    }
    assert readers <= {"__main__", "demo"}


@pytest.mark.parametrize("path", OWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_part_grows_too_large(path: Path) -> None:
    """One that does is usually two."""
    longest, longest_function = (400, 60) if path.is_relative_to(ROOT / "tests") else (250, 30)
    source = path.read_text("utf-8")
    functions = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef))
    too_long = {each.name for each in functions if (each.end_lineno or 0) - each.lineno >= longest_function}
    assert len(source.splitlines()) <= longest
    assert not too_long


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_template_holds_scripts_or_styles(path: Path) -> None:
    """The Content-Security-Policy would refuse them."""
    source = path.read_text("utf-8")
    assert not INLINE.search(source)
    assert str(path.relative_to(ROOT)) in INLINE_STYLES or not INLINE_STYLE.search(source)

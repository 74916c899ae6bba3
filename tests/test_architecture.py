"""The layers of the package (docs/architecture.md): allowed imports, the place of queries, and sizes of modules."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "waitercaller"

# From the lowest up. A folder may import folders of lower floors, and of its own floor only those in MAY_IMPORT.
FLOORS = (
    ("metrics", "db", "outgoing"),
    ("model",),
    ("mail", "push", "hooks", "live"),
    ("web",),
    ("alerts", "ops"),
    ("auth", "tables", "requests", "staff", "notifications", "settings", "report", "operators", "site"),
    ("local",),
    ("",),  # the modules at the root
)
MAY_IMPORT = {("db", "metrics"), ("outgoing", "db")}
# Folders whose modules may query the database.
QUERIES_IN = ("db", "model", "local", "ops.backup", "ops.archive")
LOCAL = ("local", "__main__")  # for `make run` and `make demo` only
AT_THE_ROOT = {"__init__.py", "__main__.py", "jobs.py", "cli.py"}

WEB_STATE = {"request", "session", "g", "flash", "redirect", "url_for", "render_template", "abort"}
# Modules that handle documents of any collection: work queues, backups, change streams.
ANY_DOCUMENT_IN = ("db", "ops.backup", "ops.archive", "ops.losses", "model.changes", "live.watcher")
UNTYPED = re.compile(r"(?<!Database\[)(\bDocument\b|dict\[str, Any\])")
# Parameters that are not documents: contexts of templates, details of audit entries, values of URLs.
NO_DOCUMENTS = {"context", "details", "values"}
QUERY = re.compile("(find|insert|update|delete|replace|count|estimated|bulk|aggregate|distinct|watch|command)(_|$)")
# Mail clients support inline styles only.
INLINE_STYLES = {"templates/email/_layout.html"}
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|\son[a-z]+=|javascript:", re.IGNORECASE)
INLINE_STYLE = re.compile(r"<style|\sstyle=", re.IGNORECASE)

SOURCES = {
    ".".join(path.relative_to(ROOT / PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip("."): path
    for path in sorted((ROOT / PACKAGE).rglob("*.py"))
}
MODULES = sorted(SOURCES)
FOLDERS = {name for name, path in SOURCES.items() if path.name == "__init__.py"}
TESTS = [path for path in (ROOT / "tests").rglob("*.py") if "node_modules" not in path.parts]
OWN = sorted([ROOT / "config.py", ROOT / "wsgi.py", *SOURCES.values(), *TESTS])


@cache
def tree(module: str) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(SOURCES[module].read_text("utf-8"))


def imports(module: str) -> Iterator[tuple[str, str]]:
    """The imports of a module as (module, name): own modules without the package's name, modules without a name."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = f"{node.module}.".removeprefix(f"{PACKAGE}.") if node.module else ""
            for alias in node.names:
                whole = f"{origin}{alias.name}"
                is_ours = str(node.module).split(".")[0] == PACKAGE
                yield (whole, "") if is_ours and whole in MODULES else (origin.rstrip("."), alias.name)


def used(module: str) -> set[str]:
    """The own modules that a module imports."""
    return {found for found, _ in imports(module) if found in MODULES} - {module}


def folder_of(module: str) -> str:
    """The folder of a module as a dotted name; "" for the root."""
    return module if module in FOLDERS else module.rpartition(".")[0]


def room_of(module: str) -> str:
    """The folder below the root that a module belongs to."""
    return folder_of(module).split(".")[0]


def floor_of(module: str) -> int:
    """The index of a module's floor, from 0 for the lowest."""
    return next(number for number, rooms in enumerate(FLOORS) if room_of(module) in rooms)


def functions(module: str) -> Iterator[ast.FunctionDef]:
    """All functions of a module, inner ones included."""
    return (node for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef))


def annotation(node: ast.expr | None) -> str:
    """The source text of an annotation."""
    return ast.unparse(node) if node else ""


@cache
def collections() -> set[str]:
    """The functions that return the database or one of its collections."""
    found = (function for module in MODULES for function in functions(module))
    return {"db"} | {each.name for each in found if annotation(each.returns).startswith("Collection[")}


def queries(module: str) -> set[str]:
    """The methods that a module calls on the database: db().tables.find(…), tables.documents().find(…), …"""
    found = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and QUERY.match(node.func.attr):
            origin: ast.expr = node.func
            while isinstance(origin, ast.Attribute | ast.Subscript):
                origin = origin.value
            if isinstance(origin, ast.Call) and annotation(origin.func).rpartition(".")[2] in collections():
                found.add(node.func.attr)
    return found


def is_within(module: str, folders: tuple[str, ...]) -> bool:
    """Whether a module is one of these or is contained in one."""
    return any(module == folder or module.startswith(f"{folder}.") for folder in folders)


def test_every_folder_belongs_to_a_floor() -> None:
    rooms = {room_of(module) for module in MODULES}
    assert rooms == {room for floor in FLOORS for room in floor}


def test_only_entry_modules_are_at_the_root() -> None:
    assert {path.name for path in (ROOT / PACKAGE).glob("*.py")} == AT_THE_ROOT


def test_no_import_goes_up() -> None:
    upward = {
        f"{module} → {found}" for module in MODULES for found in used(module) if floor_of(found) > floor_of(module)
    }
    assert not upward


def test_folders_of_a_floor_do_not_import_each_other() -> None:
    sideways = {
        f"{module} → {found}"
        for module in MODULES
        for found in used(module)
        if floor_of(found) == floor_of(module)
        and room_of(found) != room_of(module)
        and (room_of(module), room_of(found)) not in MAY_IMPORT
    }
    assert not sideways


def test_imports_of_folders_are_acyclic() -> None:
    """Each sub-folder is a node of its own."""
    graph: dict[str, set[str]] = {folder_of(module): set() for module in MODULES}
    for module in MODULES:
        graph[folder_of(module)] |= {folder_of(found) for found in used(module)} - {folder_of(module)}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise AssertionError(f"circle: {' → '.join(error.args[1])}") from None


def test_queries_are_in_the_model() -> None:
    elsewhere = {module: queries(module) for module in MODULES if not is_within(module, QUERIES_IN)}
    assert not {module: found for module, found in elsewhere.items() if found}


def test_documents_are_typed() -> None:
    """Functions take and return the TypedDict of a collection, conditions (Filter) or values to set (Changes)."""
    untyped = []
    for module in MODULES:
        if is_within(module, ANY_DOCUMENT_IN):
            continue
        for function in functions(module):
            arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
            taken = [annotation(each.annotation) for each in arguments if each.arg not in NO_DOCUMENTS]
            is_untyped = any(UNTYPED.search(each) for each in taken)
            if is_untyped or re.search(r"\bDocument\b", annotation(function.returns)):
                untyped.append(f"{module}.{function.name}")
    assert not untyped


def test_the_model_does_not_use_the_web_request() -> None:
    knowing = {
        module: names
        for module in MODULES
        if is_within(module, ("db", "model", "live"))
        and (names := {name for found, name in imports(module) if found == "flask"} & (WEB_STATE - {"abort"}))
    }
    assert not knowing


def test_the_hub_is_independent() -> None:
    assert {found.split(".")[0] for found, _ in imports("live.hub")} <= sys.stdlib_module_names


def test_the_application_does_not_import_the_local_run() -> None:
    assert not {
        f"{module} → {found}"
        for module in MODULES
        for found in used(module)
        if is_within(found, LOCAL) and not is_within(module, LOCAL)
    }


def test_serving_loads_neither_the_local_run_nor_the_tests() -> None:
    loaded = "import sys, waitercaller, waitercaller.jobs; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True)
    names = modules.stdout.split()
    assert f"{PACKAGE}.jobs" in names
    assert not [name for name in names if name.startswith(("tests", "secantus", f"{PACKAGE}.local"))]


def test_only_entry_points_read_the_environment() -> None:
    """The configuration is passed as an argument; see config.py."""
    readers = {
        name for name in MODULES if ("os", "environ") in imports(name) or "os.environ" in ast.unparse(tree(name))
    }
    assert readers <= {"__main__"}


def test_modules_and_functions_are_short() -> None:
    """The limits of CONTRIBUTING.md."""
    too_large = []
    for path in OWN:
        longest, longest_function = (450, 60) if path.is_relative_to(ROOT / "tests") else (300, 40)
        source = path.read_text("utf-8")
        too_large += [str(path.relative_to(ROOT))] if len(source.splitlines()) > longest else []
        for each in ast.walk(ast.parse(source)):
            if isinstance(each, ast.FunctionDef) and (each.end_lineno or 0) - each.lineno >= longest_function:
                too_large.append(f"{path.relative_to(ROOT)}:{each.name}")
    assert not too_large


def test_no_template_holds_scripts_or_styles() -> None:
    """The Content-Security-Policy blocks them."""
    holding = []
    for path in sorted((ROOT / "templates").rglob("*.html")):
        source, name = path.read_text("utf-8"), path.relative_to(ROOT).as_posix()
        if INLINE.search(source) or (name not in INLINE_STYLES and INLINE_STYLE.search(source)):
            holding.append(name)
    assert not holding

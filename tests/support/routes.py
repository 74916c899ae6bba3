"""Applications are made by the thousand in a test run, and werkzeug compiles a function for each of their routes."""

from typing import Any

from werkzeug.routing import Rule


def compile_once() -> None:
    """From now on, let applications share these functions (the same route gives the same one): 7 ms instead of 41."""
    compiled: dict[tuple[object, ...], Any] = {}
    compile_builder = Rule._compile_builder

    def shared(rule: Rule, append_unknown: bool = True) -> Any:
        key = (tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    setattr(Rule, "_compile_builder", shared)  # noqa: B010 (to a method, which mypy would have us subclass)

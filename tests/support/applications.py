"""Applications are made by the thousand in a test run; what all of them compute alike is computed once."""

import functools
from typing import Any

from werkzeug.routing import Rule

from waitercaller.site import static_files


def compute_once() -> None:
    """From now on, applications share the functions of their routes, and the version of their static files.

    werkzeug compiles a function for each route, the same one for the same route: 7 ms for an application, not 41.
    """
    compiled: dict[tuple[object, ...], Any] = {}
    compile_builder = Rule._compile_builder

    def shared(rule: Rule, append_unknown: bool = True) -> Any:
        key = (tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    setattr(Rule, "_compile_builder", shared)  # noqa: B010 (to a method, which mypy would have us subclass)
    setattr(static_files, "fingerprint", functools.cache(static_files.fingerprint))  # noqa: B010

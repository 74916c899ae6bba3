"""`python -m waitercaller run`: everything on one computer, with nothing to set up. `make run` calls it.

`run --demo` calls `python -m waitercaller make-demo` in a process of its own, with the application's settings in the
environment.
"""

import argparse
import os
import sys
from pathlib import Path

from config import Config
from waitercaller import create_app
from waitercaller.local import LocalError, demo, server


def main() -> int:
    """0 when it was stopped, 1 after a fault that has been said in one sentence."""
    parser = argparse.ArgumentParser(prog="python -m waitercaller")
    commands = parser.add_subparsers(required=True, metavar="run", dest="command")
    run = commands.add_parser("run", help="serve on this computer; HOST and PORT say where")
    run.add_argument("--demo", action="store_true", help="with a demo restaurant")
    run.add_argument("--data", type=Path, default=server.ROOT / "instance", help="where the data is kept")
    commands.add_parser("make-demo")
    arguments = parser.parse_args()
    if arguments.command == "make-demo":
        with create_app(Config.from_env(os.environ)).app_context():
            print(demo.prepare(), end="")
        return 0
    try:
        server.run(os.environ, arguments.data.absolute(), arguments.demo)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

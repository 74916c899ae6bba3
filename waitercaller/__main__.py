"""`python -m waitercaller run`: the application with an embedded database, for one computer. `make run` calls it.

`run --demo` runs `python -m waitercaller make-demo`, then `play-demo`, as subprocesses with the application's settings
in their environment.
"""

import argparse
import os
import sys
from pathlib import Path

from config import Config
from waitercaller import create_app
from waitercaller.db.client import patiently
from waitercaller.local import LocalError, demo, evening, server


def main() -> int:
    """Parse the arguments and run the command. Returns the exit status: 0 when stopped, 1 after a LocalError."""
    parser = argparse.ArgumentParser(prog="python -m waitercaller")
    commands = parser.add_subparsers(required=True, metavar="run", dest="command")
    run = commands.add_parser("run", help="serve on this computer; HOST and PORT say where")
    run.add_argument("--demo", action="store_true", help="with a demo restaurant")
    run.add_argument("--data", type=Path, default=server.ROOT / "instance", help="where the data is kept")
    commands.add_parser("make-demo")
    commands.add_parser("play-demo")
    arguments = parser.parse_args()
    if arguments.command == "make-demo":
        with create_app(Config.from_env(os.environ)).app_context(), patiently():  # thousands of calls
            print(demo.prepare(), end="")
        return 0
    if arguments.command == "play-demo":
        with create_app(Config.from_env(os.environ)).app_context():
            evening.play(demo.find(), lambda: False)
    try:
        server.run(os.environ, arguments.data.absolute(), arguments.demo)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

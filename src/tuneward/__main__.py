"""`python -m tuneward` and the console command."""

import io
import os
import sys


def main() -> None:
    """Run the command line and exit with its code, whatever stdout can write and whoever still reads it."""
    from tuneward.cli import run

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read along has left; the code stands
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


if __name__ == "__main__":
    main()

"""Run the command line with `python -m synthgen`."""

from synthgen.cli.main import main

main()

"""`python -m synthgen`: the same as the command `synthgen`."""

from synthgen.cli.main import main

main()

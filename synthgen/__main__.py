"""`python -m synthgen`: the same as the command `synthgen`."""

from synthgen.cli import main

main()

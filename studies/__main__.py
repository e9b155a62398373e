"""Run the studies with `python -m studies` from a source checkout."""

from studies.cli import app
from synthgen.cli.main import main

if __name__ == "__main__":
    main(app)

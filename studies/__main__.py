"""`python -m studies`."""

from studies.cli import app

if __name__ == "__main__":
    app()

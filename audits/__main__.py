"""`python -m audits`."""

from audits.cli import main

if __name__ == "__main__":
    main()

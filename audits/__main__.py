"""Run the command line with `python -m audits`."""

from audits.cli.main import main

if __name__ == "__main__":
    main()

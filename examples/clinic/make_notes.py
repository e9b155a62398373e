"""Writes the notes of the fictional clinic: python make_notes.py --out notes.jsonl --patients 900 --seed 7."""

import argparse
from pathlib import Path

from fictional_clinic import write_notes  # the folder beside this script


def main() -> None:
    """Parse the command line and write the notes and their key."""
    parser = argparse.ArgumentParser(description="Writes fictional outpatient notes and the key that scores leakage.")
    parser.add_argument("--out", type=Path, default=Path("notes.jsonl"))
    parser.add_argument("--patients", type=int, default=900)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    count = write_notes(arguments.out, arguments.patients, arguments.seed)
    print(f"{count} notes of {arguments.patients} patients written to {arguments.out}")


if __name__ == "__main__":
    main()

"""Implement `synthgen deidentify evaluate`: measure how many marked identifiers an engine finds in texts.

An engine finds names, numbers and other identifiers in a text by rules, or by rules and a model.
"""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from synthgen.cli.output import Application, AsJson, print_fields
from synthgen.core.files import write_json

deidentify_app = Application(help="Measure how well de-identification works on texts with known identifiers.")


@deidentify_app.command("evaluate")
def evaluate(
    source: Annotated[
        str,
        Argument(
            help="`planted` for invented notes; a file with lines `id|text` and marks `{CATEGORY:identifier}`; or a "
            "JSONL or Parquet file with text and spans."
        ),
    ] = "planted",
    *,
    engine: Annotated[str, Option(help="Engine to measure: auto, rules or rules+ner.")] = "auto",
    names: Annotated[bool, Option("--names", help="Give the engine the names that the file lists.")] = False,
    misses: Annotated[Path | None, Option(help="Private file to write: the missed identifiers.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print an engine's recall and precision with 95 % intervals, and the share of texts where it missed nothing."""
    from synthgen.deidentify.engines import finder
    from synthgen.pipeline.engine_shares import measure, read_texts

    measured = measure(read_texts(source), finder(engine), with_names=names)
    if misses is not None:
        write_json(misses, list(measured.misses))
    print_fields(measured.table, measured.to_text(), as_json=as_json)

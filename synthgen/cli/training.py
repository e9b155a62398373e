"""Define the options of `synthgen train-bridge`, which trains a bridge or a style adapter."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from synthgen.cli.keys import Names, Paths
from synthgen.cli.output import AsJson, print_fields
from synthgen.core.errors import UsageError
from synthgen.core.progress import silent, terminal_progress


def train_bridge(  # noqa: PLR0913 - one parameter per option
    config: Annotated[Path | None, Argument(help="Training configuration (YAML).", metavar="CONFIG")] = None,
    *,
    style: Annotated[str | None, Option(help="Train a style adapter of this name instead of a bridge.")] = None,
    corpus: Annotated[Paths, Option(help="Public texts in the style: .txt folder or table; repeatable.")] = None,
    licence: Annotated[Names, Option(help="Licence for the card: one for all corpora, or one per --corpus.")] = None,
    text: Annotated[str, Option(help="Name of the text column in a table.")] = "text",
    bridge: Annotated[str, Option(help="Bridge that the style adapter extends: builtin, or a folder.")] = "builtin",
    out: Annotated[Path | None, Option(help="Output folder of the style adapter; by default ./NAME.")] = None,
    steps: Annotated[int, Option(min=1, help="Training steps; 110 take about 12 minutes on 2 cores.")] = 110,
    resume: Annotated[bool, Option("--resume", help="Continue from the last checkpoint.")] = False,
    plan: Annotated[bool, Option("--plan", help="Measure a few steps, and print expected time and memory.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train a bridge on public text or, with --style, a style adapter.

    A bridge is an adapter that turns a vector of an encoder into an input of a language model. A style adapter
    determines how the language model writes texts.
    """
    progress = terminal_progress(sys.stderr)
    if style is not None and config is None and not plan:
        from synthgen.cli.train_style import StyleTask, train_style, with_licences

        corpora = with_licences(corpus or [], licence or ["not stated"])
        task = StyleTask(name=style, corpora=corpora, out=out or Path(style), text=text, bridge=bridge, steps=steps)
        kind, made = "style", train_style(task, resume=resume, progress=progress)
    else:
        from synthgen.cli.train_bridge import estimate, train
        from synthgen.decode.train.config import TrainBridgeConfig
        from synthgen.decode.train.processes import joined

        if config is None or style is not None:
            problem = "CONFIG and --style cannot be combined"
            if config is None:
                problem = "--plan needs CONFIG" if plan else "neither CONFIG nor --style is given"
            hint = "Pass CONFIG to train a bridge, or --style NAME to train a style adapter."
            raise UsageError(problem, hint=hint)
        settings = TrainBridgeConfig.load(config)
        if plan:
            expected = estimate(settings, progress)
            print_fields(expected.to_json(), expected.to_text(), as_json=as_json)
            return
        with joined(settings.train.device) as processes:
            reported = progress if processes.is_main else silent
            kind, made = "bridge", train(settings, resume=resume, progress=reported, processes=processes)
        if not processes.is_main:
            return
    print_fields({"kind": kind, "folder": str(made)}, f"{kind}: {made}", as_json=as_json)

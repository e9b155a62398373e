"""The commands of `python -m studies`: the experiments of the two papers and of differential privacy."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from synthgen.core.terminal import say

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="Published experiments, run again: tables and figures.",
)


@app.command("feature-augmentation")
def feature_augmentation(  # noqa: PLR0913 - each is a setting of its own
    *,
    dataset: Annotated[list[str] | None, Option(help="sst2, ag_news, imdb or a path; may be given again.")] = None,
    data: Annotated[Path | None, Option(help="The folder of the named sets.", envvar="SYNTHGEN_DATA")] = None,
    encoder: Annotated[str, Option(help="A name in the model store, or a folder.")] = "minilm",
    out: Annotated[Path, Option(help="Where everything is written.")] = Path("study/feature-augmentation"),
    folds: Annotated[int | None, Option(min=3, help="Of the cross-validation: 10, or 3 with --quick.")] = None,
    repeats: Annotated[int | None, Option(min=1, help="Of all folds: 3, or 1 with --quick.")] = None,
    seed: Annotated[int, Option(min=0, max=(1 << 53) - 1, help="Of every random choice.")] = 0,
    quick: Annotated[bool, Option("--quick", help="Less of everything, in minutes; intervals are wide.")] = False,
) -> None:
    """Few records of some classes: what each method of augmentation in the encoder's space does for a classifier."""
    from studies.feature_augmentation.command import StudyRequest
    from studies.feature_augmentation.command import feature_augmentation as run_study
    from synthgen.core.progress import terminal_progress

    request = StudyRequest(
        datasets=tuple(dataset or ("sst2", "ag_news")),
        data=data,
        encoder=encoder,
        out=out,
        folds=folds,
        repeats=repeats,
        seed=seed,
        quick=quick,
    )
    say(f"results: {run_study(request, terminal_progress(sys.stderr))}")


@app.command("dp")
def dp(  # noqa: PLR0913 - each is a setting of its own
    *,
    dataset: Annotated[list[str] | None, Option(help="A set of the study, or clinic; may be given again.")] = None,
    data: Annotated[Path | None, Option(help="The folder of the sets.", envvar="SYNTHGEN_DATA")] = None,
    out: Annotated[Path, Option(help="Where everything is written.")] = Path("study/dp"),
    persons: Annotated[list[int] | None, Option(min=20, help="Of train: 500, 2000 and 8000 by default.")] = None,
    epsilon: Annotated[list[float] | None, Option(help="Of a budget: .5, 1, 2, 4, 8 and no noise (50).")] = None,
    mechanism: Annotated[
        list[str] | None, Option(help="What is learned, as a row of the table; all by default.")
    ] = None,
    records: Annotated[list[int] | None, Option(min=10, help="To write: 1200 by default.")] = None,
    seeds: Annotated[int, Option(min=1, help="Draws of persons.")] = 1,
    quick: Annotated[
        bool, Option("--quick", help="So little that it ends in minutes; figures mean nothing.")
    ] = False,
) -> None:
    """What differential privacy costs: by persons, epsilon and what is learned, beside no guarantee at all."""
    from studies.dp.command import EPSILONS, PERSONS, RECORDS, DpRequest, dp_study
    from studies.dp.trial import MECHANISMS
    from synthgen.core.progress import terminal_progress

    request = DpRequest(
        datasets=tuple(dataset or ()),
        data=data,
        out=out,
        persons=tuple(persons or PERSONS),
        epsilons=tuple(epsilon or EPSILONS),
        mechanisms=tuple(mechanism or MECHANISMS),
        records=tuple(records or RECORDS),
        seeds=seeds,
        quick=quick,
    )
    say(f"results: {dp_study(request, terminal_progress(sys.stderr), say)}")


@app.command("smotext")
def smotext(  # noqa: PLR0913 - each is a setting of its own
    *,
    dataset: Annotated[
        list[str] | None, Option(help="newsgroups20, ag_news, sst2 or mts_dialog; may be given again.")
    ] = None,
    data: Annotated[Path | None, Option(help="The folder of the sets.", envvar="SYNTHGEN_DATA")] = None,
    out: Annotated[Path, Option(help="Where everything is written.")] = Path("study/smotext"),
    bridge: Annotated[str, Option(help="builtin, or a folder.")] = "builtin",
    seeds: Annotated[int | None, Option(min=1, help="Draws of real records: 5, or 2 with --quick.")] = None,
    seed: Annotated[int, Option(min=0, max=(1 << 53) - 1, help="Of every random choice.")] = 0,
    real: Annotated[int | None, Option(min=10, help="Real records of a draw: 1000, or 40 with --quick.")] = None,
    synthetic: Annotated[
        int | None, Option(min=10, help="Synthetic records of each kind: 2600, or 16 with --quick.")
    ] = None,
    quick: Annotated[
        bool, Option("--quick", help="So little that it ends in a minute; figures mean nothing.")
    ] = False,
) -> None:
    """Real records, synthetic ones and both: what SMOTExT and its baselines teach, and what they give away."""
    from studies.smotext.command import SmotextRequest
    from studies.smotext.command import smotext as run_study
    from synthgen.core.progress import terminal_progress

    request = SmotextRequest(
        datasets=tuple(dataset) if dataset else None,
        data=data,
        out=out,
        bridge=bridge,
        seeds=seeds,
        seed=seed,
        real=real,
        synthetic=synthetic,
        quick=quick,
    )
    say(f"results: {run_study(request, terminal_progress(sys.stderr), say)}")

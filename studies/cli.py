"""The commands of `python -m studies`, one for each study."""

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
    help="Reproduce the experiments of two papers, and measure differential privacy and ways to write texts.",
)


@app.command("feature-augmentation")
def feature_augmentation(  # noqa: PLR0913 - one parameter per option
    *,
    dataset: Annotated[list[str] | None, Option(help="sst2, ag_news, imdb or a path; can be repeated.")] = None,
    data: Annotated[Path | None, Option(help="Folder of the named sets.", envvar="SYNTHGEN_DATA")] = None,
    encoder: Annotated[str, Option(help="Name in the model store, or a folder.")] = "minilm",
    out: Annotated[Path, Option(help="Folder of all output.")] = Path("study/feature-augmentation"),
    folds: Annotated[int | None, Option(min=3, help="Folds of the cross-validation: 10, or 3 with --quick.")] = None,
    repeats: Annotated[
        int | None, Option(min=1, help="Repeats of the cross-validation: 3, or 1 with --quick.")
    ] = None,
    seed: Annotated[int, Option(min=0, max=(1 << 53) - 1, help="Seed of every random choice.")] = 0,
    quick: Annotated[bool, Option("--quick", help="Run a small test in minutes; its intervals are wide.")] = False,
) -> None:
    """Compare methods that add synthetic vectors to classes with few records before a classifier is trained."""
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
def dp(  # noqa: PLR0913 - one parameter per option
    *,
    dataset: Annotated[list[str] | None, Option(help="Set, such as ag_news or clinic; can be repeated.")] = None,
    data: Annotated[Path | None, Option(help="Folder of the sets.", envvar="SYNTHGEN_DATA")] = None,
    out: Annotated[Path, Option(help="Folder of all output.")] = Path("study/dp"),
    persons: Annotated[
        list[int] | None, Option(min=20, help="Persons in train: 500, 2000 and 8000 by default.")
    ] = None,
    epsilon: Annotated[list[float] | None, Option(help="Budgets: .5, 1, 2, 4, 8 and 50 (almost no noise).")] = None,
    mechanism: Annotated[list[str] | None, Option(help="Mechanism, as named in the table; all by default.")] = None,
    records: Annotated[list[int] | None, Option(min=10, help="Synthetic records: 1200 by default.")] = None,
    seeds: Annotated[int, Option(min=1, help="Number of draws of persons.")] = 1,
    quick: Annotated[bool, Option("--quick", help="Run a small test in minutes; ignore its figures.")] = False,
) -> None:
    """Measure how much utility differential privacy costs, by number of persons, epsilon and mechanism."""
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


@app.command("dp-vectors")
def dp_vectors(  # noqa: PLR0913 - one parameter per option
    *,
    dataset: Annotated[list[str] | None, Option(help="Set, such as ag_news or clinic; can be repeated.")] = None,
    data: Annotated[Path | None, Option(help="Folder of the sets.", envvar="SYNTHGEN_DATA")] = None,
    out: Annotated[Path, Option(help="Folder of all output.")] = Path("study/dp-vectors"),
    persons: Annotated[int, Option(min=20, help="Persons in train.")] = 2000,
    epsilon: Annotated[list[float] | None, Option(help="Budgets: .5, 1 and 3 by default.")] = None,
    seeds: Annotated[int, Option(min=1, help="Number of draws of persons.")] = 3,
    quick: Annotated[bool, Option("--quick", help="Run a small test in minutes; ignore its figures.")] = False,
) -> None:
    """Compare ways to learn the vectors of each class under the same privacy budget, without writing texts."""
    from studies.dp.vectors import VectorsRequest
    from studies.dp.vectors import dp_vectors as run_study
    from synthgen.core.progress import terminal_progress

    request = VectorsRequest(
        datasets=tuple(dataset or ()),
        data=data,
        out=out,
        persons=persons,
        epsilons=tuple(epsilon or (0.5, 1.0, 3.0)),
        seeds=seeds,
        quick=quick,
    )
    say(f"results: {run_study(request, terminal_progress(sys.stderr))}")


@app.command("smotext")
def smotext(  # noqa: PLR0913 - one parameter per option
    *,
    dataset: Annotated[
        list[str] | None, Option(help="newsgroups20, ag_news, sst2 or mts_dialog; can be repeated.")
    ] = None,
    data: Annotated[Path | None, Option(help="Folder of the sets.", envvar="SYNTHGEN_DATA")] = None,
    out: Annotated[Path, Option(help="Folder of all output.")] = Path("study/smotext"),
    bridge: Annotated[str, Option(help="Bridge: builtin, or a folder.")] = "builtin",
    seeds: Annotated[int | None, Option(min=1, help="Number of draws of real records: 5, or 2 with --quick.")] = None,
    seed: Annotated[int, Option(min=0, max=(1 << 53) - 1, help="Seed of every random choice.")] = 0,
    real: Annotated[int | None, Option(min=10, help="Real records per draw: 1000, or 40 with --quick.")] = None,
    synthetic: Annotated[
        int | None, Option(min=10, help="Synthetic records per variant: 2600, or 16 with --quick.")
    ] = None,
    quick: Annotated[bool, Option("--quick", help="Run a small test in minutes; ignore its figures.")] = False,
) -> None:
    """Measure utility and privacy of records made by SMOTExT and by baselines, alone and added to real records."""
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


@app.command("writers")
def writers(  # noqa: PLR0913 - one parameter per option
    *,
    dataset: Annotated[str, Option(help="Set of the study, or clinic.")] = "clinic",
    data: Annotated[Path | None, Option(help="Folder of the sets.", envvar="SYNTHGEN_DATA")] = None,
    out: Annotated[Path, Option(help="Folder of all output.")] = Path("study/writers"),
    model: Annotated[Path | None, Option(help="Folder of a larger instruction model.")] = None,
    per_class: Annotated[int, Option(min=1, help="Vectors of each class.")] = 25,
    only: Annotated[list[str] | None, Option(help="Writer, as named in the table; all by default.")] = None,
    quick: Annotated[bool, Option("--quick", help="Run a small test in minutes; ignore its figures.")] = False,
) -> None:
    """Compare ways to write texts from the same vectors: bridge, prompts, a larger model, and baselines."""
    from studies.writers import WritersRequest
    from studies.writers import writers as run_study
    from synthgen.core.progress import terminal_progress

    request = WritersRequest(
        dataset=dataset, data=data, out=out, model=model, quick=quick, per_class=per_class, only=tuple(only or ())
    )
    say(f"results: {run_study(request, terminal_progress(sys.stderr))}")


@app.command("plans")
def plans(
    *,
    dataset: Annotated[str, Option(help="Set of the study, or clinic.")] = "clinic",
    data: Annotated[Path | None, Option(help="Folder of the sets.", envvar="SYNTHGEN_DATA")] = None,
    out: Annotated[Path, Option(help="Folder of all output.")] = Path("study/plans"),
    quick: Annotated[bool, Option("--quick", help="Run a small test in minutes; ignore its figures.")] = False,
) -> None:
    """Compare ways to choose the words that describe a vector in a prompt, without a language model."""
    from studies.content_plans import PlansRequest
    from studies.content_plans import plans as run_study
    from synthgen.core.progress import terminal_progress

    request = PlansRequest(dataset=dataset, data=data, out=out, quick=quick)
    say(f"results: {run_study(request, terminal_progress(sys.stderr))}")

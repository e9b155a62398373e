"""Define the `synthgen` command line: parse arguments, call the library, and map errors to exit codes."""

import os
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer
from typer import Argument, Option

from audits.cli.console import print_error_json, print_exit_json, protect_process, standard_streams
from audits.cli.verify import verify
from audits.core.errors import AuditError
from audits.core.files import disk_errors
from synthgen.cli.airgap import airgap_app
from synthgen.cli.approval import approve, review
from synthgen.cli.budgets import budget_app
from synthgen.cli.deidentify import deidentify_app
from synthgen.cli.keys import keys_app, timestamp_app, trust_app
from synthgen.cli.models import models_app
from synthgen.cli.output import Application, AsJson, print_fields, print_json, print_result
from synthgen.cli.received import diff, export, inspect
from synthgen.cli.training import train_bridge
from synthgen.core.engine import engine_errors
from synthgen.core.errors import AtBarrier, DataError, Interrupted, ReleaseRefused, SynthGenError, UsageError
from synthgen.core.progress import terminal_progress
from synthgen.core.terminal import say

app = Application(
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="Turn private labelled text into an audited, signed synthetic dataset, or refuse the release with reasons.",
)
app.add_typer(models_app, name="models")
app.add_typer(keys_app, name="keys")
app.add_typer(trust_app, name="trust")
app.add_typer(budget_app, name="budget")
app.add_typer(deidentify_app, name="deidentify")
app.add_typer(airgap_app, name="airgap")
app.add_typer(timestamp_app, name="timestamp")

_SIGNALS: list[int] = []  # numbers of the signals that this process received

ConfigPath = Annotated[Path, Argument(help="Configuration file (YAML).", metavar="CONFIG")]
Resume = Annotated[
    Literal["auto", "never"],
    Option(help="auto: reuse finished stages. never: run all stages again; under DP, this can spend budget again."),
]


def _print_version(*, show: bool) -> None:
    if show:
        typer.echo(f"synthgen {version('synthgen')}")
        raise typer.Exit


@app.callback()
def options(
    *,
    show: Annotated[
        bool, Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Accept the options that precede a command."""


@app.command()
def init(
    folder: Annotated[Path, Argument(help="Folder to create.")],
    template: Annotated[
        Literal["clinic", "clinic-dp", "clinic-fhir", "newsgroup"], Option(help="Example to copy.")
    ] = "clinic",
    *,
    as_json: AsJson = False,
) -> None:
    """Create a trial folder: configuration, example notes, signing key, trust root and private workspace."""
    from synthgen.cli.start import TEMPLATES, start

    created = start(folder, template)
    files = {"configuration": folder / Path(TEMPLATES[template]).name, "trust": folder / "trust.json"}
    fields = {name: str(path) for name, path in {"folder": folder, **files}.items()}
    print_fields(fields, created, as_json=as_json)


@app.command()
def cluster(
    of: Annotated[Literal["slurm", "kubernetes"], Argument(help="Kind of cluster.")], *, as_json: AsJson = False
) -> None:
    """Print a template for running a configuration on a Slurm or Kubernetes cluster."""
    from synthgen.cli.start import cluster_template

    template = cluster_template(of)
    print_fields({"template": template}, template.rstrip("\n"), as_json=as_json)


@app.command()
def doctor(
    *,
    ray: Annotated[str | None, Option(help="Also check a running Ray cluster.", metavar="HOST:PORT")] = None,
    as_json: AsJson = False,
) -> None:
    """Check whether this machine can run synthgen; exit with code 6 if a required item is missing."""
    from synthgen.cli.doctor import examine

    checks = examine(ray)
    states = ("ok  " if check.ok else "WARN" if check.optional else "FAIL" for check in checks)
    lines = [f"{state} {check.name}: {check.detail}" for state, check in zip(states, checks, strict=True)]
    is_ready = all(check.ok or check.optional for check in checks)
    fields = {"ok": is_ready, "checks": [asdict(check) for check in checks]}
    print_fields(fields, "\n".join(lines), as_json=as_json)
    if not is_ready:
        raise typer.Exit(6)


@app.command()
def plan(
    config: ConfigPath,
    *,
    pilot: Annotated[bool, Option("--pilot/--no-pilot", help="Write about 120 texts to predict the run.")] = True,
    as_json: AsJson = False,
) -> None:
    """Check a configuration and predict the run: duration, accepted texts, DP budget, what each audit can detect.

    The exit code is 3 if the run cannot end in a release; the reasons are listed last. If the run can end
    in a release and has no privacy budget, a pilot writes about 120 texts. The pilot takes minutes, and the run
    reuses most of its results. In all other cases, and with --no-pilot, no texts are written, and the predictions
    are less accurate.
    """
    from synthgen.config import Config
    from synthgen.plan.plan import make_plan

    planned = make_plan(Config.load(config), terminal_progress(sys.stderr), pilot=pilot)
    print_result(planned, as_json=as_json)
    raise typer.Exit(DataError.exit_code if planned.problems else 0)


@app.command()
def preview(config: ConfigPath, *, as_json: AsJson = False) -> None:
    """Write about ten texts, without filters and audits, to show what a configuration produces.

    The texts are made from a sample of about 300 records (at least twelve persons of each class, if there are so
    many), which takes about a minute with the default model. They are as private as the source, and are never
    released. With `writer: prompt`, the prompt of each text is shown.
    """
    from synthgen.config import Config
    from synthgen.plan.preview import make_preview

    print_result(make_preview(Config.load(config), terminal_progress(sys.stderr)), as_json=as_json)


@app.command()
def run(
    config: ConfigPath,
    *,
    until: Annotated[str, Option(help="Last stage to run, such as split or filter.")] = "audit",
    resume: Resume = "auto",
    part: Annotated[str | None, Option(help="Compute only part I (from 0) of N.", metavar="I/N")] = None,
    wait: Annotated[bool, Option("--wait", help="With --part: wait for the other parts.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the stages that have not finished, from load to audit, in the private workspace."""
    from synthgen.config import Config
    from synthgen.pipeline.pipeline import Pipeline
    from synthgen.pipeline.secret import PUBLIC, WARNING

    loaded = Config.load(config)
    if loaded.secret == PUBLIC:
        say(f"WARNING {WARNING}")
    pipeline = Pipeline(loaded, terminal_progress(sys.stderr))
    try:
        done = pipeline.run(resume=resume, until=until, part=part, wait=wait)
    except AtBarrier as stop:
        print_fields({"finished": False, "reason": stop.message, "next": stop.hint}, str(stop), as_json=as_json)
        return
    for note in done.record.stage("load").notes or ():
        say(f"source: {note}")
    states = ("reused" if stage.reused else f"{stage.seconds:.1f} s" for stage in done.record.stages)
    lines = [
        f"{stage.name:<14} {stage.n_in:>7} in  {stage.n_out:>7} out  {state}"
        for stage, state in zip(done.record.stages, states, strict=True)
    ]
    print_fields(done.record.to_json(), "\n".join(lines), as_json=as_json)


@app.command()
def release(config: ConfigPath, *, resume: Resume = "auto", as_json: AsJson = False) -> None:
    """Run the pipeline, apply the policy, and write a signed bundle, or refuse the release with reasons."""
    from synthgen.cli.publish import publish
    from synthgen.config import Config

    print_result(publish(Config.load(config), resume=resume, stream=sys.stderr), as_json=as_json)


app.command()(review)
app.command()(approve)
app.command()(verify)
app.command()(inspect)
app.command()(diff)
app.command()(export)


@app.command()
def report(
    target: Annotated[Path, Argument(help="Configuration of a finished run, its workspace, or a bundle.")],
    *,
    browse: Annotated[bool, Option("--open", help="Open the report in the browser.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the HTML report of a run, or find the report in a bundle, and print its path."""
    from synthgen.cli.publish import updated_report

    path = str(updated_report(target))
    if as_json:
        print_json({"report": path})
    else:
        typer.echo(path)
    if browse:
        typer.launch(path)


@app.command()
def evaluate(  # noqa: PLR0913 - one parameter per option
    *,
    synthetic: Annotated[Path, Option(help="Synthetic records: parquet, jsonl or csv with text and label.")],
    train: Annotated[Path, Option(help="Real records from which the synthetic records were made.")],
    test: Annotated[Path, Option(help="Real records of other persons, used only for testing.")],
    encoder: Annotated[str, Option(help="Encoder of the classifier that reads vectors.")] = "minilm",
    seed: Annotated[int, Option(help="Seed of the bootstrap.")] = 0,
    balance: Annotated[
        Literal["as-source", "equal"], Option(help="Class sizes that the synthetic records should have.")
    ] = "as-source",
    confidence: Annotated[
        float, Option(min=0.95, max=0.999999, help="One-sided confidence of each end of an interval.")
    ] = 0.975,
    text: Annotated[str, Option(help="Column of the texts, in every table.")] = "text",
    label: Annotated[str, Option(help="Column of the classes, in every table.")] = "label",
    group: Annotated[str, Option(help="Column of the persons, in train and test.")] = "group",
    out: Annotated[Path | None, Option(help="File to write, for `audits run --utility`.")] = None,
    baselines: Annotated[bool, Option("--baselines", help="Also train on augmented real records.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train two classifiers on real and on synthetic records; print their accuracy and F1 on other real records.

    Each number is printed with its interval.
    """
    from synthgen.cli.utility import Measure, study
    from synthgen.core.files import write_json

    if baselines and out is not None:
        hint = "Run the command once with --out, and once with --baselines to read the comparison."
        raise UsageError("--baselines and --out cannot be combined", hint=hint)
    measure = Measure(encoder=encoder, seed=seed, balance=balance, confidence=confidence, baselines=baselines)
    found = study(synthetic, train, test, measure, stream=sys.stderr, columns=(text, label, group))
    if out is not None:
        write_json(out, found.to_json())
    print_result(found, as_json=as_json)


@app.command()
def blend(  # noqa: PLR0913 - one parameter per option
    a: Annotated[Path, Argument(help="First text file (UTF-8).", metavar="A.txt")],
    b: Annotated[Path, Argument(help="Second text file (UTF-8).", metavar="B.txt")],
    *,
    lam: Annotated[float, Option("--lambda", min=0, max=1, help="Position between A (0) and B (1).")] = 0.5,
    label: Annotated[str, Option(help="Label inserted into the prompt before the vector.")] = "",
    candidates: Annotated[int, Option(min=1, max=64, help="Number of texts to generate; the best is shown.")] = 4,
    method: Annotated[Literal["smote", "slerp"], Option(help="smote: linear. slerp: spherical.")] = "smote",
    seed: Annotated[int, Option(min=0, max=(1 << 53) - 1, help="Seed of the decoder's sampling.")] = 0,
    writer: Annotated[
        Literal["bridge", "prompt"], Option(help="prompt: the decoder gets only a few prompt words, which are shown.")
    ] = "bridge",
    as_json: AsJson = False,
) -> None:
    """Interpolate between two texts and show which attributes come from which text. The output is not audited."""
    from synthgen.cli.blend import BlendRequest
    from synthgen.cli.blend import blend as make_blend

    request = BlendRequest(
        a=a, b=b, lam=lam, label=label, candidates=candidates, method=method, seed=seed, writer=writer
    )
    print_result(make_blend(request, terminal_progress(sys.stderr)), as_json=as_json)


@app.command()
def shadow(
    config: ConfigPath,
    *,
    runs: Annotated[int, Option(min=8, help="Number of reruns, a multiple of 8.")] = 32,
    persons: Annotated[int | None, Option(min=1, help="Number of attacked persons; default: 1 % of train.")] = None,
    quick: Annotated[
        bool, Option("--quick", help="Test the command: 8 small reruns, 1 person, never a pass.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Repeat a run many times, each time without some persons, and infer from the outputs who was missing.

    The attacked persons are the train persons whose records are most over-represented in the synthetic records. Each
    of them is left out of half of the reruns. A rerun repeats interpolation, writing, embedding and filters, which
    take most of the time of a run.
    """
    from synthgen.cli.shadow import ShadowRequest
    from synthgen.cli.shadow import shadow as make_shadow
    from synthgen.config import Config

    request = ShadowRequest(runs=runs, persons=persons, quick=quick)
    found = make_shadow(Config.load(config), request, terminal_progress(sys.stderr), say)
    print_result(found, as_json=as_json)
    raise typer.Exit(0 if found.passed else ReleaseRefused.exit_code)


app.command("train-bridge")(train_bridge)


@app.command()
def schema(
    of: Annotated[Literal["config", "policy", "audit", "attestation", "bridge"], Argument(help="Kind of file.")],
    *,
    markdown: Annotated[bool, Option("--markdown", help="Print the reference page instead; config only.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print a JSON Schema (with or without --json), or the reference page of the configuration."""
    from synthgen.cli.schemas import configuration_page, schema_of

    if not markdown:
        print_json(schema_of(of))
    elif of == "config" and as_json:
        print_json({"markdown": configuration_page()})
    elif of == "config":
        typer.echo(configuration_page(), nl=False)
    else:
        raise UsageError(f"--markdown is not available for {of}", hint="Use `synthgen schema config --markdown`.")


@standard_streams()
def main(command: typer.Typer = app) -> None:
    """Run the command line; print an expected error as one message, and exit with the error's exit code."""
    protect_process(_stop)
    hub = ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS")
    os.environ.update(dict.fromkeys(hub, "1"), TOKENIZERS_PARALLELISM="false")
    try:
        with engine_errors(), disk_errors(Path()):
            command()
    except (SynthGenError, AuditError) as error:
        if _SIGNALS:  # after a signal in compiled code, a library may raise an error in place of SystemExit
            _exit_interrupted()
        say(f"error: {error}")
        refused = {"verdict": "REFUSED", "reasons": error.problems} if isinstance(error, ReleaseRefused) else {}
        print_error_json(error, further_fields=refused)
        sys.exit(error.exit_code)
    except SystemExit as stop:
        if stop.code == Interrupted.exit_code:
            _exit_interrupted()
        print_exit_json(stop)
        raise


def _exit_interrupted() -> NoReturn:
    hint = "Run the command again."
    if sys.argv[1:2] in (["run"], ["release"]):
        hint = "Run the command again, without `--resume never`, to continue after the last finished stage."
    say(f"Stopped. {hint}")
    print_error_json(Interrupted("stopped", hint=hint))
    sys.exit(Interrupted.exit_code)


def _stop(number: int, _frame: object) -> None:
    _SIGNALS.append(number)
    # SystemExit, because no library catches it, and typer would turn KeyboardInterrupt into exit code 130
    sys.exit(Interrupted.exit_code)


if __name__ == "__main__":
    main()

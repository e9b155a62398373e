"""The command line: reads arguments, calls the library, turns errors into exit codes."""

import os
import resource
import signal
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Argument, Option

from audits.core.errors import AuditError
from synthgen.cli.budgets import budget_app
from synthgen.cli.keys import keys_app, trust_app
from synthgen.cli.models import models_app
from synthgen.cli.stamps import timestamp_app
from synthgen.core.engine import engine_errors
from synthgen.core.errors import Interrupted, ReleaseRefused, SynthGenError, UsageError
from synthgen.core.terminal import say

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="Private labelled text in; an audited, signed synthetic dataset out, or a refusal with its reasons.",
)
app.add_typer(models_app, name="models")
app.add_typer(keys_app, name="keys")
app.add_typer(trust_app, name="trust")
app.add_typer(budget_app, name="budget")
app.add_typer(timestamp_app, name="timestamp")

ConfigPath = Annotated[Path, Argument(help="The configuration, a YAML file.", metavar="CONFIG")]
AsJson = Annotated[bool, Option("--json", help="Print the result as JSON on standard output.")]
Resume = Annotated[Literal["auto", "never"], Option(help="auto: go on from finished stages. never: start anew.")]


@app.command()
def init(
    folder: Annotated[Path, Argument(help="A new folder.")],
    template: Annotated[
        Literal["clinic", "clinic-dp", "newsgroup"], Option(help="Which example to start from.")
    ] = "clinic",
) -> None:
    """Make a folder to try things in: configuration, example notes, key, trust root, private workspace."""
    from synthgen.cli.start import start

    say(start(folder, template))


@app.command()
def doctor(*, as_json: AsJson = False) -> None:
    """Say what this machine has and lacks."""
    from synthgen.cli.doctor import examine

    checks = examine()
    if as_json:
        print_json([check.to_json() for check in checks])
    for check in checks:
        say(f"{'ok  ' if check.ok else 'LACK'} {check.name}: {check.detail}")
    if not all(check.ok or check.optional for check in checks):
        raise typer.Exit(6)


@app.command()
def plan(config: ConfigPath, *, as_json: AsJson = False) -> None:
    """Check a configuration and say what a run would take, before any work."""
    from synthgen.cli.plan import make_plan
    from synthgen.config import Config

    made = make_plan(Config.load(config))
    if as_json:
        print_json(made.to_json())
    say(made.to_text())


@app.command()
def run(
    config: ConfigPath,
    *,
    until: Annotated[str, Option(help="Stop after this stage.")] = "audit",
    resume: Resume = "auto",
    as_json: AsJson = False,
) -> None:
    """Run what is missing, from load to audit, in the private workspace."""
    from synthgen.config import Config
    from synthgen.core.progress import terminal_progress
    from synthgen.pipeline.pipeline import Pipeline
    from synthgen.pipeline.secret import PUBLIC, WARNING

    asked = Config.load(config)
    if asked.secret == PUBLIC:
        say(f"WARNING {WARNING}")
    done = Pipeline(asked, terminal_progress(sys.stderr)).run(resume=resume, until=until)
    if as_json:
        print_json(done.record.to_json())
    for stage in done.record.stages:
        state = "kept" if stage.reused else f"{stage.seconds:.1f} s"
        say(f"{stage.name:<14} {stage.n_in:>7} in  {stage.n_out:>7} out  {state}")


@app.command()
def release(config: ConfigPath, *, resume: Resume = "auto", as_json: AsJson = False) -> None:
    """The main job: run what is missing, judge, and write a signed bundle, or refuse and say why."""
    from synthgen.cli.publish import publish
    from synthgen.config import Config

    try:
        published = publish(Config.load(config), resume=resume, stream=sys.stderr)
    except ReleaseRefused as refusal:
        if as_json:
            print_json({"verdict": "REFUSED", "reasons": refusal.problems})
        raise
    if as_json:
        print_json(published.to_json())
    say(published.to_text())


@app.command()
def approve(  # noqa: PLR0913 - an option each
    bundle: Annotated[Path, Argument(help="The bundle's folder.")],
    *,
    role: Annotated[str, Option(help="The role you sign in, such as privacy_officer.")],
    key: Annotated[str, Option(help="Your private key: its file, or a URI such as hsm:2?label=officer.")],
    trust: Annotated[Path, Option(help="The trust root.")],
    public: Annotated[Path | None, Option(help="The public part, NAME.pub.json, of a key named by a URI.")] = None,
    reject: Annotated[bool, Option("--reject", help="Sign a no, which blocks the release.")] = False,
    comment: Annotated[str, Option(help="Your own words; they go into the approval.")] = "",
) -> None:
    """Sign a second person's approval of a bundle, or a rejection."""
    from datetime import UTC, datetime

    from audits.verify.trust import load_trust
    from synthgen.release.approve import approve as sign
    from synthgen.release.signers import open_key

    opened = open_key(key, public)
    path = sign(
        bundle, role=role, key=opened, trust=load_trust(trust), now=datetime.now(UTC), reject=reject, comment=comment
    )
    say(f"{'rejected' if reject else 'approved'}: {path}")


@app.command()
def verify(
    bundle: Annotated[Path, Argument(help="The bundle's folder.")],
    *,
    trust: Annotated[
        Path | None, Option(help="The trust root you hold; never one that came with the bundle.")
    ] = None,
    policy: Annotated[str | None, Option(help="The policy you expect.")] = None,
    only: Annotated[
        Literal["integrity"] | None, Option(help="integrity: no trust is checked; exit 20 at best.")
    ] = None,
    trust_state: Annotated[Path | None, Option(help="Where the trust roots seen are remembered.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check a bundle offline: files, signature, policy, gates recomputed from the evidence, approvals, time."""
    from audits.verify.bundle import verify_bundle, verify_integrity
    from audits.verify.outcome import print_verification

    if only is None and trust is None:
        raise UsageError("--trust is needed", hint="Without one only the integrity can be checked: --only integrity")
    found = (
        verify_integrity(bundle) if trust is None or only else verify_bundle(bundle, trust, policy, state=trust_state)
    )
    print_verification(found, bundle.name, as_json=as_json)
    raise typer.Exit(found.code)


@app.command()
def report(
    target: Annotated[Path, Argument(help="A configuration that has been run, its workspace, or a bundle.")],
    *,
    browse: Annotated[bool, Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write the HTML report of a run, or find that of a bundle, and print its path."""
    from synthgen.cli.publish import report_of

    path = report_of(target)
    typer.echo(str(path))
    if browse:
        typer.launch(str(path))


@app.command()
def evaluate(
    *,
    synthetic: Annotated[Path, Option(help="Synthetic records: parquet, jsonl or csv with text and label.")],
    train: Annotated[Path, Option(help="Real records the synthetic ones were made from.")],
    test: Annotated[Path, Option(help="Real records neither was made from.")],
    encoder: Annotated[str, Option(help="Encoder of the frozen-encoder classifier.")] = "minilm",
    seed: Annotated[int, Option(help="Seed of the bootstrap.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Train on synthetic, test on real: accuracy and F1 with intervals, two classifiers, per class."""
    from synthgen.cli.utility import study

    found = study(synthetic, train, test, encoder=encoder, seed=seed, stream=sys.stderr)
    if as_json:
        print_json(found.to_json())
    say(found.to_text())


@app.command()
def blend(  # noqa: PLR0913 - each is a setting of its own
    a: Annotated[Path, Argument(help="A text file.", metavar="A.txt")],
    b: Annotated[Path, Argument(help="Another.", metavar="B.txt")],
    *,
    lam: Annotated[float, Option("--lambda", min=0, max=1, help="0 is A, 1 is B.")] = 0.5,
    label: Annotated[str, Option(help="Words that go before the vector.")] = "",
    candidates: Annotated[int, Option(min=1, max=64, help="Texts to choose from.")] = 4,
    method: Annotated[Literal["smote", "slerp"], Option(help="On the segment, or on the arc.")] = "smote",
    seed: Annotated[int, Option(min=0, max=(1 << 53) - 1, help="Of the decoder's random choices.")] = 0,
    bridge: Annotated[
        Literal["builtin", "words"], Option(help="words: told a few words, which are shown.")
    ] = "builtin",
    as_json: AsJson = False,
) -> None:
    """Show two texts, what lies between them, and which attribute of it came from which. Nothing is audited."""
    from synthgen.cli.blend import BlendRequest
    from synthgen.cli.blend import blend as make_blend
    from synthgen.core.progress import terminal_progress

    asked = BlendRequest(
        a=a, b=b, lam=lam, label=label, candidates=candidates, method=method, seed=seed, bridge=bridge
    )
    made = make_blend(asked, terminal_progress(sys.stderr))
    if as_json:
        print_json(made.to_json())
    say(made.to_text())


@app.command()
def shadow(
    config: ConfigPath,
    *,
    runs: Annotated[int, Option(min=8, help="Reruns, a multiple of 8; each person is left out of half.")] = 32,
    persons: Annotated[int | None, Option(min=1, help="Asked about: one in a hundred of train by default.")] = None,
    quick: Annotated[bool, Option("--quick", help="Eight small reruns about one person; shows nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Rerun a finished run without the persons its records crowd most: does it show? As costly as that many runs."""
    from synthgen.cli.shadow import ShadowRequest
    from synthgen.cli.shadow import shadow as make_shadow
    from synthgen.config import Config
    from synthgen.core.progress import terminal_progress

    request = ShadowRequest(runs=runs, persons=persons, quick=quick)
    found = make_shadow(Config.load(config), request, terminal_progress(sys.stderr), say)
    if as_json:
        print_json(found.to_json())
    say(found.to_text())
    raise typer.Exit(0 if found.passed else ReleaseRefused.exit_code)


@app.command("train-bridge")
def train_bridge(  # noqa: PLR0913 - an option each
    config: Annotated[
        Path | None, Argument(help="The training configuration, a YAML file.", metavar="CONFIG")
    ] = None,
    *,
    style: Annotated[str | None, Option(help="Train a style of this name beside the builtin bridge.")] = None,
    corpus: Annotated[
        list[Path] | None, Option(help="Public texts of the style: a folder of .txt files, or a table.")
    ] = None,
    licence: Annotated[list[str] | None, Option(help="Of all corpora, or of each; for the card.")] = None,
    text: Annotated[str, Option(help="The column of texts, in tables.")] = "text",
    bridge: Annotated[str, Option(help="The style stands beside it: builtin, or a folder.")] = "builtin",
    out: Annotated[Path | None, Option(help="The style's folder; by default its name.")] = None,
    steps: Annotated[int, Option(min=1, help="Of 16 pieces; 110 take 12 minutes of two cores.")] = 110,
    resume: Annotated[bool, Option("--resume", help="Go on from the last checkpoint.")] = False,
) -> None:
    """Train a bridge between an encoder and a decoder on public text, or with --style a style beside a bridge."""
    from synthgen.core.progress import terminal_progress

    progress = terminal_progress(sys.stderr)
    if style is not None and config is None:
        from synthgen.cli.train_style import StyleTask, train_style, with_licences

        corpora = with_licences(corpus or [], licence or ["not stated"])
        task = StyleTask(name=style, corpora=corpora, out=out or Path(style), text=text, bridge=bridge, steps=steps)
        say(f"style: {train_style(task, resume=resume, progress=progress)}")
        return
    from synthgen.cli.train_bridge import train
    from synthgen.decode.train.config import TrainBridgeConfig

    if config is None or style is not None:
        raise UsageError("give either CONFIG or --style NAME", hint="See `synthgen train-bridge --help`.")
    say(f"bridge: {train(TrainBridgeConfig.load(config), resume=resume, progress=progress)}")


@app.command()
def schema(of: Annotated[Literal["config", "policy", "audit", "attestation"], Argument()]) -> None:
    """Print a JSON Schema."""
    from synthgen.cli.schemas import schema_of

    print_json(schema_of(of))


def print_json(value: object) -> None:
    """Print JSON for programs on standard output."""
    import json

    typer.echo(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=True))


def main(command: typer.Typer = app) -> None:
    """Run a command line; every error that a user can cause becomes one message and the exit code of its class.

    Args:
        command: the commands to run; `python -m studies` passes its own.
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash must not write private text to disk
    os.environ.update(
        HF_HUB_OFFLINE="1",
        HF_HUB_DISABLE_TELEMETRY="1",
        HF_HUB_DISABLE_PROGRESS_BARS="1",
        TOKENIZERS_PARALLELISM="false",
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        with engine_errors():
            command()
    except (SynthGenError, AuditError) as error:
        say(f"error: {error}")
        sys.exit(error.exit_code)
    except SystemExit as stop:
        if stop.code == Interrupted.exit_code:
            say("stopped; the same command, without --resume never, goes on where it stopped")
        raise


def _stop(_number: int, _frame: object) -> None:
    """Leave by SystemExit, which neither the command line's parser nor a library turns into another end."""
    sys.exit(Interrupted.exit_code)


if __name__ == "__main__":
    main()

import json
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from audits.gate.shipped import load_policy, policy_path
from synthgen.config import Config
from synthgen.core.errors import ConfigError, DataError, InternalError, ModelMissing
from synthgen.core.progress import silent
from synthgen.core.seeds import SeedTree
from synthgen.core.tables import read_corpus
from synthgen.decode import style_adapter as styles
from synthgen.decode.bridge import Vocabulary, load_bridge
from synthgen.decode.learnt import share_learnt, write_learnt
from synthgen.decode.style_adapter import CARD, WEIGHTS, StyleCard, built_in_styles, load_style
from synthgen.decode.train.trainer import new_style
from synthgen.pipeline.job import Job
from synthgen.pipeline.pipeline import Pipeline
from synthgen.pipeline.segments import encoder_for
from synthgen.pipeline.style_choice import CHOICE, GAIN, check_server, check_style, choose_style, n_tried, read_choice
from synthgen.pipeline.workspace import Workspace
from synthgen.release.assembly import bundle_content, limitations_of, stated_models


def write_style(folder, bridge, model, seed, *, name, learnt=()):
    """Write a style adapter with random weights, a card and the digests of its training texts."""
    generator = torch.Generator().manual_seed(seed)
    _, tensors = new_style(bridge, 2, model, SeedTree(seed))
    folder.mkdir(parents=True)
    save_file({n: torch.randn(t.shape, generator=generator) for n, t in tensors.items()}, folder / WEIGHTS)
    losses = {"heldout_before": 2.0, "heldout_after": 1.0}
    card = StyleCard(name=name, bridge=bridge.digest, rank=2, steps=1, sources=(), **losses)
    (folder / CARD).write_text(card.model_dump_json())
    write_learnt(learnt, folder)


@pytest.fixture
def built_in(project, tiny, monkeypatch):
    """Install two built-in styles with random weights, and return the bridge."""
    bridge = load_bridge(str(project.folder / "models" / "bridge"))
    monkeypatch.setattr(styles, "BUILT_IN_STYLES", project.folder / "built_in")
    for seed, name in ((1, "letter"), (2, "note")):
        write_style(project.folder / "built_in" / name, bridge, tiny.language_model("llama"), seed, name=name)
    write_style(project.folder / "ours", bridge, tiny.language_model("llama"), 7, name="ours")
    return bridge


@pytest.fixture
def prepared(project, built_in):
    """Return the arguments of `choose_style`, in a workspace that has run up to deidentify."""
    config = project.config(decode={"style": "auto"})
    run = Pipeline(config).run(until="deidentify")
    job = Job(config, Workspace(project.folder / "ws"), silent)
    train = read_corpus(run.folder("deidentify") / "train.parquet", "train")
    return job, built_in, train, encoder_for(job, train), "up"


def test_the_likeliest_style_is_chosen_and_no_text_is_stored(prepared, project, tiny):
    _, stage = choose_style(*prepared)
    choice = json.loads((stage.folder / CHOICE).read_text())
    nats = {tuple(map(tuple, shares)): value for shares, value in choice["nats"]}
    singles = {((name, 1.0),) for name in ("plain", "letter", "note")}
    assert set(nats) == singles | {(("letter", 0.5), ("note", 0.5))}
    handicapped = {shares: value + (GAIN if len(shares) > 1 else 0) for shares, value in nats.items()}
    assert handicapped[tuple(map(tuple, choice["shares"]))] == min(handicapped.values())
    assert choose_style(*prepared)[1].reused
    write_style(project.folder / "built_in" / "post", prepared[1], tiny.language_model("llama"), 3, name="post")
    stage = choose_style(*prepared)[1]
    assert not stage.reused  # the set of built-in styles changed
    wider = [[name for name, _ in shares] for shares, _ in json.loads((stage.folder / CHOICE).read_text())["nats"]]
    assert wider[4:] == [["letter", "note"], ["letter", "post"], ["note", "post"], ["letter", "note", "post"]]
    assert [n_tried(n) for n in (1, 2, 3, 4, 9)] == [1, 2, 4, len(wider), 13]
    texts = prepared[2].texts
    assert not any(text in path.read_text(errors="ignore") for path in stage.folder.iterdir() for text in texts)


@pytest.mark.parametrize(("won", "chosen"), [(GAIN - 0.01, ["plain"]), (GAIN + 0.01, ["letter", "note"])])
def test_a_mixture_must_win_by_the_gain(prepared, monkeypatch, won, chosen):
    nats = iter([3.0, 4.0, 4.0, 3.0 - won])  # letter and note are worse than plain, their mixture is better
    reader = SimpleNamespace(nats=lambda *_, **__: SimpleNamespace(per_token=next(nats)))
    monkeypatch.setattr("synthgen.pipeline.style_choice.Likelihood", SimpleNamespace(load=lambda *_: reader))
    _, stage = choose_style(*prepared)
    assert [name for name, _ in read_choice(stage.folder)] == chosen


def test_a_run_writes_in_its_style_and_states_it(project, built_in):
    def written(run):
        return tuple(sorted(text for text, _ in bundle_content(run, run.decide()).records))

    texts = {"plain": written(Pipeline(project.config()).run())}
    several = ["letter", "ours"]
    starts = {"letter": "builtin:letter", "ours": "custom:(private)", "auto": "builtin:"}
    for named, stated in (*starts.items(), (several, "custom:(private)")):
        run = Pipeline(project.config(decode={"style": named})).run()
        texts[str(named)] = written(run)
        model = stated_models(run)[-1]
        if named != "auto" or model["role"] == "style":
            assert (model["role"], model["name"].startswith(stated)) == ("style", True)
            assert model["trainedOnPrivateData"] == (named in ("ours", several))
        said = " ".join(limitations_of(run, has_groups=True))
        assert ("chosen by means of the private train text" in said) == (named == "auto")
        assert ("this was not verified" in said) == (named in ("ours", several))
        names = [m["name"] for m in stated_models(run) if m["role"] == "style"]
        assert named != several or names == ["builtin:letter", "custom:(private)"]
    assert len(set(texts.values())) >= 4
    with pytest.raises(ModelMissing, match=r"does not exist or lacks files: style\.json, style\.safetensors"):
        Pipeline(project.config(decode={"style": "sonnet"})).run()


REFUSED = "records that must stay private"


def deidentify_in(project, style):
    return Pipeline(project.config(decode={"style": style})).run(until="deidentify")


@pytest.mark.parametrize("role", ["train", "control"])
def test_a_style_trained_on_records_of_the_run_is_refused(project, built_in, tiny, role, monkeypatch):
    monkeypatch.setattr("synthgen.decode.learnt.MIN_WORDS", 3)  # the trial's records are short
    run = Pipeline(project.config()).run(until="split")
    texts = read_corpus(run.folder("split") / f"{role}.parquet", role).texts
    model = tiny.language_model("llama")
    public = ["Somebody else wrote this down."]
    write_style(project.folder / "theirs", built_in, model, 8, name="theirs", learnt=public)
    deidentify_in(project, "theirs")
    write_style(project.folder / "stolen", built_in, model, 9, name="stolen", learnt=texts[:3])
    with pytest.raises(DataError, match=REFUSED) as caught:
        deidentify_in(project, "stolen")
    assert not any(text in str(caught.value) for text in texts)
    with pytest.raises(DataError, match=REFUSED):
        deidentify_in(project, ["theirs", "stolen"])
    (project.folder / "stolen").rename(project.folder / "built_in" / "stolen")
    with pytest.raises(DataError, match=REFUSED):
        deidentify_in(project, "auto")


def test_the_styles_of_a_run_are_checked_together(project, built_in, tiny, monkeypatch):
    monkeypatch.setattr("synthgen.decode.learnt.MIN_WORDS", 3)  # the trial's records are short
    folder = Pipeline(project.config()).run(until="split").folder("split")
    train, control = (read_corpus(folder / f"{role}.parquet", role).texts for role in ("train", "control"))
    model = tiny.language_model("llama")
    for k, name in enumerate(("one", "other")):
        write_style(project.folder / name, built_in, model, 20 + k, name=name, learnt=train[k : k + 1])
    learnt = [load_style(name, project.config().resolve).learnt for name in ("one", "other")]
    largest = max(share_learnt([*train, *control], digests) for digests in learnt)
    monkeypatch.setattr("synthgen.pipeline.style_choice.MAX_SHARE", largest)  # each style alone passes
    for name in ("one", "other"):
        deidentify_in(project, name)
    with pytest.raises(DataError, match=REFUSED):
        deidentify_in(project, ["one", "other"])


def test_auto_style_is_refused_under_differential_privacy(project):
    strict = load_policy(policy_path("strict-dp"))
    check_style(project.config(decode={"style": "plain"}), strict)
    with pytest.raises(ConfigError, match="requires differential privacy") as caught:
        check_style(project.config(decode={"style": "auto"}), strict)
    assert all(name in caught.value.hint for name in built_in_styles())


@pytest.mark.parametrize("wrong", [["auto", "letter"], ["plain", "letter"], ["letter", "letter"], [], [""]])
def test_styles_that_cannot_be_mixed_and_styles_of_prompt_words_are_refused(project, wrong):
    with pytest.raises(ConfigError, match=r"decode\.style"):
        project.config(decode={"style": wrong})
    with pytest.raises(ConfigError, match="only `writer: bridge` supports styles"):
        project.config(decode={"writer": "prompt", "style": "auto"})
    with pytest.raises(InternalError, match="no style"):
        choose_style(None, object.__new__(Vocabulary), None, None, "up")


def test_the_benchmark_has_a_row_and_samples_of_each_style(project, built_in, module_at, monkeypatch, capsys):
    bench = module_at("benchmarks/styles.py")
    monkeypatch.setattr(bench.Config, "load", lambda _: project.config())
    bench.main(["demo.yaml", "--styles", "plain,letter,letter+note", "--samples", "2"])
    table, *samples = capsys.readouterr().out.split("\n## ")
    names = ["plain", "letter", "letter+note"]
    rows = [line.split(" | ")[0] for line in table.splitlines()[2:]]
    assert rows == [f"| {name}" for name in (*names, "real records")]
    assert [(text.splitlines()[0], text.count("\n\n> ")) for text in samples] == [(name, 2) for name in names]


@pytest.mark.parametrize(
    ("policy", "is_remote", "problems"),
    [
        ("research", False, []),
        ("research", True, []),
        ("hospital-external", False, ["decode.engine"]),
        ("hospital-external", True, ["decode.engine", "decode.endpoint.allow_remote"]),
    ],
)
def test_the_policy_decides_which_server_may_write(tmp_path, policy, is_remote, problems):
    server = {"url": "http://127.0.0.1:8000/v1", "model": "local", "allow_remote": is_remote}
    given = {"version": 1, "source": {"path": "n.jsonl"}, "interpolate": {"total": 9}}
    decode = {"writer": "prompt", "engine": "endpoint", "endpoint": server}
    config = Config.parse({**given, "decode": decode}, base=str(tmp_path))
    pinned = {"required_provenance": ("pinned-models",) if problems else ()}
    chosen = load_policy(policy).model_copy(update=pinned)
    if not problems:
        check_server(config, chosen)
        return
    with pytest.raises(ConfigError, match="does not accept this server") as refused:
        check_server(config, chosen)
    assert [problem.partition(":")[0] for problem in refused.value.problems] == problems

import json
import sys
import time
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest

from audits.core.types import AuditInputs, Table

SIZES = {"synthetic": 23, "train": 31, "control": 27, "reference": 40}
FAKES = {
    "kind": 'print("so")\nprint(json.dumps({"verdict": "caught", "says": "by eye", "numbers": {"share": 0.5}}))',
    "crashing": 'raise ValueError("of what it read")',
    "fetching": 'raise RuntimeError("Max retries exceeded")',
    "slow": "import time; time.sleep(60)",
    "rubbish": 'print("certainly private")',
    "silent": "",
    "boasting": 'print(json.dumps({"verdict": "excellent", "says": "", "numbers": {}}))',
    "wordless": 'print(json.dumps({"verdict": "passed", "says": 3, "numbers": {}}))',
    "numberless": 'print(json.dumps({"verdict": "passed", "says": "", "numbers": {"share": "most"}}))',
    "listed": "print([1])",
}
ERRORS = dict.fromkeys(FAKES, "its output is not a result")
ERRORS |= {"crashing": "exit code 1, ValueError", "fetching": "exit code 1, tried to use the network"}
ERRORS |= {"slow": "took over 3 s"}
del ERRORS["kind"]


@pytest.fixture(scope="module")
def real(bench):
    return dict(bench.PEERS)


@pytest.fixture(scope="module")
def fakes(bench, tmp_path_factory):
    """Return stand-in adapters: one that works, and others that fail in different ways."""
    folder = tmp_path_factory.mktemp("adapters")
    for name, code in FAKES.items():
        (folder / f"{name}.py").write_text(f"import json\n{code}\n", encoding="utf-8")
    return {name: bench.Peer(f"the {name} one", folder / f"{name}.py") for name in FAKES}


@pytest.fixture(scope="module")
def quick(bench, real, fakes, tmp_path_factory):
    """Run the quick form with all adapters; return its folder, Markdown, options and duration in seconds."""
    folder = tmp_path_factory.mktemp("peers")
    patch = pytest.MonkeyPatch()
    absent = bench.Peer("the absent one", fakes["kind"].adapter, ("no-such-package==1",))

    def run(command, limit):
        if command[1] == "-m" and command[2] == "venv":
            return 0, "", ""
        if "pip" in command:
            return 1, "", "looking\nERROR: No matching distribution found for no-such-package==1\n\n"
        return really_run(command, limit)

    really_run = bench.run
    patch.setattr(bench, "run", run)
    patch.setattr(bench, "PEERS", fakes | {"absent": absent})
    options = ["--quick", "--limit", "3", "--work", str(folder / "work"), "--only", "exact copies", "absent", *fakes]
    started = time.monotonic()
    bench.main([*options, "--markdown", str(folder / "x.md")])
    seconds = time.monotonic() - started
    yield folder, (folder / "x.md").read_text(encoding="utf-8"), options, seconds
    patch.undo()


def cell(text, case, title):
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return next(line for line in lines if line[0] == case)[lines[0].index(title)]


@pytest.mark.slow
def test_the_quick_form_needs_no_package_and_little_time(quick):
    _, text, _, seconds = quick
    assert seconds < 60
    assert cell(text, "verbatim", "ours").startswith("caught: memorization")
    assert cell(text, "fresh_people", "ours").startswith("unsure: ")
    assert cell(text, "verbatim", "exact copies").startswith("caught (")
    assert cell(text, "fresh_people", "exact copies").startswith("passed (")
    assert "- exact copies, verbatim: train 1, control 0" in text
    assert "Three libraries are not compared. synthcity" in text


@pytest.mark.parametrize(("name", "words"), ERRORS.items())
@pytest.mark.slow
def test_a_failing_peer_has_a_row_with_the_reason(quick, name, words):
    for case in ("verbatim", "fresh_people"):
        assert cell(quick[1], case, f"the {name} one").startswith(f"error: {words} (")


@pytest.mark.slow
def test_a_peer_that_cannot_be_installed_has_a_row_with_the_reason_and_the_others_continue(quick):
    reason = cell(quick[1], "verbatim", "the absent one")
    assert reason.startswith(
        "error: cannot be installed: ERROR: No matching distribution found for no-such-package==1"
    )
    assert cell(quick[1], "verbatim", "the kind one").startswith("caught: by eye (")  # the last printed line
    assert "- the kind one, verbatim: share 0.5" in quick[1]


@pytest.mark.slow
def test_the_output_of_a_failed_peer_is_only_logged(quick):
    folder, text, *_ = quick
    assert "of what it read" not in text
    assert any("of what it read" in log.read_text() for log in (folder / "work/answers").rglob("crashing.log"))


@pytest.mark.slow
def test_a_peer_that_stops_clean_releases_shows_no_fault_of_ours(quick):
    shown = "- the kind one also stops clean releases (fresh_people), so its other catches are weak evidence."
    assert shown in quick[1]
    assert "a defect of our audits" not in quick[1]


@pytest.mark.slow
def test_answers_are_kept_and_failures_tried_again(quick, bench, fakes, monkeypatch, capsys):
    _, text, options, _ = quick
    monkeypatch.setattr(bench, "run_case", None)  # a call would fail
    monkeypatch.setattr(bench, "PEERS", {name: fakes[name] for name in ("kind", "rubbish")})
    called, real = [], bench.result_of
    monkeypatch.setattr(bench, "result_of", lambda peer, *rest: called.append(peer.title) or real(peer, *rest))
    bench.main([*options[: -len(fakes) - 2], "exact copies", "kind", "rubbish"])
    assert called == ["the rubbish one"] * 2
    assert cell(capsys.readouterr().out, "verbatim", "the kind one") == cell(text, "verbatim", "the kind one")


@pytest.mark.slow
def test_another_adapter_is_run_again(quick, bench, fakes, tmp_path, monkeypatch, capsys):
    adapter = tmp_path / "kind.py"
    adapter.write_text(fakes["kind"].adapter.read_text().replace("caught", "passed"), encoding="utf-8")
    monkeypatch.setattr(bench, "PEERS", {"kind": bench.Peer("the kind one", adapter)})
    monkeypatch.setattr(bench, "run_case", None)
    bench.main([*quick[2][:5], "--only", "kind"])
    assert cell(capsys.readouterr().out, "verbatim", "the kind one").startswith("passed: by eye")


@pytest.mark.slow
def test_child_processes_end_at_the_time_limit(bench, tmp_path):
    sign = tmp_path / "sign"
    child = f"import time; time.sleep(3); open({str(sign)!r}, 'w')"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    assert bench.run([sys.executable, "-c", code], 1)[0] is None
    time.sleep(3)
    assert not sign.exists()


def test_an_environment_is_made_once(bench, fakes, tmp_path, monkeypatch):
    calls = []

    def run(command, limit):
        calls.append(command)
        if "venv" in command:
            (tmp_path / "environments" / command[-1].rpartition("/")[2]).mkdir(parents=True)
        return 0, "", ""

    monkeypatch.setattr(bench, "run", run)
    peer = bench.Peer("a", fakes["kind"].adapter, ("b==1", "c==2"))
    first = bench.environment(peer, tmp_path)
    assert bench.environment(peer, tmp_path) == first
    assert len(calls) == 2
    assert calls[1][0] == first
    assert calls[1][-2:] == ["b==1", "c==2"]
    assert bench.environment(bench.Peer("a", peer.adapter, ("b==1", "c==3")), tmp_path) != first


def test_an_install_that_takes_too_long_is_reported(bench, fakes, tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "run", lambda command, limit: (None, "", ""))
    with pytest.raises(bench.NotInstalledError, match="took over"):
        bench.environment(bench.Peer("a", fakes["kind"].adapter, ("b==1",)), tmp_path)


def answered(**verdicts):
    return {name: {"verdict": verdict, "says": "x"} for name, verdict in verdicts.items()}


CLEAN = "also stops clean releases"


@pytest.mark.parametrize(
    ("case", "mine", "theirs", "words"),
    [
        ("verbatim", "passed", "caught", "verbatim: caught by A, passed by ours, which is a defect of our audits."),
        ("verbatim", "unsure", "caught", "verbatim: caught by A, unsure by ours, which is not a pass"),
        ("verbatim", "caught", "passed", "verbatim: caught by ours (x), passed by the peers."),
        *(("verbatim", mine, theirs, "None.") for mine, theirs in (("caught", "caught"), ("caught", "error"))),
        *((case, mine, "passed", "None.") for case, mine in (("verbatim", "passed"), ("fresh_people", "unsure"))),
        ("fresh_people", "passed", "caught", f"A {CLEAN} (fresh_people), so its other catches"),
        ("fresh_people", "caught", "passed", f"ours {CLEAN} (fresh_people), so its other catches"),
        ("permuted_roles", "passed", "caught", f"A {CLEAN} (permuted_roles)"),
    ],
)
def test_disagreements(bench, case, mine, theirs, words):
    lines = bench.disagreements({case: answered(ours=mine, a=theirs)}, {"a": bench.Peer("A", None)})
    assert len(lines) == 1
    assert lines[0].startswith(words)


def test_a_peer_that_stops_everything_shows_no_fault_of_ours(bench):
    ours = {"verbatim": "passed", "chunk_mix": "caught", "fresh_people": "passed"}
    found = {case: answered(ours=verdict, a="caught", b="passed") for case, verdict in ours.items()}
    assert bench.disagreements(found, {"a": bench.Peer("A", None), "b": bench.Peer("B", None)}) == [
        "A also stops clean releases (fresh_people), so its other catches are weak evidence.",
        "chunk_mix: caught by ours (x), passed by the peers; caught by A, which also stops clean releases.",
    ]


def test_the_peers_get_texts_and_columns_that_agree(module_at, bench, tmp_path):
    tables = sys.modules["peer_tables"]
    rng = np.random.default_rng(1)
    sexes = [("he", "smoker"), ("she", "never smoked cigarettes")]

    def table(n, start):
        syllables = [" ".join(rng.choice(list("bcdgkp"), 5 + i % 7)) for i in range(n)]
        parts = ((*sexes[i % 2], 30 + i, words) for i, words in enumerate(syllables))
        texts = tuple(f"{who} is a {habit} aged {age} {words}" for who, habit, age, words in parts)
        names = tuple(f"p{start + i}" for i in range(n))
        return Table(texts=texts, labels=tuple("uv"[i % 2] for i in range(n)), groups=names, has_groups=True)

    inputs = AuditInputs(synthetic=table(33, 0), train=table(41, 100), control=table(67, 200))
    tables.write_tables(inputs, tmp_path, "x", 3)
    about = json.loads((tmp_path / "about.json").read_text())
    found = {role: pq.read_table(tmp_path / f"{role}.parquet") for role in ("synthetic", "train", "control")}
    assert {role: t.num_rows for role, t in found.items()} == {"synthetic": 33, "train": 41, "control": 41}
    assert found["train"]["text"].to_pylist() == list(inputs.train.texts)
    assert set(found["control"]["text"].to_pylist()) <= set(inputs.control.texts)
    made = found["synthetic"]["text"].to_pylist()
    assert sorted(made) == sorted(inputs.synthetic.texts)
    assert made != list(inputs.synthetic.texts)
    assert about["attacks"] == 33
    assert {"class", "known_age", "known_sex", "secret_smoking"} <= set(about["categories"])
    assert "secret_smoking" in about["secret"]
    assert set(about["known"]).isdisjoint(about["secret"])
    for kind in ("numbers", "first", "second"):
        assert about[kind] == [f"{kind}_{i}" for i in range(8)]
    wanted = {"text", *about["categories"], *about["numbers"], *about["first"], *about["second"]}
    assert all(set(table.column_names) == wanted for table in found.values())
    assert found["train"]["known_sex"].to_pylist()[:4] == ["m", "f", "m", "f"]
    assert found["train"]["class"].to_pylist()[:4] == ["u", "v", "u", "v"]
    sexes_made = found["synthetic"]["known_sex"].to_pylist()
    assert sexes_made == ["f" if "she " in text else "m" for text in made]


def test_tables_without_classes_have_no_class(bench):
    tables = sys.modules["peer_tables"]
    plain = Table(texts=("a b c d",), labels=None, groups=("p",), has_groups=True)
    assert tables.fields(plain)["length"] == ["2^2 words"]
    assert "class" not in tables.fields(plain)
    assert tables.is_open(["a"] * 9 + ["b"])
    assert not tables.is_open(["a"] * 99 + ["b"])


UNKNOWN = [
    ([f"--{option}", "moon"], f"unknown {kind}: moon") for option, kind in (("only", "peers"), ("cases", "cases"))
]
UNKNOWN += [(["--corpora", "moon"], "unknown corpora: moon"), (["--corpora", "synthpai"], "set SYNTHGEN_DATA")]


@pytest.mark.parametrize(("options", "words"), UNKNOWN)
def test_unavailable_peers_cases_and_corpora_are_reported(bench, monkeypatch, capsys, options, words):
    monkeypatch.delenv("SYNTHGEN_DATA", raising=False)
    with pytest.raises(SystemExit):
        bench.arguments(options)
    assert words in capsys.readouterr().err


def test_real_peers_are_pinned_and_their_adapters_are_there(real):
    for name, peer in real.items():
        assert any(pin.startswith(f"{name}==") for pin in peer.pins)
        assert all("==" in pin for pin in peer.pins)
        assert peer.adapter.is_file()
        compile(peer.adapter.read_text(encoding="utf-8"), peer.adapter.name, "exec")


def test_principal_axes_are_those_of_the_reference(module_at):
    rng = np.random.default_rng(0)
    tables = {name: rng.normal(size=(n, 12)) * np.arange(1, 13) for name, n in SIZES.items()}
    axes = module_at("benchmarks/peer_tables.py").principal(SimpleNamespace(**tables), 5)
    assert axes["reference"].shape == (SIZES["reference"], 5)
    covariance = np.cov(axes["reference"].T)
    assert covariance - np.diag(np.diag(covariance)) == pytest.approx(0, abs=1e-3)
    assert (np.diff(np.diag(covariance)) <= 0).all()
    centre = tables["reference"].mean(axis=0)
    directions = np.linalg.svd(tables["reference"] - centre, full_matrices=False)[2][:5]
    assert axes["train"] == pytest.approx((tables["train"] - centre) @ directions.T, abs=1e-4)

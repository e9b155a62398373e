import json
import os
import shutil
import stat
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from audits.cli.main import app, main
from audits.core.findings import pseudonym
from audits.core.inputs import digests, load_tables
from audits.core.report import read_report, tool_name
from audits.runner.registry import names
from audits.selftest.bound import bound_selftest


@pytest.fixture(scope="module")
def tables(tmp_path_factory, fresh_inputs):
    folder = tmp_path_factory.mktemp("tables")
    for name in ("synthetic", "train", "control"):
        table = getattr(fresh_inputs, name)
        pq.write_table(pa.table({"text": table.texts, "group": table.groups}), folder / f"{name}.parquet")
    pq.write_table(pa.table({"text": fresh_inputs.train.texts}), folder / "copies.parquet")
    return folder


def arguments(tables, **changes):
    paths = {name: tables / f"{name}.parquet" for name in ("synthetic", "train", "control")} | changes
    return ["run", *(part for name, path in paths.items() for part in (f"--{name}", str(path)))]


def called(monkeypatch, *words):
    """Run the console script's function and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["audits", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code


def test_a_clean_release_passes(tables, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    words = [*arguments(tables), "--only", "memorization,identifiers", "--out", str(out), "--json"]
    assert called(monkeypatch, *words) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert report["overall"] == "pass"
    assert "memorization: pass" in captured.err
    assert (out / "audit.json").read_bytes() == captured.out.rstrip("\n").encode()
    assert read_report((out / "audit.json").read_bytes()).overall == "pass"
    assert [path.name for path in out.iterdir()] == ["audit.json"]


@pytest.mark.parametrize(("claim", "scope"), [([], "record"), (["--rows-are-persons"], "person")])
def test_rows_are_persons_only_if_declared(tables, tmp_path, monkeypatch, capsys, claim, scope):
    bare = {}
    for name in ("train", "control"):
        bare[name] = tmp_path / f"{name}.parquet"
        pq.write_table(pq.read_table(tables / f"{name}.parquet", columns=["text"]), bare[name])
    called(monkeypatch, *arguments(tables, **bare), "--only", "memorization", "--json", *claim)
    assert json.loads(capsys.readouterr().out)["input_checks"]["claim_scope"] == scope


def test_copies_fail(tables, monkeypatch, capsys):
    copies = arguments(tables, synthetic=tables / "copies.parquet")
    assert called(monkeypatch, *copies, "--only", "memorization") == 4
    assert "overall: fail" in capsys.readouterr().err


def test_the_same_command_gives_the_same_bytes(tables, monkeypatch, capsys):
    outputs = []
    for _ in range(2):
        called(monkeypatch, *arguments(tables), "--only", "memorization", "--seed", "7", "--json")
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]


def test_a_policy_refuses_if_a_required_audit_did_not_run(tables, monkeypatch, capsys):
    words = [*arguments(tables), "--only", "memorization", "--policy", "hospital-external"]
    assert called(monkeypatch, *words) == 4
    error = capsys.readouterr().err
    assert "policy: refused" in error
    assert "not run" in error


def test_findings_identify_the_person_with_the_key(tables, fresh_inputs, tmp_path, monkeypatch, capsys):
    rows = [*fresh_inputs.synthetic.texts, fresh_inputs.train.texts[9]]
    pq.write_table(pa.table({"text": rows}), tmp_path / "s.parquet")
    path, key = tmp_path / "findings.jsonl", tmp_path / "key"
    words = [*arguments(tables, synthetic=tmp_path / "s.parquet"), "--only", "memorization,identifiers", "--json"]
    assert called(monkeypatch, *words, "--findings", str(path), "--findings-key", str(key)) == 4
    captured = capsys.readouterr()
    found = [json.loads(line) for line in path.read_text().splitlines()]
    assert f"findings: {len(found)} written" in captured.err
    person = pseudonym(key.read_bytes(), fresh_inputs.train.groups[9])
    assert {(f["row"], f["person"]) for f in found} == {(len(rows) - 1, person)}
    assert {f["audit"]: f["kind"] for f in found}.keys() == {"memorization", "identifiers"}
    assert {stat.S_IMODE(p.stat().st_mode) for p in (path, key)} == {0o600}
    assert person not in captured.out + captured.err


def test_recorded_identifiers_are_found(tables, fresh_inputs, tmp_path, monkeypatch, capsys):
    rows = [*fresh_inputs.synthetic.texts, "as Wojciechowska-Featherstonehaugh said"]
    pq.write_table(pa.table({"text": rows}), tmp_path / "s.parquet")
    of_train, of_control = tmp_path / "train.jsonl", tmp_path / "control.jsonl"
    lists = [["Wojciechowska-Featherstonehaugh"], *[[]] * (len(fresh_inputs.train) - 1)]
    of_train.write_text("".join(json.dumps(row) + "\n" for row in lists))
    of_control.write_text("[]\n" * len(fresh_inputs.control))
    words = [*arguments(tables, synthetic=tmp_path / "s.parquet"), "--only", "identifiers", "--json"]
    given = ["--identifiers", str(of_train), "--control-identifiers", str(of_control)]
    assert called(monkeypatch, *words, *given) == 4
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert (result["verdict"], result["details"]["known_identifiers_found"]) == ("fail", 1)
    assert called(monkeypatch, *words, *given[2:]) == 3
    assert called(monkeypatch, *words, "--identifiers", str(of_control)) == 3
    assert "entries where the table has" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--findings", "--findings-key"])
def test_findings_and_key_are_required_together(tables, tmp_path, monkeypatch, capsys, option):
    assert called(monkeypatch, *arguments(tables), option, str(tmp_path / "x")) == 3
    assert "together" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_further_attempts_on_control_persons_need_a_higher_confidence(tables, tmp_path, monkeypatch, capsys):
    ledger, seen = tmp_path / "ledger", []
    for name in ("synthetic", "copies", "synthetic"):
        words = arguments(tables, synthetic=tables / f"{name}.parquet")
        called(monkeypatch, *words, "--only", "memorization", "--ledger", str(ledger), "--json")
        (result,) = json.loads(capsys.readouterr().out)["results"]
        seen.append(result["estimate"]["confidence"])
    assert seen == pytest.approx([0.96, 0.992, 0.96])
    external = [*arguments(tables), "--only", "memorization", "--policy", "hospital-external"]
    called(monkeypatch, *external)
    refused = capsys.readouterr().err
    assert "attempts: INSUFFICIENT" in refused
    assert "attempts-counted: INSUFFICIENT" in refused
    assert "secret-private: INSUFFICIENT" in refused
    called(monkeypatch, *external, "--ledger", str(ledger), "--streams-are-secret")
    allowed = capsys.readouterr().err
    assert "attempt 1 on these control persons; entry 2 of ledger" in allowed
    assert "attempts: " not in allowed
    assert "attempts-counted: " not in allowed
    assert "secret-private: " not in allowed
    (ledger / "attempts.jsonl").write_text("{}\n")
    assert called(monkeypatch, *external, "--ledger", str(ledger)) == 3


@pytest.mark.parametrize(
    "again",
    [
        ["--seed", "1"],
        ["--only", "memorization,identifiers"],
        ["--confidence", "0.9"],
        ["--reference", "train.parquet"],
    ],
)
def test_another_seed_other_audits_or_another_confidence_is_another_attempt(
    tables, tmp_path, monkeypatch, capsys, again
):
    words = [*arguments(tables), "--only", "memorization", "--ledger", str(tmp_path / "ledger")]
    more = [str(tables / word) if word.endswith(".parquet") else word for word in again]
    for extra, number in (([], 1), (more, 2), (more, 2), ([], 1)):
        called(monkeypatch, *words, *extra)
        assert f"attempt {number} on these control persons" in capsys.readouterr().err


def test_a_deleted_ledger_is_detected(tables, tmp_path, monkeypatch, capsys):
    words = [*arguments(tables), "--only", "memorization", "--ledger", str(tmp_path / "ledger")]
    called(monkeypatch, *words)
    shutil.rmtree(tmp_path / "ledger")
    assert called(monkeypatch, *words) == 3
    assert "earlier runs cannot be counted" in capsys.readouterr().err


def test_optional_inputs_are_read_from_files(tables, tmp_path, monkeypatch, capsys, module_at):
    n, n_train = (pq.read_metadata(tables / f"{name}.parquet").num_rows for name in ("synthetic", "train"))
    lineage = tmp_path / "lineage.jsonl"
    lineage.write_text("".join(json.dumps({"parents": [i % n_train], "weights": [1.0]}) + "\n" for i in range(n)))
    made = tmp_path / "canaries"
    assert (
        called(monkeypatch, "canaries", "--train", str(tables / "train.parquet"), "--n", "120", "--out", str(made))
        == 0
    )
    assert sorted(path.name for path in made.iterdir()) == ["canaries.parquet", "insert.parquet", "suffixes.parquet"]
    log = tmp_path / "log.json"
    logs = module_at("tests/unit/audits/attacks/accounting/mechanism_logs.py")
    log.write_text(json.dumps(logs.log(logs.sgd(np.random.default_rng(1)))))
    release = [str(tables / f"{name}.parquet") for name in ("synthetic", "train")]
    before = pq.read_table(release[0])  # as in a bundle, with an id column
    before = before.append_column("id", [[f"r-{i:08d}" for i in range(len(before))]])
    pq.write_table(before, tmp_path / "before.parquet")
    capsys.readouterr()
    words = [
        *arguments(tables),
        "--only",
        "parent_recovery,canaries,accounting,differencing",
        "--lineage",
        str(lineage),
        "--canaries",
        str(made),
        "--canary-build",
        release[0],
        "--mechanism",
        str(log),
        "--previous",
        str(tmp_path / "before.parquet"),
        "--previous-train",
        release[1],
        "--json",
    ]
    assert called(monkeypatch, *words) == 4
    report = json.loads(capsys.readouterr().out)
    status = {r["name"]: r["status"] for r in report["results"]}
    assert status == {
        "parent_recovery": "measured",
        "canaries": "measured",
        "accounting": "measured",
        "differencing": "measured",
    }
    verdicts = {r["name"]: r["verdict"] for r in report["results"]}
    assert verdicts["parent_recovery"] == "fail"  # every row has a single parent
    assert verdicts["differencing"] == "fail"  # every row is in the previous release
    assert {"lineage", "canaries", "canary build", "mechanism", "previous", "previous train"} <= set(report["inputs"])
    assert called(monkeypatch, *arguments(tables), "--canary-build", release[0], "--previous", release[0]) == 3
    error = capsys.readouterr().err
    assert "--canaries and --canary-build must be given together" in error
    assert "--previous and --previous-train must be given together" in error


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--text", "note"], 3, "no column 'note'"),
        (["--only", "nonsense"], 3, "there is no audit"),
        (["--only", ""], 3, "at least one"),
        (["--confidence", "2"], 3, "at least 0.95 and below 1"),
        (["--policy", "nonsense"], 3, "no policy"),
        (["--nonsense"], 2, "No such option"),
    ],
)
def test_bad_input_gives_one_message_and_exit_code(tables, monkeypatch, capsys, words, code, message):
    assert called(monkeypatch, *arguments(tables), *words) == code
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


CANARY = "zebra quartz canary " * 3


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("fault", ["no column", "empty", "not UTF-8"])
def test_an_unusable_table_gives_one_message_without_its_text(tables, tmp_path, monkeypatch, capsys, suffix, fault):
    path = tmp_path / f"t.{suffix}"
    column, data = ("text", CANARY.encode() + b"\xff") if fault == "not UTF-8" else ("note", CANARY.encode())
    if fault == "empty":
        path.write_bytes(b"")
    elif suffix == "jsonl":
        path.write_bytes(b'{"%s": "%s"}\n' % (column.encode(), data))
    elif suffix == "csv":
        path.write_bytes(column.encode() + b"\n" + data + b"\n")
    else:
        ends = pa.array([0, len(data)], pa.int32()).buffers()[1]
        text = pa.Array.from_buffers(pa.string(), 1, [None, ends, pa.py_buffer(data)])
        pq.write_table(pa.table({column: text}), path)
    assert called(monkeypatch, *arguments(tables, synthetic=path)) == 3
    captured = capsys.readouterr()
    assert captured.err.startswith("audits: the synthetic table")
    assert captured.err.count("audits:") == 1
    assert "canary" not in captured.err + captured.out


def test_an_unwritable_folder_is_reported_before_any_audit(tables, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    assert called(monkeypatch, *arguments(tables), "--out", str(tmp_path / "file" / "out")) == 3
    assert "cannot be created" in capsys.readouterr().err


@pytest.mark.parametrize("name", [*names(), "A", "i", "shadow"])
def test_every_audit_is_explained(name):
    result = CliRunner().invoke(app, ["explain", name])
    assert result.exit_code == 0
    assert "attacker's story" in result.stdout


def test_explain_lists_the_audits_for_an_unknown_name(monkeypatch, capsys):
    assert called(monkeypatch, "explain", "nonsense") == 3
    assert "differencing" in capsys.readouterr().err


def test_verify_rejects_an_empty_folder(tmp_path, monkeypatch, capsys):
    assert called(monkeypatch, "verify", str(tmp_path), "--trust", str(tmp_path / "trust.json"), "--json") != 0
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_the_module_runs_without_the_engine(tables):
    """`python -m audits` in a process where importing the engine or torch is an error."""
    code = (
        "import sys, runpy\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'synthgen', 'torch', 'transformers', 'sentence_transformers'}:\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Block())\n"
        "sys.argv = ['audits', *sys.argv[1:]]\n"
        "runpy.run_module('audits', run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments(tables), "--only", "memorization", "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["overall"] == "pass"
    assert "\x1b" not in done.stderr


def test_importing_is_cheap():
    code = "import audits, audits.cli.main, sys; print([m for m in ('numpy', 'sklearn', 'rich') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout.replace("'", '"'))
    assert "sklearn" not in loaded
    assert "numpy" not in loaded


def test_without_a_trust_root_only_the_integrity_is_checked(tmp_path, monkeypatch, capsys):
    assert called(monkeypatch, "verify", str(tmp_path)) == 3
    assert "--only integrity" in capsys.readouterr().err
    assert called(monkeypatch, "verify", str(tmp_path), "--only", "integrity") == 10


CALIBRATED = """
name: calibrated
version: "1"
intended_use: inside
statement: For tests alone.
required: [memorization]
selftest: [memorization]
"""


def test_a_self_test_gates_only_for_its_own_persons(tables, fresh_inputs, tmp_path, monkeypatch, capsys):
    policy, file, out = tmp_path / "calibrated.yaml", tmp_path / "selftest.json", tmp_path / "out"
    policy.write_text(CALIBRATED)
    loaded = load_tables(*(tables / f"{name}.parquet" for name in ("synthetic", "train", "control")), None)
    cell = {"demand": "must_fail", "outcome": "right"}
    result = {"audits": ["memorization"], "cases": [{"case": "verbatim", "audits": {"memorization": cell}}]}
    found = digests(loaded)
    file.write_bytes(bound_selftest(result, found, salt="1" * 64, tool=tool_name()).to_bytes())
    words = [*arguments(tables), "--only", "memorization", "--policy", str(policy)]
    assert called(monkeypatch, *words) == 4
    assert "selftest-memorization: INSUFFICIENT" in capsys.readouterr().err
    assert called(monkeypatch, *words, "--selftest", str(file), "--out", str(out)) == 0
    assert "gates: 2 of 2 passed" in capsys.readouterr().err
    assert {path.name for path in out.iterdir()} == {"audit.json", "audit.public.json"}
    public = json.loads((out / "audit.public.json").read_text())
    assert "train" not in public["inputs"]
    assert str(len(set(fresh_inputs.train.groups))) not in json.dumps(public["results"])
    others = arguments(tables, train=tables / "control.parquet", control=tables / "train.parquet")
    assert (
        called(monkeypatch, *others, "--only", "memorization", "--policy", str(policy), "--selftest", str(file)) == 3
    )
    assert "of other persons" in capsys.readouterr().err


def test_vectors_of_another_encoder_are_read(tables, tmp_path, monkeypatch, capsys):
    for name in ("synthetic", "train", "control"):
        np.save(tmp_path / f"{name}.npy", np.ones((pq.read_metadata(tables / f"{name}.parquet").num_rows, 6)))
    words = [*arguments(tables), "--only", "memorization"]
    assert called(monkeypatch, *words, "--vectors", f"mine={tmp_path}") == 0
    assert called(monkeypatch, *words, "--vectors", f"mine={tmp_path / 'none'}") == 3
    assert "the vectors do not fit the tables" in capsys.readouterr().err


def test_a_table_is_written_anew_without_what_nobody_audits(tables, tmp_path, monkeypatch, capsys):
    table = pq.read_table(tables / "synthetic.parquet")
    wild, clean = tmp_path / "wild.parquet", tmp_path / "clean.jsonl"
    pq.write_table(table.append_column("source", [["somebody"] * len(table)]), wild)
    words = ["--only", "memorization"]
    assert called(monkeypatch, *arguments(tables, synthetic=wild), *words) == 3
    assert "audits rewrite" in capsys.readouterr().err
    assert called(monkeypatch, "rewrite", str(wild), str(clean)) == 0
    assert called(monkeypatch, *arguments(tables, synthetic=clean), *words) == 0
    assert b"somebody" not in clean.read_bytes()

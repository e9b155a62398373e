import base64
import codecs
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

from audits.core.findings import pseudonym
from audits.core.inputs import digests, load_tables
from audits.core.report import read_report, tool_name
from audits.gate.evidence import records_digest
from audits.gate.utility import SCHEMA
from audits.selftest.bound import bound_selftest

GREEK = str.maketrans("abcdefghijklmnoprstuvwxyz", "αβχδεφγηιξκλμνοπρστυυωχψζ")
CANARY = "zebra quartz canary " * 3
CALIBRATED = 'name: calibrated\nversion: "1"\nintended_use: inside\nstatement: For tests alone.\n'


def written(folder, **tables):
    """Write tables to a folder and return it; the synthetic table has no persons."""
    for name, table in tables.items():
        persons = {} if name == "synthetic" else {"group": table.groups}
        pq.write_table(pa.table({"text": table.texts, **persons}), folder / f"{name}.parquet")
    return folder


@pytest.fixture(scope="module")
def tables(tmp_path_factory, fresh_inputs):
    named = {name: getattr(fresh_inputs, name) for name in ("synthetic", "train", "control")}
    return written(tmp_path_factory.mktemp("tables"), **named)


@pytest.fixture(scope="module")
def few(tmp_path_factory, people):
    """Return a folder of small tables, which are read within a second; they have too few persons for a pass."""
    seeded = {
        name: people(60, seed=seed, prefix=name) for seed, name in enumerate(("synthetic", "train", "control"), 1)
    }
    return written(tmp_path_factory.mktemp("few"), **seeded)


def arguments(tables, **options):
    """Return the words of `audits run` on the tables; an option is named with underscores."""
    paths = {name: tables / f"{name}.parquet" for name in ("synthetic", "train", "control")} | options
    words = [part for name, value in paths.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    return ["run", *words]


def check_exit(found, code, *messages):
    """Check the exit code of a run and the messages that it printed."""
    printed = found[1] + found[2]
    assert found[0] == code
    assert all(message in printed for message in messages), printed
    assert "Traceback" not in printed


def with_rows(tables, folder, texts):
    """Write a synthetic table with further texts and return its path."""
    rows = pq.read_table(tables / "synthetic.parquet")["text"].to_pylist()
    pq.write_table(pa.table({"text": [*rows, *texts]}), folder / "s.parquet")
    return folder / "s.parquet"


def test_clean_release_passes(tables, tmp_path, call):
    words = arguments(tables, only="memorization,identifiers", out=tmp_path / "out")
    code, output, error = call(*words, "--json")
    assert (code, json.loads(output)["overall"]) == (0, "pass")
    assert "memorization: pass" in error
    (path,) = (tmp_path / "out").iterdir()
    assert (path.name, path.read_bytes()) == ("audit.json", output.rstrip("\n").encode())
    assert read_report(path.read_bytes()).overall == "pass"


@pytest.mark.parametrize(("claim", "scope"), [([], "record"), (["--rows-are-persons"], "person")])
def test_rows_are_persons_only_if_declared(tables, tmp_path, call, claim, scope):
    bare = {name: tmp_path / f"{name}.parquet" for name in ("train", "control")}
    for name, path in bare.items():
        rows = pq.read_table(tables / f"{name}.parquet").to_pylist()
        first = {row["group"]: row["text"] for row in reversed(rows)}
        pq.write_table(pa.table({"text": list(first.values())}), path)
    code, output, error = call(*arguments(tables, **bare, only="memorization"), "--json", *claim)
    assert ("  the tables do not identify persons" in error) == (not claim)
    assert (code, json.loads(output)["overall"]) == ((0, "pass") if claim else (4, "insufficient"))
    checked = json.loads(output)["input_checks"]
    assert (checked["claim_scope"], checked["metrics"]["problems"]["value"]) == (scope, 0 if claim else 1)
    if claim:
        with_persons = call(*arguments(tables, only="memorization"), *claim)
        check_exit(with_persons, 3, "--rows-are-persons contradicts the column 'group', which is read as person ids")


def test_the_gate_of_the_input_checks_names_the_problems(tables, tmp_path, call):
    bare, policy = tmp_path / "control.parquet", tmp_path / "checked.yaml"
    pq.write_table(pq.read_table(tables / "control.parquet").select(["text"]), bare)
    none = {"id": "checks", "metric": "input_checks.problems", "bound": "value", "op": "<=", "limit": 0, "why": "w"}
    policy.write_text(f"{CALIBRATED}rules: [{json.dumps(none)}]\n")
    code, output, _ = call(*arguments(tables, control=bare, only="memorization", policy=policy))
    assert code == 4
    assert "checks: FAIL: 1 <= 0 does not hold: the tables do not identify persons" in " ".join(output.split())


def test_same_command_gives_same_bytes(few, call):
    words = [*arguments(few, only="memorization", seed=7), "--json"]
    assert call(*words)[1] == call(*words)[1]


def test_copies_fail_and_a_policy_refuses_if_a_required_audit_did_not_run(tables, fresh_inputs, tmp_path, call):
    found = call(*arguments(tables, only="memorization", policy="hospital-external"))
    check_exit(found, 4, "release under the policy: refused", "the audit linkage does not run")
    copies = with_rows(tables, tmp_path, fresh_inputs.train.texts[:40])
    check_exit(call(*arguments(tables, synthetic=copies, only="memorization")), 4, "overall: fail")


@pytest.mark.slow
def test_findings_identify_the_person_with_the_key(tables, fresh_inputs, tmp_path, call):
    synthetic = with_rows(tables, tmp_path, [fresh_inputs.train.texts[9]])
    path, key = tmp_path / "findings.jsonl", tmp_path / "key"
    words = arguments(tables, synthetic=synthetic, only="memorization,identifiers", findings=path, findings_key=key)
    code, output, error = call(*words, "--json")
    assert code == 4
    found = [json.loads(line) for line in path.read_text().splitlines()]
    assert f"findings: {len(found)} written to {path}; row numbers count from 1" in error
    person = pseudonym(key.read_bytes(), fresh_inputs.train.groups[9])
    assert {(f["row"], f["person"]) for f in found} == {(len(fresh_inputs.synthetic) + 1, person)}
    assert {f["audit"]: f["kind"] for f in found}.keys() == {"memorization", "identifiers"}
    assert {stat.S_IMODE(p.stat().st_mode) for p in (path, key)} == {0o600}
    assert person not in output + error


def test_recorded_identifiers_are_found(tables, fresh_inputs, tmp_path, call):
    # alone, the added words would be illegible
    text = f"{fresh_inputs.synthetic.texts[0]} as Wojciechowska-Featherstonehaugh said"
    synthetic = with_rows(tables, tmp_path, [text])
    of_train, of_control = tmp_path / "train.jsonl", tmp_path / "control.jsonl"
    lists = [["Wojciechowska-Featherstonehaugh"], *[[]] * (len(fresh_inputs.train) - 1)]
    of_train.write_text("".join(json.dumps(row) + "\n" for row in lists))
    of_control.write_text("[]\n" * len(fresh_inputs.control))
    words = [*arguments(tables, synthetic=synthetic, only="identifiers"), "--json"]
    code, output, _ = call(*words, "--identifiers", of_train, "--control-identifiers", of_control)
    (result,) = json.loads(output)["results"]
    assert (code, result["verdict"], result["details"]["known_identifiers_found"]) == (4, "fail", 1)
    assert call(*words, "--control-identifiers", of_control)[0] == 3
    check_exit(call(*words, "--identifiers", of_control), 3, "entries, but the table has")


@pytest.mark.parametrize("option", ["--findings", "--findings-key"])
def test_findings_and_key_are_required_together(tables, tmp_path, call, option):
    check_exit(call(*arguments(tables), option, tmp_path / "x"), 3, "together")
    assert list(tmp_path.iterdir()) == []


def test_outside_release_requires_counted_attempts_and_a_secret(tables, tmp_path, call):
    ledger = tmp_path / "ledger"
    external = [*arguments(tables, only="memorization"), "--policy", tmp_path / "outside.yaml"]
    (tmp_path / "outside.yaml").write_text(CALIBRATED.replace("inside", "outside") + "required: [memorization]\n")
    gates = ("attempts-counted", "secret-private")
    check_exit(call(*external), 4, *(f"{gate}: INSUFFICIENT" for gate in gates))
    allowed = call(*external, "--ledger", ledger, "--streams-are-secret")
    check_exit(allowed, 0, "attempt 1 on these control persons, recorded in ledger")
    assert not any(f"{gate}: " in allowed[2] for gate in gates)
    (ledger / "attempts.jsonl").write_text("{}\n")
    assert call(*external, "--ledger", ledger, "--streams-are-secret")[0] == 3
    shutil.rmtree(ledger)
    check_exit(call(*external, "--ledger", ledger, "--streams-are-secret"), 3, "earlier runs cannot be counted")


@pytest.mark.slow
def test_another_seed_audit_or_table_is_another_attempt_with_a_higher_confidence(few, tmp_path, call):
    given = {"only": "memorization", "ledger": tmp_path / "ledger"}
    changes = [{"seed": 1}, {"only": "memorization,identifiers"}, {"confidence": 0.96}]
    changes += [{"reference": few / "train.parquet"}, {"synthetic": with_rows(few, tmp_path, ["One more row."])}]
    runs, seen = [given, *(given | change for change in changes)], []
    for options, number in [*zip(runs, range(1, 7), strict=True), (runs[1], 2), (runs[0], 1)]:
        _, output, error = call(*arguments(few, **options), "--json")
        assert f"attempt {number} on these control persons" in error
        seen.append(json.loads(output)["results"][0]["estimate"]["confidence"])
    assert [seen[i] for i in (0, 1, -2, -1)] == pytest.approx([0.96, 0.992, 0.992, 0.96])


def test_without_a_seed_nobody_can_recompute_which_canaries_are_inserted(few, tmp_path, call):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        assert call("canaries", "--train", few / "train.parquet", "--n", 40, "--out", folder)[0] == 0
    assert pq.read_table(one / "insert.parquet") != pq.read_table(two / "insert.parquet")


def test_optional_inputs_are_read_from_files(few, tmp_path, call, module_at):
    synthetic, train = (few / f"{name}.parquet" for name in ("synthetic", "train"))
    n, n_train = (pq.read_metadata(path).num_rows for path in (synthetic, train))
    lineage, made, log, before = (tmp_path / name for name in ("lineage.jsonl", "canaries", "log.json", "b.parquet"))
    lineage.write_text("".join(json.dumps({"parents": [i % n_train], "weights": [1.0]}) + "\n" for i in range(n)))
    assert call("canaries", "--train", train, "--n", 120, "--seed", 0, "--out", made)[0] == 0
    assert sorted(path.name for path in made.iterdir()) == ["canaries.parquet", "insert.parquet", "suffixes.parquet"]
    logs = module_at("tests/unit/audits/attacks/accounting/mechanism_logs.py")
    log.write_text(json.dumps(logs.log(logs.sgd(np.random.default_rng(1)))))
    with_id = pq.read_table(synthetic).append_column("id", [[f"r-{i:08d}" for i in range(n)]])  # as in a bundle
    pq.write_table(with_id, before)
    audits = ("parent_recovery", "canaries", "accounting", "differencing")
    files = {"lineage": lineage, "canaries": made, "canary_build": synthetic, "mechanism": log}
    files |= {"previous": before, "previous_train": train}
    code, output, _ = call(*arguments(few, only=",".join(audits), **files), "--json")
    report = json.loads(output)
    results = {result["name"]: result for result in report["results"]}
    assert code == 4
    assert {name: result["status"] for name, result in results.items()} == dict.fromkeys(audits, "measured")
    assert results["parent_recovery"]["verdict"] == "fail"  # every row has a single parent
    assert results["differencing"]["verdict"] == "fail"  # every row is in the previous release
    assert {name.replace("_", " ") for name in files} <= set(report["inputs"])
    pairs = ("--canaries and --canary-build", "--previous and --previous-train")
    found = call(*arguments(few, canary_build=synthetic, previous=synthetic))
    check_exit(found, 3, *(f"{pair} must be given together" for pair in pairs))


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--text", "note"], 3, "no column 'note'"),
        (["--only", "nonsense"], 3, "there is no audit"),
        (["--only", ""], 3, "at least one audit"),
        (["--confidence", "2"], 3, "at least 0.95 and below 1"),
        (["--policy", "nonsense"], 3, "there is no shipped policy"),
        (["--nonsense"], 2, "No such option"),
    ],
)
def test_bad_input_gives_one_message_and_exit_code(tables, call, words, code, message):
    check_exit(call(*arguments(tables), *words), code, message)


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("fault", ["no column", "empty", "not UTF-8"])
def test_unusable_table_gives_one_message_without_its_text(tables, tmp_path, call, suffix, fault):
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
    code, output, error = call(*arguments(tables, synthetic=path))
    assert code == 3
    assert error.startswith("audits: the synthetic table")
    assert error.count("audits:") == 1
    assert "canary" not in error + output


def test_unwritable_folder_is_reported_before_any_audit(tables, tmp_path, call):
    (tmp_path / "file").write_text("")
    check_exit(call(*arguments(tables, out=tmp_path / "file" / "out")), 3, "cannot be created")


def test_the_module_runs_without_the_engine(few):
    """`python -m audits` in a process where importing the engine or torch is an error."""
    code = (
        "import sys, runpy\n"
        "class Block:\n    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'synthgen', 'torch', 'transformers', 'sentence_transformers'}:\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Block())\nsys.argv = ['audits', *sys.argv[1:]]\n"
        "runpy.run_module('audits', run_name='__main__')\n"
    )
    words = [sys.executable, "-c", code, *arguments(few, only="memorization"), "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == 4, done.stderr
    (result,) = json.loads(done.stdout)["results"]
    assert (result["verdict"], result["status"]) == ("insufficient", "measured")
    assert "\x1b" not in done.stderr


@pytest.mark.slow
def test_self_test_is_evidence_only_for_its_own_persons(tables, fresh_inputs, tmp_path, call):
    policy, file, out = tmp_path / "calibrated.yaml", tmp_path / "selftest.json", tmp_path / "out"
    policy.write_text(CALIBRATED + "required: [memorization]\nselftest: [memorization]\n")
    loaded = load_tables(*(tables / f"{name}.parquet" for name in ("synthetic", "train", "control")), None)
    cell = {"demand": "must_fail", "outcome": "right"}
    result = {"audits": ["memorization"], "cases": [{"case": "verbatim", "audits": {"memorization": cell}}]}
    file.write_bytes(bound_selftest(result, digests(loaded), salt="1" * 64, tool=tool_name()).to_bytes())
    given = {"only": "memorization", "policy": policy}
    check_exit(call(*arguments(tables, **given)), 4, "selftest-memorization: INSUFFICIENT")
    check_exit(call(*arguments(tables, **given, selftest=file, out=out)), 0, "gates: 2 of 2 passed")
    assert {path.name for path in out.iterdir()} == {"audit.json", "audit.public.json"}
    public = json.loads((out / "audit.public.json").read_text())
    assert "train" not in public["inputs"]
    assert str(len(set(fresh_inputs.train.groups))) not in json.dumps(public["results"])
    swapped = {"train": tables / "control.parquet", "control": tables / "train.parquet"}
    check_exit(call(*arguments(tables, **swapped, **given, selftest=file)), 3, "the self-test was run on another")


def test_public_report_has_no_exact_number_of_copies(tables, fresh_inputs, tmp_path, call):
    policy, out = tmp_path / "p.yaml", tmp_path / "out"
    hits = "{id: hits, metric: memorization.hard_hits, bound: value, op: '<=', limit: 0, why: No copies.}"
    policy.write_text(f"{CALIBRATED}rules: [{hits}]\n")
    synthetic = with_rows(tables, tmp_path, fresh_inputs.train.texts[:33])
    check_exit(call(*arguments(tables, synthetic=synthetic, only="memorization", policy=policy, out=out)), 4, "hits")
    private, public = (json.loads((out / f"audit{kind}.json").read_text()) for kind in ("", ".public"))
    found, shown = (report["results"][0]["metrics"]["memorization.hard_hits"] for report in (private, public))
    assert 20 < found["value"] < 49
    assert [shown[end] for end in ("low", "value", "high")] == [49, 49, 49]


def test_vectors_of_another_encoder_are_read(few, tmp_path, call):
    for name in ("synthetic", "train", "control"):
        np.save(tmp_path / f"{name}.npy", np.ones((pq.read_metadata(few / f"{name}.parquet").num_rows, 6)))
    found = call(*arguments(few, only="memorization", vectors=f"mine={tmp_path}"))
    check_exit(found, 4, "memorization: insufficient")
    found = call(*arguments(few, only="memorization", vectors=f"mine={tmp_path / 'none'}"))
    check_exit(found, 3, "the vectors do not fit the tables")


def test_rewrite_removes_unaudited_columns(few, tmp_path, call):
    table = pq.read_table(few / "synthetic.parquet")
    wild, clean = tmp_path / "wild.parquet", tmp_path / "clean.jsonl"
    pq.write_table(table.append_column("source", [["somebody"] * len(table)]), wild)
    check_exit(call(*arguments(few, synthetic=wild, only="memorization")), 3, "audits rewrite")
    code, output, _ = call("rewrite", wild, clean, "--json")
    assert (code, json.loads(output)["file"]) == (0, str(clean))
    check_exit(call(*arguments(few, synthetic=clean, only="memorization")), 4, "memorization: insufficient")
    assert b"somebody" not in clean.read_bytes()


@pytest.mark.slow
def test_rewrite_removes_text_hidden_in_white_space(tables, fresh_inputs, tmp_path, call):
    """Each of twenty rows ends in a train record, whose bits are written as blanks and tabs."""
    wild, clean = tmp_path / "wild.parquet", tmp_path / "clean.parquet"
    texts = list(fresh_inputs.synthetic.texts)
    bits = ["".join(" \t"[b >> k & 1] for b in t.encode() for k in range(8)) for t in fresh_inputs.train.texts[:20]]
    hidden = [f"{t} {b}." for t, b in zip(texts, bits, strict=False)]
    pq.write_table(pa.table({"text": [*hidden, *texts[20:]]}), wild)
    found = call(*arguments(tables, synthetic=wild, only="memorization"))
    check_exit(found, 4, "overall: insufficient", "no audit reads these characters: remove them with `audits rewrite")
    assert call("rewrite", wild, clean)[0] == 0
    assert pq.read_table(clean)["text"].to_pylist() == [*(f"{text} ." for text in texts[:20]), *texts[20:]]
    assert call(*arguments(tables, synthetic=clean, only="memorization"))[0] == 0


@pytest.mark.slow
def test_quarantined_rows_are_listed_and_the_table_passes_without_them(tables, fresh_inputs, tmp_path, call):
    """The audits cannot read the four encoded rows; three of them are copies of a train record."""
    hidden = fresh_inputs.train.texts[9]
    encoded = [codecs.encode(hidden, "rot13"), base64.b64encode(b"private " * 40).decode()]
    encoded += [hidden[::-1], hidden.lower().translate(GREEK)]
    synthetic, out, clean = with_rows(tables, tmp_path, encoded), tmp_path / "out", tmp_path / "clean.parquet"
    odd = [len(fresh_inputs.synthetic) + 1 + i for i in range(len(encoded))]
    policy = tmp_path / "plain.yaml"
    policy.write_text(CALIBRATED + "required: [memorization]\n")
    found = call(*arguments(tables, synthetic=synthetic, only="memorization", out=out, policy=policy), "--json")
    judged = f"rows {', '.join(map(str, odd))} of {synthetic} ({len(odd)} rows; row numbers count from 1; all of them"
    check_exit(found, 4, "memorization: pass", judged, "--without")
    assert "no-quarantined-row: FAIL" in found[2]
    report = json.loads(found[1])
    assert (report["overall"], report["quarantined"]) == ("insufficient", {"language": odd})
    quarantine = out / "quarantine.txt"
    assert quarantine.read_text() == "".join(f"{line}\n" for line in (report["inputs"]["synthetic"], *odd))
    found = call("rewrite", tables / "train.parquet", clean, "--without", quarantine)
    check_exit(found, 3, "belong to another table")
    assert call("rewrite", synthetic, clean, "--without", quarantine)[0] == 0
    assert pq.read_table(clean)["text"].to_pylist() == list(fresh_inputs.synthetic.texts)
    check_exit(call(*arguments(tables, synthetic=clean, only="memorization", policy=policy)), 0)
    many = with_rows(tables, tmp_path, [codecs.encode(t, "rot13") for t in fresh_inputs.train.texts[:9]])
    found = call(*arguments(tables, synthetic=many, only="memorization", out=out), "--json")
    check_exit(found, 4, "9 synthetic rows are illegible")
    assert json.loads(found[1])["quarantined"] == {}
    assert not quarantine.exists()


@pytest.mark.slow
def test_utility_is_evidence_only_for_its_own_tables(tables, tmp_path, call):
    loaded = load_tables(*(tables / f"{name}.parquet" for name in ("synthetic", "train", "control")), None)
    number = {"value": 0.9, "low": 0.85, "high": 0.95, "confidence": 0.975, "n": 300}
    empty = dict.fromkeys(("records", "test_persons", "classifiers", "ratios", "style", "not_measured"))
    made = {"schema_name": SCHEMA, "confidence": 0.95, "metrics": {"utility.tstr_over_trtr": number}, **empty}
    roles = {"synthetic": loaded.synthetic, "train": loaded.train, "test": loaded.control}
    made |= {role: records_digest(table.texts, table.labels) for role, table in roles.items()}
    file, policy = tmp_path / "evaluation.json", tmp_path / "useful.yaml"
    rule = {"id": "useful", "metric": "utility.tstr_over_trtr", "bound": "low", "op": ">=", "limit": 0.8, "why": "w"}
    policy.write_text(CALIBRATED + f"required: [memorization]\nrules: [{json.dumps(rule)}]\n")
    words = [*arguments(tables, only="memorization", policy=policy)]
    check_exit(call(*words), 4, "refused. No audit was run", "useful: INSUFFICIENT: requires --utility")
    file.write_text(json.dumps(made))
    check_exit(call(*words, "--utility", file), 0, "gates: 2 of 2 passed")
    changes = [
        ({"metrics": {"memorization.hard_hits": number}}, "each name must begin with"),
        *(({role: "0" * 64}, f"its {role} table is not the") for role in roles),
        ({"more": 1}, "more: unknown key"),
        ({"metrics": {}}, "requires --utility"),
    ]
    for change, message in changes:
        file.write_text(json.dumps(made | change))
        check_exit(call(*words, "--utility", file), 4 if change == {"metrics": {}} else 3, message)

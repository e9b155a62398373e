"""`synthgen plan` lists the problems of a run that cannot end in a release."""

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fictional_clinic import write_notes
from typer.testing import CliRunner

from audits.core.errors import InputError, PolicyError
from audits.gate.shipped import load_policy
from audits.ledger.attempts import create_or_check_ledger
from audits.ledger.chain import HighWaterMark
from synthgen.cli.main import app
from synthgen.config import Config
from synthgen.core.errors import DataError, InternalError
from synthgen.decode.learnt import write_learnt
from synthgen.decode.style_adapter import BUILT_IN_STYLES
from synthgen.pipeline.institution import ledger_of
from synthgen.pipeline.pipeline import Pipeline
from synthgen.plan.foreseen import gate_problems, problems_of
from synthgen.plan.plan import make_plan
from synthgen.plan.reach import reach_of, selftest_warning
from synthgen.release.keys import new_key

LABELS = ("cardiology", "gastroenterology")
README = Path(__file__).parents[4] / "README.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("foreseen")
    write_notes(folder / "notes.jsonl", 60, seed=3)
    new_key(folder / "keys" / "key.pem", b"long enough", person="A Person", org="A Clinic", now=datetime.now(UTC))
    return folder


@pytest.fixture
def config(folder, tmp_path, monkeypatch):
    (folder / "keys" / "ledger-seen.json").unlink(missing_ok=True)  # each test has its own ledger
    monkeypatch.setenv("SYNTHGEN_KEY_PASSPHRASE", "long enough")
    columns = {"text": "note", "label": "specialty", "group": "patient_id"}
    fields = {
        "version": 1,
        "workspace": str(tmp_path / "ws"),
        "secret": "public",  # the same split in each run of the test
        "source": {"path": "notes.jsonl", "labels": list(LABELS), **columns},
        "interpolate": {"k_neighbors": 2, "total": 60},
        "policy": str(open_policy(tmp_path)),
        "ledger": str(tmp_path / "ledger"),
        "release": {"key": "keys/key.pem"},
    }
    return lambda **changes: Config.parse({**fields, **changes}, base=str(folder))


def open_policy(folder, *rules):
    """Write a policy that the few persons of these tests can meet, with further rules."""
    path = folder / f"open-{len(rules)}.yaml"
    always = "{id: records, metric: records.synthetic, bound: value, op: '>=', limit: 50, why: Enough.}"
    lines = ["name: open", 'version: "1"', "intended_use: inside", "statement: A test.", "confidence: 0.95"]
    path.write_text(
        "\n".join([*lines, "measured: [memorization]", "rules:", *(f"  - {r}" for r in (always, *rules))])
    )
    return path


def problems(config):
    return "\n".join(make_plan(config).problems)


@pytest.mark.models
def test_a_run_that_can_be_released_has_no_problem(config):
    plan = make_plan(config())
    assert plan.problems == ()
    assert plan.to_text().endswith("prevents a release; without a pilot, the quality of the texts is unknown")
    assert "measured only" in plan.audits["memorization"]


@pytest.mark.models
def test_the_split_of_the_plan_is_that_of_the_run(config):
    for seed in (1, 2):
        plan = make_plan(config(seed=seed))
        run = Pipeline(config(seed=seed)).run(until="split")
        groups = run.record.stage("split").groups
        assert plan.persons == {name: groups[name] for name in ("train", "control")}


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("metric: dp.epsilon, bound: value, op: '<=', limit: 3", "requires a DP budget"),
        ("metric: membership.auc, bound: high, op: '<=', limit: 0.6, min_n: 900", "and 900 are needed"),
        ("metric: memorization.hard_hits, bound: value, op: '<=', limit: 0", "are needed for a verdict"),
        ("metric: identifiers.tau, bound: value, op: '<=', limit: 0.01", "and 299 are needed"),
        ("metric: identifiers.tau, bound: value, op: '<=', limit: 0.002", "and 2995 are needed"),
        ("metric: identifiers.tau, bound: value, op: '<=', limit: 0.0009", "no audit proves a share below 0.001"),
        ("metric: secret.private, bound: value, op: '>=', limit: 1", "secret: public; remove that line"),
        ("metric: deidentify.recall, bound: low, op: '>=', limit: 0.9", "requires deidentify.sample"),
        ("metric: canaries.auc, bound: high, op: '<=', limit: 0.6", "a run does not measure this metric"),
        ("metric: membership.mirror_auc, bound: high, op: '<=', limit: 0.6", "a run does not measure this metric"),
    ],
)
@pytest.mark.models
def test_a_rule_that_no_result_can_meet_is_named_with_the_reason(config, tmp_path, rule, reason):
    policy = open_policy(tmp_path, f"{{id: own, {rule}, why: A test.}}")
    audits = "measured: [memorization, identifiers, membership]"
    policy.write_text(policy.read_text().replace("measured: [memorization]", audits))
    (problem,) = make_plan(config(policy=str(policy), secret="public")).problems
    assert problem.startswith("rule own (")
    assert reason in problem


@pytest.mark.models
def test_all_problems_are_listed_together(config, folder):
    found = problems(
        config(
            policy="hospital-external",
            secret="public",
            release={"key": "none.pem", "out": "notes.jsonl/out"},
            decode={"model": "meta/none"},
        )
    )
    for part in (
        "meta/none",
        "release.key: there is no file",
        "release.out",
        "audit membership",
        "rule secret-private",
    ):
        assert part in found
    assert str(folder / "none.pem") in found


@pytest.mark.models
def test_one_class_cannot_meet_a_rule_on_utility(config, tmp_path):
    rule = "{id: useful, metric: utility.tstr_over_trtr, bound: value, op: '>=', limit: 0.5, why: A test.}"
    source = {"path": "notes.jsonl", "text": "note", "label": "specialty", "group": "patient_id"}
    found = problems(config(source={**source, "labels": LABELS[:1]}, policy=str(open_policy(tmp_path, rule))))
    assert "rule useful: all records have the same class" in found
    assert "set source.label" in found


@pytest.mark.models
def test_texts_in_another_language_and_repeated_records_are_found(config, folder):
    rows = [json.loads(line) for line in (folder / "notes.jsonl").read_text().splitlines()]
    columns = {
        "text": "note",
        "label": "specialty",
        "group": "patient_id",
        "labels": ["cardiology", "gastroenterology"],
    }
    for name, text in (
        ("zh", "患者胸痛三天，无特殊病史。"),
        ("es", "El paciente refiere dolor en el pecho desde hace días"),
    ):
        lines = [json.dumps({**row, "note": f"{text} {i}"}) for i, row in enumerate(rows)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
        assert "the texts are not English" in problems(config(source={"path": f"{name}.jsonl", **columns}))
    same = [json.dumps({**row, "note": rows[i % 9 if i % 3 == 0 else i]["note"]}) for i, row in enumerate(rows)]
    (folder / "same.jsonl").write_text("\n".join(same))
    limit = "{id: checks, metric: input_checks.problems, bound: value, op: '<=', limit: 0, why: A test.}"
    policy = str(open_policy(folder, limit))
    source = {"path": "same.jsonl", **columns}
    assert "or set source.dedupe: all" in problems(config(source=source, policy=policy))
    assert "near" not in problems(config(source={**source, "dedupe": "all"}, policy=policy))


@pytest.mark.models
def test_the_command_prints_the_plan_and_exits_with_3(config, folder, tmp_path):
    unmet = "{id: own, metric: secret.private, bound: value, op: '>=', limit: 1, why: A test.}"
    given = config(policy=str(open_policy(tmp_path, unmet)))
    path = folder / "own.yaml"
    path.write_text(json.dumps(given.model_dump(mode="json", exclude={"base", "file"})))
    done = CliRunner().invoke(app, ["plan", str(path)])
    assert done.exit_code == 3
    assert "no release is possible, for 1 reason" in done.stdout
    done = CliRunner().invoke(app, ["plan", str(path), "--json"])
    assert (done.exit_code, len(json.loads(done.stdout)["problems"])) == (3, 1)


@pytest.mark.models
def test_a_ledger_or_key_that_is_read_only_at_the_end_stops_plan_and_run_at_the_start(config, folder, monkeypatch):
    given = config()
    ledger, mark = ledger_of(given)
    create_or_check_ledger(ledger, mark)
    assert make_plan(given).problems == ()
    shutil.rmtree(ledger)
    create_or_check_ledger(ledger, HighWaterMark(folder / "other.json"))  # the mark beside the key is not updated
    assert "is not the ledger that was used before" in problems(given)
    with pytest.raises(InputError, match="is not the ledger that was used before"):
        Pipeline(given).run()
    mark.path.unlink()
    monkeypatch.setenv("SYNTHGEN_KEY_PASSPHRASE", "another one")
    assert "cannot be opened" in problems(given)
    monkeypatch.delenv("SYNTHGEN_KEY_PASSPHRASE")
    assert "there is no passphrase" in problems(given)
    past = datetime.now(UTC) - timedelta(days=900)
    monkeypatch.setenv("SYNTHGEN_KEY_PASSPHRASE", "long enough")
    new_key(folder / "keys" / "old.pem", b"long enough", person="A Person", org="A Clinic", now=past)
    assert "is valid from 20" in problems(config(release={"key": "keys/old.pem"}))


def test_a_style_that_was_trained_on_the_records_is_foreseen(config, folder):
    """A style folder whose list of training sentences contains those of the source."""
    texts = [json.loads(line)["note"] for line in (folder / "notes.jsonl").read_text().splitlines()]
    style = shutil.copytree(BUILT_IN_STYLES / "letter", folder / "styles" / "own", dirs_exist_ok=True)
    write_learnt(texts, style)
    assert "trained on" in problems(config(decode={"style": "styles/own"}))
    assert "trained on" not in problems(config(decode={"style": "letter"}))


def test_a_method_that_parent_recovery_certainly_fails_is_a_problem_of_a_policy_that_requires_it(config):
    persons, policy = {"train": 5000, "control": 5000}, load_policy("hospital-external")
    reach = reach_of(policy, 5000, 5000, 4000, 0.95)

    def found(policy, **interpolate):
        given = config(secret="workspace", interpolate={"total": 4000, **interpolate})
        return [p for p in gate_problems(given, policy, reach, persons, 4000) if "parent_recovery" in p]

    for method in ("smote", "borderline-smote", "adasyn", "slerp", "random-oversample", "mixture"):
        (problem,) = found(policy, method=method)
        assert problem.startswith(f"audit parent_recovery: {method} makes about ")
        assert "set interpolate.method: dp-gaussian and dp.epsilon" in problem
    assert found(policy, method="vae") == []
    assert found(load_policy("research"), method="smote") == []


@pytest.mark.parametrize("name", ["research", "hospital-external"])
def test_the_readme_states_the_smallest_numbers_of_persons_of_each_policy(config, name):
    row = re.search(rf"policy `{name}` \| at least ([\d,]+) in train and ([\d,]+) in control", README.read_text())
    train, control = (int(number.replace(",", "")) for number in row.groups())
    policy, given = load_policy(name), config(secret="workspace", interpolate={"method": "vae", "total": 4000})

    def too_few(train, control):
        reach, persons = reach_of(policy, train, control, 4000, 0.95), {"train": train, "control": control}
        return [problem for problem in gate_problems(given, policy, reach, persons, 4000) if "persons in" in problem]

    assert too_few(train, control) == []
    assert too_few(train - 1, control)
    assert too_few(train, control - 1)
    if policy.selftest:
        stated = re.search(r"with fewer than ([\d,]+) in control, the required \[self-test\]", README.read_text())[1]
        reliable = int(stated.replace(",", ""))
        assert selftest_warning(policy, {"train": train, "control": reliable}, "persons") is None
        warning = selftest_warning(policy, {"train": train, "control": reliable - 1}, "persons")
        assert f"and {reliable} in control" in warning
    else:
        assert selftest_warning(policy, {"train": train, "control": control}, "persons") is None


@pytest.mark.models
def test_plan_warns_of_parent_recovery_only_if_its_failure_is_not_certain(config):
    certain, possible = (
        make_plan(config(policy="hospital-external", interpolate={"k_neighbors": 2, "total": 60, **method}))
        for method in ({"method": "smote"}, {"method": "mixture", "alpha": 100})
    )
    assert any(problem.startswith("audit parent_recovery: smote") for problem in certain.problems)
    assert not any("parent_recovery" in warning for warning in certain.warnings)
    assert any("parent_recovery" in warning for warning in possible.warnings)


@pytest.mark.models
def test_problems_of_configuration_classes_and_models_are_listed_in_one_plan(config, tmp_path):
    open_policy(tmp_path)
    found = make_plan(
        config(
            policy="strict-dp",
            interpolate={"k_neighbors": 200, "total": 60},
            decode={"model": "meta/none", "style": "auto"},
            deidentify={"sample": "absent.txt"},
            filter={"attributes": {"astrology": [{"sex": "male"}]}},
            release={"key": "none.pem"},
        )
    ).problems
    for part in (
        "decode.style: policy 'strict-dp' requires differential privacy",
        "dp: policy 'strict-dp' requires differential privacy",
        "absent.txt",
        "no records can be made for",
        "rules for unknown labels",
        "meta/none",
        "release.key: there is no file",
    ):
        assert sum(part in problem for problem in found) == 1, part


@pytest.mark.parametrize("changes", [{"source": {"path": "absent.jsonl"}}, {"policy": "absent.yaml"}])
@pytest.mark.models
def test_a_source_or_policy_that_cannot_be_read_is_listed_with_the_other_problems(config, folder, changes):
    with pytest.raises(DataError, match="neither a plan nor a release is possible, for 3 reasons") as caught:
        make_plan(config(**changes, decode={"model": "meta/none"}, release={"key": "none.pem"}))
    for part in ("absent", "meta/none", f"release.key: there is no file {folder / 'none.pem'}"):
        assert sum(part in problem for problem in caught.value.problems) == 1, part
    with pytest.raises((DataError, PolicyError), match="absent") as caught:
        make_plan(config(**changes))
    assert "reasons" not in str(caught.value)


@pytest.mark.models
def test_policy_and_source_problems_are_listed_together(config):
    with pytest.raises(DataError) as caught:
        make_plan(config(source={"path": "absent.jsonl"}, policy="absent.yaml"))
    assert len(caught.value.problems) == 2


@pytest.mark.models
def test_a_problem_that_two_checks_find_is_listed_once(config):
    found = make_plan(config(decode={"style": "clinical_note"})).problems
    assert sum("clinical_note" in problem for problem in found) == 1
    assert len(found) == len(set(found))


@pytest.mark.models
def test_a_missing_public_key_is_named(config, folder):
    (found,) = make_plan(config(release={"key": "hsm:2?label=x", "public": "absent.pub.json"})).problems
    assert found.startswith(f"release.public: there is no file {folder / 'absent.pub.json'}")
    assert make_plan(config(release={"key": "hsm:2?label=x", "public": "keys/key.pub.json"})).problems == ()


@pytest.mark.models
def test_a_file_in_place_of_the_ledger_and_a_folder_in_place_of_the_key_are_found(config, tmp_path):
    (tmp_path / "file").write_text("x")
    for ledger in ("file", "file/ledger"):
        (found,) = make_plan(config(ledger=str(tmp_path / ledger))).problems
        assert found.startswith(f"ledger: {tmp_path / ledger} is not writable")
    (found,) = make_plan(config(release={"key": "keys"})).problems
    assert "keys is a folder; name the file of the private key" in found


@pytest.mark.models
def test_models_of_another_kind_are_found(config):
    (found,) = make_plan(config(embed={"model": "smollm2"})).problems
    assert "embed.model: 'smollm2' is a language model; an encoder is needed" in found
    (found,) = make_plan(config(decode={"model": "./absent"})).problems
    assert found.startswith("model './absent' is neither in the store")


@pytest.mark.models
def test_equal_texts_leave_no_control_record(config, folder, tmp_path):
    lines = [json.loads(line) for line in (folder / "notes.jsonl").read_text().splitlines()]
    (tmp_path / "n.jsonl").write_text("".join(json.dumps(r | {"note": lines[0]["note"]}) + "\n" for r in lines))
    source = {"path": str(tmp_path / "n.jsonl"), "text": "note", "label": "specialty", "group": "patient_id"}
    assert "control records nearly repeat a train record and were removed" in problems(config(source=source))


def test_an_error_of_the_program_is_no_problem():
    def fail():
        raise InternalError("a bug")

    with pytest.raises(InternalError):
        list(problems_of(fail))

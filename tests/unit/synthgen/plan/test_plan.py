import json

import pytest
from fictional_clinic import write_notes
from fictional_clinic.exports import write_exports

from audits.gate.shipped import load_policy
from audits.ledger.attempts import record_attempt
from synthgen.config import Config
from synthgen.core.errors import DataError
from synthgen.core.progress import silent
from synthgen.core.seeds import SeedTree
from synthgen.decode.style_adapter import built_in_styles
from synthgen.load import load
from synthgen.pipeline.institution import ledger_of
from synthgen.pipeline.job import Job
from synthgen.pipeline.judge import as_table
from synthgen.pipeline.workspace import Workspace
from synthgen.plan.plan import _effect_on_decision, _in_words, make_plan, read_parts
from synthgen.plan.reach import reach_of
from synthgen.split import split

LABELS = ("cardiology", "gastroenterology")


@pytest.fixture
def config(tmp_path):
    write_notes(tmp_path / "notes.jsonl", 60, seed=3)
    columns = {"text": "note", "label": "specialty", "group": "patient_id"}
    fields = {
        "version": 1,
        "secret": "public",
        "source": {"path": "notes.jsonl", "labels": list(LABELS), **columns},
        "interpolate": {"k_neighbors": 2, "total": 40},
        "decode": {"candidates": 3},
    }
    return lambda **changes: Config.parse({**fields, **changes}, base=str(tmp_path))


def test_the_plan_counts_records_candidates_and_persons(config, tmp_path):
    plan = make_plan(config())
    assert plan.wanted == dict.fromkeys(LABELS, 20)
    assert plan.candidates == 156  # 40 records, 3 candidates each, 1.3 latents for each record
    assert plan.rows == len((tmp_path / "notes.jsonl").read_text().splitlines())
    assert set(plan.train) == set(plan.control) == set(LABELS)
    assert plan.persons["train"] > 0
    rows = [json.loads(line) for line in (tmp_path / "notes.jsonl").read_text().splitlines()]
    own = {row["patient_id"] for row in rows if row["specialty"] == LABELS[0]}
    removed = plan.near_duplicates
    assert len(own) - removed <= plan.class_persons[LABELS[0]] <= len(own)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["notes.jsonl", "notes.key.jsonl", "ws"]
    assert not list((tmp_path / "ws").rglob("*.parquet"))
    low, median, high = plan.words
    assert f"words per record: {low} (10 % have fewer), {median} (median), {high} (10 % have more)" in plan.to_text()
    found = json.loads(json.dumps(plan.to_json()))
    assert (found["wanted"], found["epsilon"]) == (plan.wanted, None)
    assert "of the passages of ten words repeat an earlier record of the same person" in plan.to_text()
    report = json.loads((tmp_path / "ws" / "load-report.json").read_text())
    assert (report["kind"], report["load"]["in"], report["load"]["bad_rows"]) == ("table", plan.rows, {})


def test_persons_whose_notes_were_removed_from_control_do_not_count(config, tmp_path):
    before = make_plan(config()).persons
    same = {"note": "One and the same referral letter about all of the patients.", "specialty": LABELS[0]}
    with (tmp_path / "notes.jsonl").open("a") as file:
        file.writelines(json.dumps({**same, "patient_id": f"copied {i}"}) + "\n" for i in range(40))
    after = make_plan(config())
    assert after.near_duplicates > 0
    assert after.persons == {"train": before["train"] + 40 - after.near_duplicates, "control": before["control"]}


def test_the_plan_of_a_hospital_export_states_why_documents_are_not_used(config, tmp_path):
    write_exports(tmp_path / "exports", 60, 3, ("fhir",))
    planted = json.loads((tmp_path / "exports" / "key.json").read_text())["planted"]["fhir"]
    source = {"kind": "fhir", "path": "exports/fhir", "fields": {"label": "encounter.serviceType.text"}}
    lines = make_plan(config(source={**source, "labels": [*LABELS]})).to_text().splitlines()
    reasons = {
        "older": "older version of a document",
        "replaced": "replaced by another document",
        "withdrawn": "status entered-in-error",
        "preliminary": "status preliminary",
        "url": "attachment is only a URL; download attachments with the export tool first",
        "image": "content type is not text, HTML, RTF or PDF; convert the attachment first",
        "twice": "same text as another document of the person on the same day",
        "no-person": "no person",
    }
    expected = {f"  not used: {reason}: {planted[kind]}" for kind, reason in reasons.items() if kind in planted}
    assert len(expected) >= 6
    assert expected <= {*lines}
    others = [line for line in lines if line.startswith("  not used: ") and line not in expected]
    assert [line.rpartition(": ")[0] for line in others] == ["  not used: class is not in source.labels"]


def test_a_processor_without_bfloat16_takes_longer(config, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("synthgen.plan.plan.usable_cores", lambda: 2)
    quick = 156 * 96 / 500 / 60
    for able, device, minutes in ((True, "cpu", quick), (False, "cpu", 2 * quick), (False, "cuda", quick)):
        monkeypatch.setattr("synthgen.decode.loading.has_bfloat16", lambda able=able: able)
        assert decoding(
            make_plan(config(decode={"candidates": 3, "max_new_tokens": 96, "device": device}))
        ) == pytest.approx(minutes)
    monkeypatch.setattr("synthgen.plan.plan.usable_cores", lambda: 8)
    assert decoding(make_plan(config(decode={"candidates": 3, "max_new_tokens": 96}))) == pytest.approx(quick / 4 * 2)


def decoding(plan):
    return plan.minutes - plan.deidentify_minutes


def test_the_plan_states_what_the_classifier_of_names_costs(config, monkeypatch):
    monkeypatch.setattr("synthgen.plan.plan.engine_of", lambda engine: "rules+ner" if engine == "auto" else engine)
    auto, rules = make_plan(config()), make_plan(config(deidentify={"engine": "rules"}))
    assert auto.deidentify_minutes > 10 * rules.deidentify_minutes > 0
    assert decoding(auto) == pytest.approx(decoding(rules))
    large = make_plan(config(interpolate={"total": 4000}))
    assert f"{large.deidentify_minutes:.0f} to find identifiers (rules+ner)" in large.to_text()


def test_the_plan_names_audits_with_too_few_persons(config):
    plan = make_plan(config())
    text = plan.to_text()
    assert "policy research:" in text
    for name, needed in (("memorization", 321), ("identifiers", 321)):
        assert f"persons in each of train and control, {needed} needed for a pass: TOO FEW" in plan.audits[name]
        assert f"  {name}: {plan.audits[name]}" in text
    assert "TOO FEW" in plan.audits["membership"]
    policy = load_policy("research")
    reach = reach_of(policy, 900, 900, 500, 0.95)
    found = _in_words(reach, config(), policy, ["rule membership-certain (membership.tpr_at_fpr_5pct <= 0.25): few"])
    assert "TOO FEW" in found["membership"]
    found = _in_words(reach, config(), policy, [])
    assert "too few, but this policy does not require a pass" in found["membership"]
    assert "40 synthetic records" in plan.audits["neighbours"]
    assert "epsilon to be spent: none" in text
    assert "no pilot" not in text


def test_the_plan_states_the_smallest_detectable_leak_of_each_audit(config):
    plan = make_plan(config(policy="hospital-external"))
    names = {"memorization", "neighbours", "identifiers", "membership", "parent_recovery", "linkage"}
    assert set(plan.audits) == names
    assert all("smallest detectable leak: " in what for what in plan.audits.values())
    assert set(plan.power["membership"]) == {"n", "n_needed", "smallest_leak", "epsilon_ceiling"}


def test_an_audit_of_which_only_the_lineage_is_required_does_not_decide():
    research = load_policy("research")
    assert _effect_on_decision(research, "parent_recovery") == (
        "The audit is measured only, so its result does not affect the release; the rule parents-known requires only "
        "that the parents are known"
    )
    assert _effect_on_decision(research, "memorization") == (
        "The release depends on the rules memorization, copied-persons"
    )


def test_a_class_with_too_few_persons_is_a_problem(config):
    (said,) = [
        p
        for p in make_plan(config(interpolate={"k_neighbors": 200, "total": 40})).problems
        if "no records can be made" in p
    ]
    assert all(label in said for label in LABELS)
    assert "201" in said


def test_a_too_small_max_exposure_is_a_problem(config):
    def limited(exposure):
        return config(interpolate={"method": "slerp", "k_neighbors": 2, "total": 40, "max_exposure": exposure})

    def found(exposure):
        return [
            problem
            for problem in make_plan(limited(exposure)).problems
            if problem.startswith("interpolate.max_exposure")
        ]

    persons = len(of_class(limited(1000), LABELS[0]))
    (message,) = found(0.5)
    assert all(label in message for label in LABELS)
    assert (
        f"{persons} persons allow at most {persons // 2} vectors, but for 20 records the first round draws 28"
        in message
    )
    least = 28 / min(len(of_class(limited(1000), label)) for label in LABELS)
    assert found(least + 1e-9) == []
    assert len(found(least - 1e-9)) == 1


def train_of(config, seed):
    """Return the train records that the run with a seed would get."""
    seeds = SeedTree(seed)
    corpus = load(config.source, config.resolve("notes.jsonl"), seeds.child("load")).corpus
    return split(corpus, config.split, seeds.child("split")).train


def of_class(config, label):
    """Return the persons of the train records of a class."""
    return {record.group for record in train_of(config, config.seed).records if record.label == label}


def test_an_empty_train_split_raises_an_error(config, tmp_path):
    line = (tmp_path / "notes.jsonl").read_text().splitlines()[0]
    (tmp_path / "notes.jsonl").write_text(line + "\n")
    label = json.loads(line)["specialty"]
    one = {"source": config().source.model_dump(exclude={"labels"}) | {"labels": [label]}}
    seed = next(seed for seed in range(50) if len(train_of(config(**one), seed)) == 0)
    with pytest.raises(DataError, match="the split assigned no record to train"):
        make_plan(config(**one, seed=seed))


def test_attributes_of_an_unknown_class_are_a_problem(config):
    plan = make_plan(config(filter={"attributes": {"astrology": [{"sex": "male"}]}}))
    assert sum("rules for unknown labels" in problem for problem in plan.problems) == 1
    assert make_plan(config(filter={"attributes": {LABELS[0]: [{"sex": "male"}], "*": [{"age": "1-99"}]}})).rows > 0


def test_the_plan_warns_of_a_public_secret(config, tmp_path):
    (tmp_path / "ws").mkdir(mode=0o700)
    (tmp_path / "ws" / "secret.key").write_bytes(b"a" * 32)  # with other secrets, a class can be too small
    (tmp_path / "ws" / "secret.key").chmod(0o600)
    assert "WARNING with `secret: public`, anyone who guesses the seed" in make_plan(config()).to_text()
    assert "WARNING" not in make_plan(config(secret="workspace")).to_text()


@pytest.mark.parametrize(("able", "minutes"), [(True, 1.0), (False, 5.0)])
def test_choosing_the_style_takes_its_time(config, monkeypatch, able, minutes):
    monkeypatch.setattr("synthgen.decode.loading.has_bfloat16", lambda: able)
    chosen = make_plan(config(decode={"candidates": 3, "style": "auto"})).minutes
    read = 64 * (len(built_in_styles()) + 4)  # 64 texts times styles and mixtures, each in 1/12 s
    assert chosen - make_plan(config()).minutes == pytest.approx(minutes * read / 720)


def test_a_missing_gpu_is_one_problem(config, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    plan = make_plan(config(decode={"device": "cuda"}))
    assert sum("decode.device: torch finds no GPU" in problem for problem in plan.problems) == 1


def test_segments_are_counted_and_cost_time(config, tmp_path):
    decode = {"candidates": 3, "max_new_tokens": 96}
    whole = make_plan(config(decode=decode))
    assert whole.segments is None
    rows = [json.loads(line) for line in (tmp_path / "notes.jsonl").read_text().splitlines()]
    rows = [{**row, "note": f"SEEN\n{row['note']}\n\nPLAN\nRest."} for row in rows]
    (tmp_path / "notes.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    plan = make_plan(config(segments={"by": "headings", "words": 1000}, decode=decode))
    assert plan.segments == {"per_record": 2.0, "headings": ["PLAN", "SEEN"]}
    assert decoding(plan) == pytest.approx(2 * decoding(whole))
    assert "segments: 2.0 per record; headings: PLAN, SEEN" in plan.to_text()
    with pytest.raises(DataError, match="no heading"):
        make_plan(config(segments={"by": "headings", "least_persons": 1000}))


def job_of(config):
    return Job(config, Workspace(config.resolve(config.workspace)), silent)


def test_plan_counts_earlier_audits_of_the_control_persons(config):
    made = config()
    assert "attempt" not in " ".join(make_plan(made).warnings)
    control = read_parts(job_of(made))[2].control
    record_attempt(*ledger_of(made), digest="an earlier audit", control=as_table(control, {}))
    planned = make_plan(made)
    (warning,) = [text for text in planned.warnings if "attempt" in text]
    assert "audit attempt 2 on these control persons, so every interval needs the confidence 0.9920" in warning
    assert (
        planned.power["memorization"]["n_needed"]
        > make_plan(config(ledger="another")).power["memorization"]["n_needed"]
    )


def test_without_person_ids_the_plan_counts_records_and_never_says_persons(config, tmp_path):
    columns = {"path": "notes.jsonl", "text": "note", "label": "specialty", "labels": list(LABELS)}
    plan = make_plan(config(source=columns, secret="workspace"))
    text, control = plan.to_text(), read_parts(job_of(config(source=columns)))[2].control
    assert plan.unit == "records"
    assert f"records: {plan.persons['train']} train, {plan.persons['control']} control" in text
    assert "records in each of train and control" in text
    assert "person" not in text.partition("no release is possible")[0].replace("copied-persons", "")
    record_attempt(*ledger_of(config()), digest="an earlier audit", control=as_table(control, {}))
    again = make_plan(config(source=columns, policy="hospital-external"))
    (repeated,) = [warning for warning in again.warnings if "attempt 2" in warning]
    assert "persons" not in repeated
    assert any("; add records to the source, or raise split.train" in problem for problem in again.problems)
    assert not any("persons" in problem for problem in again.problems if problem.startswith("audit"))


def test_plan_writes_the_list_of_bad_rows(config, tmp_path):
    with (tmp_path / "notes.jsonl").open("a") as file:
        file.write("no json\n" * 9)
    with pytest.raises(DataError, match=r"rows cannot be used") as caught:
        make_plan(config())
    listed = tmp_path / "ws" / "bad-rows.json"
    assert str(listed) in str(caught.value)
    assert len(json.loads(listed.read_text())) == 9

import json
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from audits.gate.shipped import load_policy
from synthgen.cli.main import app
from synthgen.core.seeds import SeedTree
from synthgen.core.tables import read_candidates
from synthgen.core.types import Candidate, Corpus, Embedded, FilterOutcome, Record
from synthgen.decode.config import DecodeConfig
from synthgen.filter.stage import KEPT
from synthgen.pipeline import rounds
from synthgen.pipeline.pipeline import Pipeline
from synthgen.pipeline.prepare import Prepared
from synthgen.plan import pilot
from synthgen.plan.pilot import MIN_LATENTS_PER_CLASS, PILOT_LATENTS, TEXTS, accepted_rates, expected, pilot_counts
from synthgen.plan.plan import make_plan


def candidate(i, label="a", failed=(), score=0.5):
    """Return a judged candidate that failed the named filters; `score` is that of class agreement."""
    names = ("copy", "class_agreement", *failed)
    outcomes = tuple(
        FilterOutcome(name=n, passed=n not in failed, score=score, reason=n if n in failed else "") for n in names
    )
    return Candidate(latent_id=f"x{i}", index=0, text="t", label=label, finish="stop", outcomes=outcomes)


@pytest.mark.parametrize("extracted", [None, "extract"])
def test_a_pilot_lists_the_extraction_of_a_hospital_source(monkeypatch, extracted):
    def stage(name):
        return name and SimpleNamespace(name=name, folder=None, digest=name)

    fakes = {"load_source": "load", "split_source": "split", "replace_identifiers": "deidentify"}
    functions = {function: lambda *_, name=name: stage(name) for function, name in fakes.items()}
    functions |= {
        "extract_notes": lambda _: stage(extracted),
        "read_prepared": lambda *_: SimpleNamespace(train=None),
        "embed_train": lambda *_: (stage("embed"), None),
        "replaced_names": lambda *_: (),
    }
    monkeypatch.setattr(pilot, "prepare", SimpleNamespace(**functions))
    monkeypatch.setattr(pilot, "rounds", SimpleNamespace(fitted_on=lambda *_: None))
    monkeypatch.setattr(pilot, "sample_for_pilot", lambda *_: None)
    monkeypatch.setattr(pilot, "encoder_for", lambda *_: None)
    done = []
    pilot._prepare(None, done)
    assert [one.name for one in done] == [*filter(None, [extracted]), "load", "split", "deidentify", "embed"]


def test_the_pilot_has_a_few_latents_of_each_label_in_the_proportions_of_the_run():
    assert pilot_counts({"a": 30, "b": 30}) == {"a": 60, "b": 60}
    assert pilot_counts({"a": 990, "b": 10}) == {"a": 119, "b": MIN_LATENTS_PER_CLASS}
    assert sum(pilot_counts(dict.fromkeys("abcdef", 80)).values()) == PILOT_LATENTS


def test_the_rate_of_a_label_is_pulled_towards_that_of_all():
    judged = [candidate(i) for i in range(3)] + [candidate(9, "b", failed=("length",))]
    assert accepted_rates(judged) == pytest.approx({"a": (3 + 2 * 0.75) / 5, "b": (0 + 2 * 0.75) / 3})


@pytest.mark.parametrize("rate", [0.9, 0.6, 0.3, 0.12, 0.03])
def test_the_expected_rounds_are_those_of_a_run_with_that_acceptance(rate):
    """The slow reference draws whole runs round by round. With a low rate, chance decides when the rounds end."""
    wanted, rng = {"a": 400, "b": 100}, np.random.default_rng(3)
    rates = {"a": 0.8, "b": rate}
    records, requested = expected(wanted, rates)
    assert records["a"] == 400
    n_kept, n_requested = [], []
    for _ in range(200):
        now, before, number = rounds.first_requested(wanted), {}, 1
        kept = {y: int(rng.binomial(n, rates[y])) for y, n in now.items()}
        while (further := rounds.further_requested(wanted, before, kept, now, number)) is not None:
            before = kept
            kept = {y: kept[y] + int(rng.binomial(further[y] - now[y], rates[y])) for y in kept}
            now, number = further, number + 1
        n_kept.append(min(kept["b"], wanted["b"]))
        n_requested.append(now["b"])
    assert records["b"] == pytest.approx(np.mean(n_kept), rel=0.35, abs=3)
    assert requested["b"] == pytest.approx(np.mean(n_requested), rel=0.35)


def test_advice_names_the_frequent_reasons_and_the_minimum_that_keeps_most_real_records():
    judged = [candidate(i, score=0.9) for i in range(5)]
    judged += [candidate(5 + i, failed=("class_agreement",), score=0.3) for i in range(4)]
    judged += [candidate(10 + i, failed=("repetition",)) for i in range(2)] + [candidate(20, failed=("copy",))]
    bounds = {"class_agreement": {"minimum": 0.6, "share_of_real_kept": 0.36, "minimum_for_most_real": 0.25}}
    first, shares, second = pilot._advice(judged, bounds, 96)
    assert first.startswith(
        "class_agreement rejected 33% of the texts: the texts do not fit their class: lower filter.class_agreement"
    )
    assert shares == (
        "filter.class_agreement: 0.6 keeps 36% of the real records; 0.25 would keep 80% of the real records and 100% "
        "of the pilot's texts"
    )
    assert second.startswith(
        "repetition rejected 17% of the texts: the texts repeat their own words: raise decode.te"
    )
    at_auto = {"class_agreement": bounds["class_agreement"] | {"minimum": 0.25}}
    assert [*pilot._advice(judged, at_auto, 96)] == [first, second]


def test_advice_names_the_two_classes_that_rejected_texts_connect_most_often():
    near = np.eye(3, dtype=np.float32)
    train = Embedded(
        vectors=np.repeat(near, 8, axis=0),
        ids=tuple(f"r{i}" for i in range(24)),
        labels=("a",) * 8 + ("b",) * 8 + ("c",) * 8,
        groups=tuple(f"p{i}" for i in range(24)),
        encoder="tiny",
        normalized=True,
    )
    judged = [candidate(i, label="a", failed=("class_agreement",)) for i in range(4)]
    judged += [candidate(4 + i, label="b") for i in range(6)]
    vectors = near[[1, 1, 2, 0, *[1] * 6]]
    (line,) = pilot._most_confused(judged, vectors, train)
    assert (
        line
        == "class_agreement: 2 of the 4 texts that this filter rejected were written for a, but are more similar to b"
    )
    assert list(pilot._most_confused([*judged[:1], *[candidate(9)] * 19], vectors[:20], train)) == []


def test_plain_texts_of_the_built_in_bridge_are_advised_a_style():
    assert [pilot._is_plain(DecodeConfig(**given)) for given in ({}, {"style": "auto"}, {"bridge": "/b"})] == [
        True, False, False,
    ]  # fmt: skip


def test_advice_on_long_texts_gives_a_number_of_tokens():
    judged, bounds = [candidate(i, failed=("length_long",)) for i in range(3)], {"length": {"high": 40.0}}
    first, number = pilot._advice(judged, bounds, 96)
    assert first.startswith("length_long rejected 100% of the texts")
    assert number == "decode.max_new_tokens: `auto` cuts texts at about 48 tokens, the length of real texts"
    assert list(pilot._advice(judged, bounds, 48)) == [first]


def test_the_plan_says_if_one_candidate_for_each_vector_needs_far_savings():
    wanted, rates = {"a": 100}, {"a": 0.5}
    (line,) = pilot._savings(wanted, rates, 4, 528)
    assert f"with 1 text for each vector, about {sum(expected(wanted, rates)[1].values())} texts are enough" in line
    assert list(pilot._savings(wanted, rates, 1, 528)) == []
    assert list(pilot._savings(wanted, {"a": 0.05}, 2, 200)) == []


def test_no_accepted_text_and_too_few_of_a_class_are_reasons_against_a_release():
    policy, wanted = load_policy("research"), {"a": 50, "b": 50}
    assert list(pilot._problems(policy, wanted, wanted, 30)) == []
    assert "no text passed the filters" in next(pilot._problems(policy, wanted, {"a": 0, "b": 0}, 0))
    (few,) = pilot._problems(policy, wanted, {"a": 50, "b": 5}, 30)
    assert few.endswith("too few records of some classes are expected for rule balance (b: 5 of 50)")


def test_every_reason_of_a_filter_has_a_remedy():
    reasons = {"class_agreement", "length_short", "length_long", "repetition", "language", "copy", "near_duplicate"}
    reasons |= {
        "latent_distance_far",
        "class_distance_near",
        "class_distance_far",
        "attributes",
        "empty",
        "label_word",
        "fluency",
        "legibility",
    }
    assert set(pilot.REMEDIES) == reasons


def test_rules_on_utility_that_the_expected_ratios_do_not_meet_are_risks():
    policy, ratio = load_policy("research"), pilot.ExpectedRatio
    fine = {"tstr_over_trtr": ratio(0.9, 0.8), "worst_class_ratio": ratio(0.7, 0.5, "a")}
    people = [Record(id=f"r{i}", text="t", label="surgery", group=f"p{i % 7}") for i in range(9)]
    train = Corpus(role="train", records=tuple(people), has_groups=True)
    kept = [candidate(i, label="surgery") for i in range(10)]
    assert list(pilot._risks(policy, fine, 1, kept, train)) == []
    expected_ = {"tstr_over_trtr": ratio(0.84, 0.79), "worst_class_ratio": ratio(0.4, 0.3, "surgery")}
    first, second = pilot._risks(policy, expected_, 1, kept, train)
    assert first.startswith(
        "rule utility: tstr_over_trtr is expected to be 0.84 (lower end of its interval: 0.79), and the limit is "
        "0.8, so a refusal is possible; request more records"
    )
    assert second.startswith("rule worst-class: worst_class_ratio is expected to be 0.40")
    remedy = "add persons to this class, leave it out (source.min_class with `then: drop`), request more"
    assert f"a refusal is likely; the weakest class is surgery (7 persons in train): {remedy}" in second
    _, unsure = pilot._risks(policy, expected_, 1, kept[1:], train)
    few = "; the pilot accepted only 9 texts of this class, too few for a reliable estimate"
    assert f"a refusal is possible; the weakest class is surgery (7 persons in train{few}): {remedy}" in unsure
    assert list(pilot._risks(policy, {}, 1, kept, train)) == []


def test_classes_whose_candidates_rarely_pass_are_a_risk_for_the_balance():
    policy, wanted = load_policy("research"), {"a": 50, "b": 50}
    passing = [candidate(i) for i in range(20)] + [candidate(30 + i, "b") for i in range(20)]
    rare = [candidate(60 + i, "b", failed=("copy",)) for i in range(19)]
    assert list(pilot._rarely_accepted(policy, wanted, passing, 1)) == []
    (line,) = pilot._rarely_accepted(policy, wanted, [*passing[:21], *rare], 1)
    assert line.startswith("rule balance: few texts of some classes pass the filters (b: 1 of 20)")
    assert list(pilot._rarely_accepted(policy, wanted, [*passing[:21], *rare], 60)) == []


@pytest.fixture(scope="module")
def planned(new_project, tmp_path_factory):
    """The plan, with a pilot, of a project with tiny models; and the project."""
    import shutil

    folder = shutil.copytree(new_project.folder, tmp_path_factory.mktemp("pilot") / "trial")
    project = type(new_project)(folder)
    return make_plan(project.config(), pilot=True), project


def test_a_plan_with_a_pilot_predicts_the_run_and_keeps_its_texts_private(planned):
    plan, project = planned
    found = plan.pilot
    assert plan.problems == ()
    assert sum(found.written.values()) == PILOT_LATENTS
    assert found.low < found.share <= found.high
    assert found.minutes == plan.minutes > found.minutes_done > 0
    assert found.records == plan.wanted
    assert found.minutes == pytest.approx(sum(stage.done + stage.rest for stage in found.stages) / 60)
    names = [stage.name for stage in found.stages]
    assert names[:4] == ["load", "split", "deidentify", "embed"]
    assert names[-4:] == ["decode", "re-embed", "filter", "audit"]
    assert all(stage.to_text() in plan.to_text() for stage in found.stages)
    path = project.folder / "ws" / TEXTS
    assert path.stat().st_mode & 0o077 == 0
    texts = json.loads(path.read_text())
    assert [set(text) for text in texts] == [{"label", "outcome", "text"}] * PILOT_LATENTS
    assert sum(text["outcome"] == "accepted" for text in texts) == sum(found.accepted.values())
    assert json.loads(json.dumps(plan.to_json()))["pilot"]["share"] == found.share
    shown = plan.to_text()
    assert f"pilot of {PILOT_LATENTS} texts: {found.share:.0%} accepted [" in shown
    assert not any(text["text"] in shown for text in texts if len(text["text"]) > 20)


def test_the_run_reuses_the_results_of_the_pilot(planned):
    _, project = planned
    run = Pipeline(project.config()).run(until="filter")
    reused = [stage.name for stage in run.record.stages if stage.reused]
    assert reused == ["load", "split", "deidentify", "embed", "decode-reconstruction", "re-embed-reconstruction"]
    piloted = {text["text"] for text in json.loads((project.folder / "ws" / TEXTS).read_text())}
    folders = (path for path in (project.folder / "ws" / "stages").glob("filter-*") if "pilot" not in path.name)
    written = {candidate.text for folder in folders for candidate in read_candidates(folder / KEPT)}
    assert len(written) > 0
    assert not piloted & written  # the pilot's audits see only texts that the run does not release
    again = CliRunner().invoke(app, ["plan", str(project.write_config()), "--json"])
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["pilot"] == json.loads(json.dumps(asdict(planned[0].pilot)))


def test_there_is_no_pilot_if_the_run_cannot_end_in_a_release(project):
    plan = make_plan(project.config(policy="hospital-external"), pilot=True)
    assert plan.problems
    assert plan.pilot is None
    assert make_plan(project.config(release={"key": "absent.pem"}), pilot=True).pilot is not None


def test_numbers_that_persons_of_train_and_control_share_are_a_reason_against_a_release(project):
    """The numbers are read from the list of replaced identifiers, which exists only after the replacement."""
    notes = [json.loads(line) for line in (project.folder / "notes.jsonl").read_text().splitlines()]
    place = {person: i for i, person in enumerate(sorted({note["patient_id"] for note in notes}))}
    for note in notes:
        note["note"] += f" Call 0871 873 80{place[note['patient_id']] // 2:02d}."
    (project.folder / "notes.jsonl").write_text("".join(json.dumps(note) + "\n" for note in notes))
    policy = project.folder / "lenient.yaml"
    rule = '  - {id: checks, metric: input_checks.problems, bound: value, op: "<=", limit: 0, why: They differ.}'
    policy.write_text(policy.read_text().rstrip() + "\n" + rule)
    assert make_plan(project.config()).problems == ()
    (problem,) = make_plan(project.config(), pilot=True).problems
    assert "of the control persons have a direct identifier of a train person" in problem


def test_audits_that_single_texts_fail_are_risks():
    rng = np.random.default_rng(4)
    vocabulary = [f"{a}{b}" for a in ("ba", "ke", "lo", "mi", "nu", "ra", "so") for b in ("ran", "tel", "vik", "dop")]

    def corpus(role, n):
        texts = (" ".join(rng.choice(vocabulary, 30)) for _ in range(n))
        records = [Record(id=f"{role}{i}", text=t, label="a", group=f"{role}{i}") for i, t in enumerate(texts)]
        return Corpus(role=role, records=tuple(records), has_groups=True)

    train, control = corpus("train", 350), corpus("control", 350)
    prepared = Prepared(
        train=train, control=control, near_duplicate_rate=0.0, identifiers=None, control_identifiers=None
    )
    job = SimpleNamespace(seeds=SeedTree(1))

    def risks(*texts):
        judged = [replace(candidate(i), text=text) for i, text in enumerate(texts)]
        return list(pilot._audit_risks(job, load_policy("research"), prepared, judged))

    new = corpus("synthetic", 40).texts
    assert risks(*new) == []
    (copied,) = risks(*new, train.texts[3])
    assert copied.startswith("audit memorization: fails on the 41 accepted texts of the pilot; ")
    assert risks(*new, control.texts[3]) == []

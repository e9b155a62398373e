"""End-to-end DP runs with tiny models: reserve, query, write, audit, sign, verify."""

import base64
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from audits.attacks.accounting.accountants import joint_epsilon
from audits.attacks.accounting.mechanism_log import MechanismCost
from audits.core.errors import InputError
from audits.core.types import Lineage
from audits.ledger.budgets import Cost, Overspent, Spending, counting_reservations, reserve, void
from audits.runner.input_checks import check_split
from audits.verify.bundle import ENVELOPE, verify_bundle
from audits.verify.trust import load_trust
from audits.verify.vocabulary import (
    NUMBERS_PUBLISHED,
    NUMBERS_WITHOUT_NOISE,
    OUTSIDE_DP,
    RELEASE_GATED,
    SOURCE_CHECKED,
    VERDICTS_ONLY,
)
from synthgen.cli.shadow import ShadowRequest, shadow
from synthgen.core.errors import BudgetError, ConfigError, ReleaseRefused, UsageError
from synthgen.core.progress import silent
from synthgen.pipeline.institution import ledger_of
from synthgen.pipeline.pipeline import Pipeline

EPSILONS = ("epsilon", "epsilon_prv", "epsilon_rdp", "epsilon_recomputed")
PUBLIC = {f"accounting.{name}" for name in ("delta", *EPSILONS, "estimate", "unaccounted_reads")}
PUBLIC |= {
    "records.synthetic",
    "memorization.copied_persons",
    "attempts.number",
    "secret.private",
    "balance.tv_distance",
}
PUBLIC |= {"method.private", "membership.epsilon_lower_bound"}


@pytest.fixture
def trial(trials, bench, first_run, tmp_path, monkeypatch):
    """A new trial whose workspace has the stages before the reservation."""
    trials.prepare(tmp_path, monkeypatch)
    (tmp_path / "ws").mkdir(mode=0o700)
    for stage in (first_run[0] / "ws" / "stages").iterdir():
        if stage.name.rsplit("-", 1)[0] in {"load", "split", "deidentify", "embed"}:
            shutil.copytree(stage, tmp_path / "ws" / "stages" / stage.name)
    return lambda use: trials.Trial(bench, tmp_path, use)


def record_checks(patch):
    """Return a list of the inputs of each call of the input checks, with the state of the random stream."""
    calls = []

    def recorded(inputs, rng, **options):
        tables = (replace(table, vectors={}) for table in (inputs.train, inputs.control))
        others = (inputs.identifiers, inputs.control_identifiers, inputs.near_duplicate_rate)
        calls.append((*tables, *others, str(rng.bit_generator.state)))
        return check_split(inputs, rng, **options)

    for module in ("synthgen.dp.certain_refusals", "audits.runner.run"):
        patch.setattr(f"{module}.check_split", recorded)
    return calls


@pytest.fixture(scope="module")
def first_run(trials, new_bench, tmp_path_factory):
    """The folder of a trial with a finished run, which tests must not change; and the input checks of the run."""
    folder = tmp_path_factory.mktemp("private")
    with pytest.MonkeyPatch.context() as patch:
        bench = new_bench(folder, patch)
        trials.prepare(folder, patch)
        calls = record_checks(patch)
        Pipeline(trials.Trial(bench, folder, "inside").config()).run()
    return folder, calls


@pytest.fixture
def finished(trial, first_run, tmp_path):
    """A copy of that trial, with its ledger and the high-water mark beside its key; and the run of the copy."""
    shutil.copytree(first_run[0], tmp_path, dirs_exist_ok=True)
    private = trial("inside")
    return private, Pipeline(private.config()).run()


def test_dp_release_verifies_and_states_the_spent_budget(finished, first_run):
    (private, run), (_, checked) = finished, first_run
    assert len(checked) == 2
    assert checked[0] == checked[1]  # before the reservation and in the audit
    bundle = private.release(run)
    found = verify_bundle(bundle.path, private.trust, None)
    assert found.ok, found.failure
    assert private.release(run).path == bundle.path  # the existing bundle is returned
    with pytest.raises(UsageError, match="each DP query spends privacy budget"):
        shadow(private.config(), ShadowRequest(runs=8, persons=1, quick=True), silent, print)
    privacy = found.statement.predicate.privacy
    assert (privacy.mechanism, privacy.epsilon, privacy.delta, privacy.unit) == ("dp-gaussian", 2.0, 4e-4, "group")
    stated = privacy.budget
    assert (stated.spent_before, stated.max_epsilon, stated.delta, stated.voided) == (0.0, 2.5, 4e-4, 0)
    assert stated.spent_after == pytest.approx(2.0, abs=0.01)
    line = next(check.detail for check in found.checks if check.id == "ledger")
    assert "all runs of the ledger together: epsilon 2 at delta 0.0004" in line

    # of everything that was counted from persons, the bundle contains only verdicts
    metrics = json.loads((bundle.path / "evidence" / "metrics.json").read_bytes())["metrics"]
    assert set(metrics) <= PUBLIC
    assert metrics["memorization.copied_persons"]["value"] == 1
    assert {number["n"] for number in metrics.values()} <= {1, 24}
    page = (bundle.path / "report" / "report.html").read_text()
    assert "real train records" not in page
    for words in (
        "δ = 0.0004, which is 1 in 2,500",
        "one more run of at most ε = 1.26 is possible",
        "WITHHELD",
        "reveals that the gates passed",
    ):
        assert words in page
    assert {side.count_bucket for side in found.statement.predicate.inputs} == {"50-100"}

    # a run that starts over without spending again keeps the old DP result
    (private.folder / "open.yaml").write_text(private.OPEN)
    plain = {"interpolate": {"k_neighbors": 5, "total": 24}, "dp": {}, "policy": "open.yaml"}
    for config in (private.config(**plain), private.config()):
        Pipeline(config).run(until="load", resume="never")
    assert Pipeline(private.config()).run(until="interpolate").folder("measure") == run.folder("measure")

    # a further run exceeds the policy and is refused before its first query
    with pytest.raises(BudgetError, match="nothing was reserved") as refused:
        Pipeline(private.config()).run(resume="never")
    assert refused.value.problems[0].startswith("epsilon: the limit for all runs together is 2.5; 2 is")
    assert run.folder("measure").is_dir()  # the DP result is kept


@pytest.mark.slow  # two runs; tests/unit/audits/verify/test_budget.py covers the verifier's part in a second
def test_copied_key_with_another_ledger_does_not_verify(finished):
    private, run = finished
    first = private.release(run)
    assert verify_bundle(first.path, private.trust, None).ok

    # someone who has only the key starts an empty ledger without a high-water mark
    key = private.folder / "stolen" / "releaser.pem"
    shutil.copytree(private.key.parent, key.parent, ignore=shutil.ignore_patterns("ledger-seen.json"))
    elsewhere = private.config(ledger="fresh", release={"key": str(key)})
    run = Pipeline(elsewhere).run(resume="never")
    again = run.release(run.decide(), key=key, out=private.folder / "again")
    found = verify_bundle(again.path, private.trust, None)
    assert (found.ok, found.code, found.checks[-1].id) == (False, 11, "ledger")
    assert "the trust root does not name the ledger" in found.failure
    budget = json.loads(base64.b64decode(json.loads((again.path / ENVELOPE).read_bytes())["payload"]))
    assert budget["predicate"]["privacy"]["budget"]["spentBefore"] == 0.0  # so the stated budget looks unspent

    # a trust root that names no ledger accepts no release with a budget
    bare = load_trust(private.trust).model_copy(update={"ledgers": ()})
    assert verify_bundle(first.path, bare, None).code == 11


@pytest.mark.slow
def test_a_release_with_audit_figures_states_that_epsilon_covers_only_the_texts(trial):
    private = trial("inside")
    private.pin("open", private.OPEN)
    run = Pipeline(private.config(policy="open.yaml")).run()
    bundle = private.release(run)
    found = verify_bundle(bundle.path, private.trust, None)
    assert found.ok, found.failure
    evidence = json.loads((bundle.path / "evidence" / "metrics.json").read_bytes())
    auc = evidence["metrics"]["membership.estimate"]
    assert auc["low"] < auc["high"]  # figures are released, and the signed statement says so
    predicate = found.statement.predicate
    assert predicate.privacy.non_private_steps == (RELEASE_GATED, NUMBERS_PUBLISHED, SOURCE_CHECKED, *OUTSIDE_DP)
    assert NUMBERS_WITHOUT_NOISE in predicate.limitations
    card = (bundle.path / "README.md").read_text()
    for words in ("only the fact that the gates passed", "is the limit of the gate"):
        assert words not in json.dumps(predicate.model_dump(mode="json")) + card
    accounting = json.loads((bundle.path / "evidence" / "accounting.json").read_bytes())
    assert accounting["details"]["outside_reads"] == ["input-checks", "release-gate", "audit-numbers"]

    # the same DP result under a policy that releases only verdicts: no query is run again, and the statement says so
    private.pin("lenient-dp", private.POLICY.format(use="inside"))
    again = Pipeline(private.config()).run()
    assert again.folder("measure") == run.folder("measure")
    verified = verify_bundle(private.release(again, "again").path, private.trust, None)
    assert verified.ok, verified.failure
    assert verified.statement.predicate.attempts.number == 1  # the same audit is no further attempt
    assert verified.statement.predicate.privacy.non_private_steps == (RELEASE_GATED, SOURCE_CHECKED, *OUTSIDE_DP)
    assert VERDICTS_ONLY in verified.statement.predicate.limitations

    # other settings after an audit of the same persons: the log says that they may have been chosen by its results
    later = private.release(Pipeline(private.config(decode={"candidates": 1})).run(), "later")
    accounting = json.loads((later.path / "evidence" / "accounting.json").read_bytes())
    assert accounting["details"]["outside_reads"] == ["hyper-parameters", "retries", "input-checks", "release-gate"]


@pytest.fixture
def parentless(trial, releases):
    """Return a trial under a policy that requires `parent_recovery` or a DP budget instead."""
    found = trial("inside")
    found.pin("parentless", releases.PARENTLESS.replace("1.0e-5", "1.0e-3"))  # the trial has few persons
    return found


@pytest.mark.slow  # tests/unit/audits/gate/test_dp_substitute.py covers the gate in a second
def test_a_dp_budget_substitutes_for_parents_under_a_policy_that_requires_them(parentless):
    run = Pipeline(parentless.config(policy="parentless.yaml")).run()
    assert run.evidence.metrics["parent_recovery.records_with_parents"].value == 0
    found = verify_bundle(parentless.release(run).path, parentless.trust, None)
    assert found.ok, found.failure
    (gate,) = [gate for gate in found.statement.predicate.gates if gate.id == "audit-parent-recovery"]
    assert (gate.metric, gate.value, gate.verdict) == ("parent_recovery.records_with_parents.value", 0.0, "PASS")
    bare = load_trust(parentless.trust).model_copy(update={"ledgers": ()})
    assert verify_bundle(parentless.release(run, "again").path, bare, None).code == 11

    # a second draw alone is within the limit, but both draws together are not, so the second is refused
    with pytest.raises(BudgetError, match="nothing was reserved"):
        Pipeline(parentless.config(policy="parentless.yaml")).run(resume="never")


@pytest.mark.slow  # tests/unit/audits/gate/test_dp_substitute.py covers the gate in a second
def test_method_that_hides_its_parents_fails_parent_recovery(parentless, monkeypatch):
    def hidden(_prepared, written):
        return Lineage(parents=((),) * len(written.parents), weights=((),) * len(written.parents))

    monkeypatch.setattr("synthgen.pipeline.judge.lineage", hidden)
    mixing = {"interpolate": {"k_neighbors": 5, "total": 24}, "dp": {}, "secret": "public"}
    given = parentless.CHANGES | mixing | {"policy": "parentless.yaml", "release": {"key": str(parentless.key)}}
    run = Pipeline(parentless.bench.job(**given).config).run()
    assert run.evidence.metrics["parent_recovery.records_with_parents"].value == 0
    assert run.evidence.metrics["method.private"].value == 0
    (line,) = [line for line in run.decide().failures if line.startswith("audit-parent-recovery")]
    assert "no differentially private method made the records" in line or "FAIL" in line


@pytest.mark.slow
def test_a_run_released_last_counts_all_budget_spent_since_its_reservation(finished):
    private, run = finished
    (private.folder / "open.yaml").write_text(private.OPEN)

    def spend(name, epsilon):
        """Spend budget under a policy without a limit; spent budget counts even if nothing is released."""
        dp = {**private.CHANGES["dp"], "epsilon": epsilon, "delta": 4e-4}
        other = private.config(workspace=name, policy="open.yaml", dp=dp)
        Pipeline(other).run(until="interpolate")

    def stated(out):
        bundle = private.release(run, out)
        found = verify_bundle(bundle.path, private.trust, None)
        assert found.ok, found.failure
        accounting = json.loads((bundle.path / "evidence" / "accounting.json").read_bytes())
        own = [MechanismCost.model_validate(each) for each in accounting["details"]["mechanisms"]]
        return found.statement.predicate.privacy, own

    first = private.config()
    spend("second", 0.5)
    privacy, own = stated("out")
    (one,), budget = privacy.composition, privacy.budget
    assert (one.epsilon, one.delta, budget.delta, budget.voided) == (0.5, 4e-4, 4e-4, 0)
    assert budget.spent_before == joint_epsilon(one.mechanisms, delta=4e-4) == pytest.approx(0.5, abs=0.02)
    assert budget.spent_after == pytest.approx(joint_epsilon([*one.mechanisms, *own], delta=4e-4), rel=1e-9)
    assert budget.spent_after < 2.2  # the sum of the two stated epsilons is 2.5

    # a reservation that exceeds the limit blocks a release, until it is voided
    noise = {"kind": "gaussian", "noise_multiplier": 1.5, "sampling_rate": 1.0, "steps": 1}
    reserved = Spending(run="ab" * 16, cost=Cost(epsilon=2.0, delta=1e-3), mechanisms=(noise,))
    reserve(*ledger_of(first), reserved, limit=None)
    with pytest.raises(Overspent, match="does not cover this run"):
        private.release(run, "blocked")
    void(*ledger_of(first), reserved.run, datetime.now(UTC))
    privacy, _ = stated("again")
    assert (privacy.budget, len(privacy.composition)) == (budget.model_copy(update={"voided": 1}), 1)

    # the limit is 2.5: the finished run cannot be released again, and the same command is refused
    spend("third", 1.8)
    with pytest.raises(Overspent, match="does not cover this run") as refused:
        private.release(run, "late")
    assert refused.value.problems[0].startswith("epsilon: the limit for all runs together is 2.5; ")
    with pytest.raises(Overspent, match="does not cover this run"):
        Pipeline(first).run()
    assert not (private.folder / "late").exists()


@pytest.mark.parametrize("ledger", ["ledger", "copy-of-it"])
def test_rolled_back_ledger_blocks_all_configurations(trial, ledger):
    private = trial("inside")
    kept = ledger_of(private.config())[0]
    assert counting_reservations(*ledger_of(private.config())) == ()  # this writes the high-water mark
    before, place = (kept / "attempts.jsonl").read_bytes(), private.folder / ledger
    if place != kept:
        shutil.copytree(kept, place)
    # this key does not exist; a run does not need it
    elsewhere = {"ledger": ledger, "release": {"key": "elsewhere/any.pem"}}
    Pipeline(private.config(**elsewhere)).run(until="interpolate")
    (place / "attempts.jsonl").write_bytes(before)
    shutil.rmtree(private.folder / "elsewhere")
    for config in (private.config(workspace="again", **elsewhere), private.config(workspace="again")):
        with pytest.raises(InputError, match="has 0 entries, but had 3 before"):
            Pipeline(config).run(until="interpolate")


def test_a_result_that_the_ledger_does_not_book_is_not_released(finished):
    private, run = finished
    model = run.folder("measure") / "classes.safetensors"
    data = bytearray(model.read_bytes())
    data[-1] ^= 1
    model.write_bytes(bytes(data))
    with pytest.raises(InputError, match="has no entry for the result"):
        private.release(run)
    assert not (private.folder / "out").exists()


@pytest.mark.slow
def test_a_run_with_reproducible_noise_is_not_released(trial):
    private = trial("outside")
    with pytest.raises(ConfigError, match="the noise is reproducible"):
        Pipeline(private.config(secret="public")).run()
    assert counting_reservations(*ledger_of(private.config())) == ()

    # an internal policy without a budget allows the run as a study, but the release is still refused
    private.pin("open", private.OPEN)
    run = Pipeline(private.config(secret="public", policy="open.yaml")).run()
    assert [line.split(":")[0] for line in run.decide().failures] == ["secret-private"]
    with pytest.raises(ReleaseRefused):
        private.release(run)

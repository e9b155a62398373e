"""End-to-end DP runs with tiny models: reserve, query, write, audit, sign, verify."""

import base64
import json
import shutil
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import numpy as np
import pytest
from fictional_clinic import generate
from safetensors.numpy import save_file

from audits.core.errors import InputError
from audits.core.types import Lineage
from audits.gate.policy import parse_policy
from audits.ledger.attempts import ledger_id
from audits.ledger.budgets import Overspent, spent_so_far
from audits.verify.bundle import ENVELOPE, verify_bundle
from audits.verify.trust import load_trust
from audits.verify.vocabulary import (
    NUMBERS_PUBLISHED,
    NUMBERS_WITHOUT_NOISE,
    OUTSIDE_DP,
    VERDICTS_ONLY,
    VERDICTS_PUBLISHED,
)
from synthgen.cli.shadow import ShadowRequest, shadow
from synthgen.cli.start import start
from synthgen.core.errors import ConfigError, ReleaseRefused, UsageError
from synthgen.core.progress import silent
from synthgen.dp import basis as bases
from synthgen.pipeline.ledger import ledger_of
from synthgen.pipeline.pipeline import Pipeline
from synthgen.pipeline.secret import FILE
from synthgen.release.keys import public_path, write_new
from synthgen.release.trust import new_trust

POLICY = """
name: lenient-dp
version: "1"
intended_use: {use}
statement: For tests alone.
required: [accounting]
measured: [memorization, membership]
rules:
  - {{id: records, metric: records.synthetic, bound: value, op: ">=", limit: 7, why: Something must be there.}}
  - {{id: copies, metric: memorization.copied_persons, bound: high, op: "<=", limit: 1, why: Copies are counted.}}
dp: {{unit: group, max_epsilon: 3.0, max_delta: 1.0e-3, ledger: required}}
"""
OPEN = """
name: open
version: "1"
intended_use: inside
statement: For tests alone.
measured: [memorization, membership, accounting]
rules:
  - {id: records, metric: records.synthetic, bound: value, op: ">=", limit: 7, why: Something must be there.}
"""
CHANGES = {"secret": "workspace", "policy": "lenient-dp.yaml", "source": {"id": None}}
CHANGES |= {"dp": {"epsilon": 2.0, "delta": 4e-4, "persons": 80}, "filter": {"class_agreement": None, "length": None}}
CHANGES["interpolate"] = {"method": "dp-gaussian", "k_neighbors": 5, "total": 24}
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


class Trial:
    """A bench under a budget with keys, a policy and a trust root that names it."""

    def __init__(self, bench, folder, use):
        self.folder, self.bench = folder, bench
        start(folder / "keys-home", "newsgroup")
        self.key = folder / "keys-home" / "keys" / "releaser.pem"
        self.trust = folder / "trust.json"
        self.pin("lenient-dp", POLICY.format(use=use))

    def pin(self, name, text):
        """Write a policy, and a trust root that names only this policy."""
        (self.folder / f"{name}.yaml").write_text(text)
        policy = parse_policy(text.encode(), name)
        self.trust.unlink(missing_ok=True)
        roles, policies = {"releaser": [public_path(self.key)]}, {policy.name: [policy.digest()]}
        expires, ledgers = datetime.now(UTC) + timedelta(days=9), [ledger_id(ledger_of(self.config())[0])]
        new_trust(self.trust, roles=roles, policies=policies, expires=expires, ledgers=ledgers)

    def config(self, **changes):
        found = self.bench.job(**{**CHANGES, "release": {"key": str(self.key)}, **changes}).config
        root = found.resolve(found.workspace)
        if not (root / FILE).exists():  # a fixed split; the noise differs between runs
            root.mkdir(mode=0o700, exist_ok=True)
            write_new(root / FILE, bytes(range(32)), 0o600)
        return found

    def release(self, run, out="out"):
        return run.release(run.decide(), key=self.key, out=self.folder / out)


@pytest.fixture
def trial(bench, tmp_path, monkeypatch):
    vectors = np.random.default_rng(0).normal(size=(200, 40)).astype(np.float32)
    basis = bases.fit_basis(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    monkeypatch.setattr(bases, "FOLDER", tmp_path)
    for module in ("dp.planned_queries", "release.assembly"):
        monkeypatch.setattr(f"synthgen.{module}.MODELS", ("counting", "picking"))
    arrays = {"mean": basis.mean, "axes": basis.axes, "variances": basis.variances}
    save_file({k: v.astype(np.float32) for k, v in arrays.items()}, tmp_path / "counting.safetensors")
    rows = [{k: v for k, v in row.items() if k != "key"} for row in generate(240, np.random.default_rng(5))]
    (tmp_path / "notes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    digest = "synthgen.pipeline.pipeline.digest_of"
    monkeypatch.setattr(digest, lambda folder: sha256(folder.name.encode()).hexdigest())
    return lambda use: Trial(bench, tmp_path, use)


def test_dp_release_verifies_and_states_the_spent_budget(trial):
    private = trial("inside")
    run = Pipeline(private.config()).run()
    bundle = private.release(run)
    found = verify_bundle(bundle.path, private.trust, None)
    assert found.ok, found.failure
    assert private.release(run).path == bundle.path  # the same command finds it
    with pytest.raises(UsageError, match="each DP query spends budget"):
        shadow(private.config(), ShadowRequest(runs=8, persons=1, quick=True), silent, print)
    privacy = found.statement.predicate.privacy
    assert (privacy.mechanism, privacy.epsilon, privacy.delta, privacy.unit) == ("dp-gaussian", 2.0, 4e-4, "group")
    assert (privacy.budget.spent_before, privacy.budget.spent_after, privacy.budget.max_epsilon) == (0.0, 2.0, 3.0)

    # the bundle contains only verdicts about anything that was counted from persons
    metrics = json.loads((bundle.path / "evidence" / "metrics.json").read_bytes())["metrics"]
    assert set(metrics) <= PUBLIC
    assert metrics["memorization.copied_persons"]["value"] == 1
    assert {number["n"] for number in metrics.values()} <= {1, 24}
    page = (bundle.path / "report" / "report.html").read_text()
    assert "real train records" not in page
    for words in ("epsilon 2, delta 0.0004, for adding or removing one person", "Their results are not published"):
        assert words in page
    assert {side.count_bucket for side in found.statement.predicate.inputs} == {"50-100"}

    # a run that starts over without spending again keeps the old DP result
    (private.folder / "open.yaml").write_text(OPEN)
    plain = {"interpolate": {"k_neighbors": 5, "total": 24}, "dp": {}, "policy": "open.yaml"}
    for config in (private.config(**plain), private.config()):
        Pipeline(config).run(until="load", resume="never")
    assert Pipeline(private.config()).run(until="interpolate").folder("measure") == run.folder("measure")

    # a further run exceeds the policy and is refused before it accesses train
    with pytest.raises(Overspent):
        Pipeline(private.config()).run(resume="never")
    assert run.folder("measure").is_dir()  # the DP result is kept


@pytest.mark.slow  # two runs; tests/unit/audits/verify/test_budget.py covers the verifier's part in a second
def test_copied_key_with_another_ledger_does_not_verify(trial):
    private = trial("inside")
    first = private.release(Pipeline(private.config()).run())
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
    assert budget["predicate"]["privacy"]["budget"]["spentBefore"] == 0.0  # so the budget alone looks unspent

    # a trust root that names no ledger accepts no release with a budget
    bare = load_trust(private.trust).model_copy(update={"ledgers": ()})
    assert verify_bundle(first.path, bare, None).code == 11


def test_a_release_with_audit_figures_states_that_epsilon_covers_only_the_texts(trial):
    private = trial("inside")
    private.pin("open", OPEN)
    run = Pipeline(private.config(policy="open.yaml")).run()
    bundle = private.release(run)
    found = verify_bundle(bundle.path, private.trust, None)
    assert found.ok, found.failure
    evidence = json.loads((bundle.path / "evidence" / "metrics.json").read_bytes())
    auc = evidence["metrics"]["membership.estimate"]
    assert auc["low"] < auc["high"]  # figures are released, and the signed statement says so
    predicate = found.statement.predicate
    assert predicate.privacy.non_private_steps == (NUMBERS_PUBLISHED, *OUTSIDE_DP)
    assert NUMBERS_WITHOUT_NOISE in predicate.limitations
    card = (bundle.path / "README.md").read_text()
    for words in ("only their verdicts", "each published number is the limit"):
        assert words not in json.dumps(predicate.model_dump(mode="json")) + card
    accounting = json.loads((bundle.path / "evidence" / "accounting.json").read_bytes())
    assert accounting["details"]["outside_reads"] == ["audit-numbers"]

    # the same DP result under a policy that releases only verdicts: no query is run again, and the statement says so
    private.pin("lenient-dp", POLICY.format(use="inside"))
    again = Pipeline(private.config()).run()
    assert (again.folder("measure"), again.folder("audit")) == (run.folder("measure"), run.folder("audit"))
    verified = verify_bundle(private.release(again, "again").path, private.trust, None)
    assert verified.ok, verified.failure
    assert verified.statement.predicate.privacy.non_private_steps == (VERDICTS_PUBLISHED, *OUTSIDE_DP)
    assert VERDICTS_ONLY in verified.statement.predicate.limitations


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

    # a second draw alone is within the limit, but not together with the first: it is refused
    with pytest.raises(Overspent, match="does not cover this run"):
        Pipeline(parentless.config(policy="parentless.yaml")).run(resume="never")


@pytest.mark.slow  # likewise
def test_method_that_hides_its_parents_fails_parent_recovery(parentless, monkeypatch):
    def hidden(_prepared, written):
        return Lineage(parents=((),) * len(written.parents), weights=((),) * len(written.parents))

    monkeypatch.setattr("synthgen.pipeline.judge.lineage", hidden)
    mixing = {"interpolate": {"k_neighbors": 5, "total": 24}, "dp": {}, "secret": "public"}
    given = CHANGES | mixing | {"policy": "parentless.yaml", "release": {"key": str(parentless.key)}}
    run = Pipeline(parentless.bench.job(**given).config).run()
    assert run.evidence.metrics["parent_recovery.records_with_parents"].value == 0
    assert run.evidence.metrics["method.private"].value == 0
    (line,) = [line for line in run.decide().failures if line.startswith("audit-parent-recovery")]
    assert "no differentially private method made the records" in line or "FAIL" in line


def test_a_run_released_last_counts_all_budget_spent_since_its_reservation(trial):
    private = trial("inside")
    (private.folder / "open.yaml").write_text(OPEN)

    def spend(name, epsilon, delta):
        """Spend budget under a policy without a limit; a release makes no difference."""
        dp = {**CHANGES["dp"], "epsilon": epsilon, "delta": delta}
        other = private.config(workspace=name, policy="open.yaml", dp=dp)
        Pipeline(other).run(until="interpolate")

    first = private.config()
    run = Pipeline(first).run()
    spend("second", 0.5, 4e-4)
    found = verify_bundle(private.release(run).path, private.trust, None)
    assert found.ok, found.failure
    privacy = found.statement.predicate.privacy
    assert (privacy.budget.spent_before, privacy.budget.spent_after) == (0.5, 2.5)
    assert (privacy.budget.delta_before, privacy.budget.delta_after) == (4e-4, 8e-4)
    assert [(one.epsilon, one.delta) for one in privacy.composition] == [(0.5, 4e-4)]

    # the limit is 3: the finished run cannot be released again, and the same command is refused
    spend("third", 1.0, 1e-4)
    with pytest.raises(Overspent, match="does not cover this run") as refused:
        private.release(run, "late")
    assert refused.value.problems == ("epsilon: limit 3, spent 1.5, requested 2",)
    with pytest.raises(Overspent, match="does not cover this run"):
        Pipeline(first).run()
    assert not (private.folder / "late").exists()


@pytest.mark.parametrize("ledger", ["ledger", "copy-of-it"])
def test_rolled_back_ledger_blocks_all_configurations(trial, ledger):
    private = trial("inside")
    kept = ledger_of(private.config())[0]
    assert spent_so_far(*ledger_of(private.config())).epsilon == 0.0  # the high-water mark beside the key has seen it
    before, place = (kept / "attempts.jsonl").read_bytes(), private.folder / ledger
    if place != kept:
        shutil.copytree(kept, place)
    # a run does not need the key, which does not exist
    elsewhere = {"ledger": ledger, "release": {"key": "elsewhere/any.pem"}}
    Pipeline(private.config(**elsewhere)).run(until="interpolate")
    (place / "attempts.jsonl").write_bytes(before)
    shutil.rmtree(private.folder / "elsewhere")
    for config in (private.config(workspace="again", **elsewhere), private.config(workspace="again")):
        with pytest.raises(InputError, match="has 0 entries, but had 3 before"):
            Pipeline(config).run(until="interpolate")


def test_a_result_that_the_ledger_does_not_book_is_not_released(trial):
    private = trial("inside")
    run = Pipeline(private.config()).run()
    model = run.folder("measure") / "classes.safetensors"
    data = bytearray(model.read_bytes())
    data[-1] ^= 1
    model.write_bytes(bytes(data))
    with pytest.raises(InputError, match="has no entry for the result"):
        private.release(run)
    assert not (private.folder / "out").exists()


def test_a_run_with_reproducible_noise_is_not_released(trial):
    private = trial("outside")
    with pytest.raises(ConfigError, match="the noise is reproducible"):
        Pipeline(private.config(secret="public")).run()
    assert spent_so_far(*ledger_of(private.config())).epsilon == 0.0

    # under an internal policy without a budget, it is a study, and a release is still refused
    private.pin("open", OPEN)
    run = Pipeline(private.config(secret="public", policy="open.yaml")).run()
    assert [line.split(":")[0] for line in run.decide().failures] == ["secret-private"]
    with pytest.raises(ReleaseRefused):
        private.release(run)

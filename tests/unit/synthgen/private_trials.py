"""Small DP runs with stand-ins for the models: keys, a policy, a trust root and a public basis."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import numpy as np
from fictional_clinic import generate
from safetensors.numpy import save_file

from audits.gate.policy import parse_policy
from audits.gate.shipped import load_policy
from audits.ledger.chain import ledger_id
from synthgen.cli.start import start
from synthgen.dp import basis as bases
from synthgen.pipeline.institution import ledger_of
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
dp: {{unit: group, max_epsilon: 2.5, max_delta: 1.0e-3, ledger: required}}
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


class Trial:
    """A bench with a DP budget, keys, a policy, and a trust root that names the policy."""

    POLICY, OPEN, CHANGES = POLICY, OPEN, CHANGES

    def __init__(self, bench, folder, use):
        self.folder, self.bench = folder, bench
        if not (folder / "keys-home").exists():
            start(folder / "keys-home", "newsgroup")
        self.key = folder / "keys-home" / "keys" / "releaser.pem"
        self.trust = folder / "trust.json"
        self.pin("lenient-dp", POLICY.format(use=use))

    def pin(self, name, text):
        """Write a policy, and a trust root that names only this policy."""
        (self.folder / f"{name}.yaml").write_text(text)
        self._trust(parse_policy(text.encode(), name))

    def pin_shipped(self, name):
        """Write a trust root that names only a shipped policy."""
        self._trust(load_policy(name))

    def _trust(self, policy):
        self.trust.unlink(missing_ok=True)
        roles, policies = {"releaser": [public_path(self.key)]}, {policy.name: [policy.digest()]}
        expires, ledgers = datetime.now(UTC) + timedelta(days=9), [ledger_id(ledger_of(self.config())[0])]
        new_trust(self.trust, roles=roles, policies=policies, expires=expires, ledgers=ledgers)

    def config(self, **changes):
        found = self.bench.job(**{**CHANGES, "release": {"key": str(self.key)}, **changes}).config
        root = found.resolve(found.workspace)
        if not (root / FILE).exists():  # a fixed secret fixes the split; the noise still differs
            root.mkdir(mode=0o700, exist_ok=True)
            write_new(root / FILE, bytes(range(32)), 0o600)
        return found

    def release(self, run, out="out"):
        return run.release(run.decide(), key=self.key, out=self.folder / out)


def prepare(folder, patch, patients=240):
    """Write notes and a public basis into a folder, and treat the stand-ins as shipped models; return the notes."""
    vectors = np.random.default_rng(0).normal(size=(200, 40)).astype(np.float32)
    basis = bases.fit_basis(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    patch.setattr(bases, "FOLDER", folder)
    for module in ("dp.planned_queries", "release.assembly"):
        patch.setattr(f"synthgen.{module}.MODELS", ("counting", "picking"))
    patch.setattr("audits.verify.consistency.is_not_shipped", lambda _name: False)
    patch.setattr("audits.verify.consistency.dp_setting_problems", lambda _config: ())
    arrays = {"mean": basis.mean, "axes": basis.axes, "variances": basis.variances}
    save_file({k: v.astype(np.float32) for k, v in arrays.items()}, folder / "counting.safetensors")
    digest = "synthgen.pipeline.stage_order.digest_of"
    patch.setattr(digest, lambda folder: sha256(folder.name.encode()).hexdigest())
    rows = [{k: v for k, v in row.items() if k != "key"} for row in generate(patients, np.random.default_rng(5))]
    write_notes(folder, rows)
    return rows


def write_notes(folder, rows):
    """Write the source of a trial."""
    (folder / "notes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

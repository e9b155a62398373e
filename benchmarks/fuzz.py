"""Corrupt the parts of a release bundle (such as envelope, statement, policy and table), and verify each result.

    make fuzz                                  # 20,000, some minutes
    python benchmarks/fuzz.py --cases 500 --seed 3

The verifier must never crash, and must not accept a bundle whose content was changed. Each case corrupts one part. It
changes bytes (for example, it flips a bit, or cuts or copies a piece) or a JSON value (removed, duplicated, or
replaced). Changed policies, tables, evidence and manifests are signed again with the releaser's key, and so are 70 %
of the changed statements; the other statements are signed with an untrusted key. A changed bundle may be VERIFIED
only if its records, gates, evidence and policy are the same as before. This comparison covers only what the verifier
can check: the parts of the statement in KEPT, the measurements of the audits, and the values that a gate (a condition
of the policy) reads. Timestamps are corrupted only if `openssl` is installed.
"""

import argparse
import importlib.util
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from audits.core.errors import AuditError, VerifyError  # noqa: E402
from audits.core.strictjson import JsonError, canonical  # noqa: E402
from audits.gate.evidence import read_evidence  # noqa: E402
from audits.gate.policy import parse_policy  # noqa: E402
from audits.verify.bundle import ENVELOPE, Verification, verify_bundle  # noqa: E402
from audits.verify.contents import CROISSANT, JSONL, METRICS, PARQUET, POLICY_JSON, POLICY_YAML, REPORT_JSON, SUMS  # noqa: E402
from audits.verify.timestamps import trusted_time  # noqa: E402
from audits.verify.trust import TrustRoot, parse_trust  # noqa: E402

ODD = (None, True, 0, -1, 1e308, 2**53, "", "x" * 3000, "../x", "\ud800", "\u202e", [], {}, [[]], "0" * 64, "PASS")
# parts of the statement that the verifier compares with other files; it does not compare, for example, the licence
KEPT = (
    "releaseId",
    "gates",
    "evidence.0.name",
    "policy",
    "approvalsRequired",
    "use",
    "config",
    "attempts.number",
    "dataset.records",
    "dataset.classes",
    "inputs.0.role",
    "inputs.1.role",
    "privacy.mechanism",
    "privacy.epsilon",
    "privacy.delta",
    "privacy.budget",
    "privacy.composition",
    "privacy.noiseMultiplier",
    "privacy.steps",
)
KINDS = ("envelope", "statement", "policy", "trust", "table", "evidence", "manifest", "token")


def corrupt_bytes(data: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.randint(1, 3)):
        at, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
        way = rng.randrange(5)
        if way == 0 and at < len(data):
            data = data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
        elif way == 1:
            data = data[:at] + data[min(end, at + 64) :]
        elif way == 2:
            data = data[:at] + data[at : at + 32] + data[at:]
        elif way == 3:
            data = data[:at] + rng.randbytes(rng.randint(1, 8)) + data[at:]
        else:
            data = data[:at]
    return data


def corrupt_value(value: Any, rng: random.Random) -> Any:  # noqa: PLR0911 - one way per type
    """Return a JSON value that is changed in one place, at any depth."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(sorted(value))
        way = rng.random()
        if way < 0.1:
            return {k: v for k, v in value.items() if k != key}
        if way < 0.15:
            return {**value, f"{key}x": value[key]}
        return {**value, key: corrupt_value(value[key], rng)}
    if isinstance(value, list | tuple) and value and rng.random() < 0.9:
        at = rng.randrange(len(value))
        way = rng.random()
        if way < 0.1:
            return [*value[:at], *value[at + 1 :]]
        if way < 0.2:
            return [*value[: at + 1], *value[at:]]
        return [*value[:at], corrupt_value(value[at], rng), *value[at + 1 :]]
    if isinstance(value, int | float) and not isinstance(value, bool) and rng.random() < 0.5:
        return value + rng.choice((-1, 1, 0.001, -0.25))
    return rng.choice(ODD)


class Fuzz:
    """Corrupts and then restores one part at a time of a bundle, which is written to `folder`.

    If `private` is set, the release has a DP budget. Then only the verdicts of the audits may be published, not their
    measurements.
    """

    def __init__(self, folder: Path, *, private: bool = False) -> None:
        self.releases, stamps = _module("releases"), _module("stamps")
        given = {"policy": self.releases.DP_POLICY, "privacy": self.releases.DP_PRIVACY} if private else {}
        self.bundle = self.releases.bundle(folder, **given)
        self.kinds = KINDS if stamps.OPENSSL is not None else KINDS[:-1]
        authorities: tuple[str, ...] = ()
        if stamps.OPENSSL is not None:
            authority = stamps.Authority(folder / "authority")
            authorities = (authority.text,)
            self.token = authority.token(b"message")
            self.time = trusted_time(self.token, b"message", authorities)
        self.root: TrustRoot = self.releases.root(authorities=authorities)
        self.files = {
            p.relative_to(self.bundle).as_posix(): p.read_bytes() for p in self.bundle.rglob("*") if p.is_file()
        }
        self.before = self.releases.statement(self.bundle)

    def case(self, kind: str, rng: random.Random) -> str:
        """Corrupt one part, verify the bundle, restore the part, and return the outcome.

        The outcome is the verdict if the bundle was accepted, and otherwise the check that rejected it.

        Raises:
            AssertionError: if the verifier accepts the bundle although its content changed.
        """
        if kind == "token":
            return self._token(rng)
        touched: dict[str, bytes] = {}
        root: TrustRoot | None = self.root
        try:
            if kind == "trust":
                root = self._trust(rng)
            else:
                touched = getattr(self, f"_{kind}")(rng)
            if root is None:
                return "no root"
            for name, data in touched.items():
                (self.bundle / name).write_bytes(data)
            found = verify_bundle(self.bundle, root, now=self.releases.LATER)
            self._judge(found, kind, root)
        finally:
            for name in touched:
                (self.bundle / name).write_bytes(self.files[name])
        return found.checks[-1].id if not found.ok else found.verdict

    def _judge(self, found: Verification, kind: str, root: TrustRoot) -> None:
        if not found.ok:
            return
        after = self.releases.statement(self.bundle)["predicate"]
        same = all(_at(after, path) == _at(self.before["predicate"], path) for path in KEPT)
        present = {name: (self.bundle / name).read_bytes() for name in (JSONL, POLICY_JSON)}
        same &= present == {name: self.files[name] for name in present}
        same &= self._checked((self.bundle / METRICS).read_bytes()) == self._checked(self.files[METRICS])
        if kind == "trust":
            same &= self.releases.RELEASER.keyid in root.public_keys("releaser")
            policy = self.before["predicate"]["policy"]
            same &= policy["digest"]["sha256"] in root.policies.get(policy["name"], ())
        if kind == "envelope" and (self.bundle / ENVELOPE).read_bytes() != self.files[ENVELOPE]:
            same = False
        assert same, f"VERIFIED, although the {kind} was corrupted"

    def _checked(self, data: bytes) -> object:
        """Return the evidence without the metrics that the verifier cannot check.

        The verifier can check the metrics of the audits and the metrics that a gate reads.
        """
        evidence = read_evidence(data)
        gated = {gate["metric"].rpartition(".")[0] for gate in self.before["predicate"]["gates"]}
        audited = {name for name in evidence.metrics if name.split(".")[0] in evidence.audits}
        kept = {name: evidence.metrics[name] for name in (gated | audited) & set(evidence.metrics)}
        return evidence.model_copy(update={"metrics": kept})

    def _token(self, rng: random.Random) -> str:
        try:
            time = trusted_time(corrupt_bytes(self.token, rng), b"message", self.root.authorities)
        except VerifyError:
            return "time"
        assert time == self.time, "a corrupted timestamp was accepted with another time"
        return "VERIFIED"

    def _envelope(self, rng: random.Random) -> dict[str, bytes]:
        if rng.random() < 0.5:
            return {ENVELOPE: corrupt_bytes(self.files[ENVELOPE], rng)}
        return _as_json({ENVELOPE: corrupt_value(json.loads(self.files[ENVELOPE]), rng)}, rng)

    def _statement(self, rng: random.Random) -> dict[str, bytes]:
        value = corrupt_value(self.before, rng)
        payload = _payload(value) if rng.random() < 0.8 else corrupt_bytes(_payload(self.before), rng)
        key = self.releases.RELEASER if rng.random() < 0.7 else self.releases.UNTRUSTED
        return {ENVELOPE: self.releases.sign(self.releases.PAYLOAD_TYPE, payload, [key.private])}

    def _policy(self, rng: random.Random) -> dict[str, bytes]:
        name = rng.choice((POLICY_JSON, POLICY_YAML))
        data = corrupt_bytes(self.files[name], rng)
        if name == POLICY_JSON and rng.random() < 0.7:
            data = _payload(corrupt_value(json.loads(self.files[name]), rng))
        with suppress(AuditError):
            parse_policy(data, "fuzzed")
        return self._signed({name: data})

    def _trust(self, rng: random.Random) -> TrustRoot | None:
        plain = json.loads(self.root.to_bytes())
        data = corrupt_bytes(self.root.to_bytes(), rng) if rng.random() < 0.4 else _payload(corrupt_value(plain, rng))
        try:
            return parse_trust(data)
        except AuditError:
            return None

    def _table(self, rng: random.Random) -> dict[str, bytes]:
        name = rng.choice((JSONL, PARQUET))
        data = corrupt_bytes(self.files[name], rng)
        return self._signed({name: data}) if data != self.files[name] else {}

    def _evidence(self, rng: random.Random) -> dict[str, bytes]:
        name = rng.choice((METRICS, REPORT_JSON, "evidence/memorization.json"))
        value = corrupt_value(json.loads(self.files[name]), rng)
        return self._signed({name: _payload(value) if rng.random() < 0.8 else corrupt_bytes(self.files[name], rng)})

    def _manifest(self, rng: random.Random) -> dict[str, bytes]:
        name = rng.choice((SUMS, CROISSANT))
        data = corrupt_bytes(self.files[name], rng)
        if name == CROISSANT and rng.random() < 0.6:
            data = _payload(corrupt_value(json.loads(self.files[name]), rng))
        return self._signed({name: data}, sums=name != SUMS)

    def _signed(self, changed: dict[str, bytes], *, sums: bool = True) -> dict[str, bytes]:
        """Return the changed files with a matching checksum file, dataset description and signed statement.

        With `sums` off, the checksum file is not recomputed.
        """
        files = {**self.files, **changed}
        if any(name.startswith("data/") for name in changed):
            value = json.loads(files[CROISSANT])
            for item in value["distribution"]:
                item["sha256"] = _sha256(files[item["@id"]])
            files[CROISSANT] = json.dumps(value).encode()
        if sums:
            names = sorted(name for name in files if name != SUMS and not name.startswith("attestation/"))
            files[SUMS] = "".join(f"{_sha256(files[name])}  {name}\n" for name in names).encode()
        value = json.loads(json.dumps(self.before))
        for subject in value["subject"]:
            subject["digest"]["sha256"] = _sha256(files[subject["name"]])
        value["predicate"]["evidence"][0]["digest"]["sha256"] = _sha256(files[METRICS])
        value["predicate"]["policy"]["digest"]["sha256"] = _sha256(files[POLICY_JSON])
        files[ENVELOPE] = self.releases.sign(
            self.releases.PAYLOAD_TYPE, canonical(value), [self.releases.RELEASER.private]
        )
        return {name: data for name, data in files.items() if data != self.files[name]}


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value[int(name)] if name.isdigit() else value.get(name)
    return value


def _module(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"fuzzed_{name}", ROOT / f"tests/unit/{name}.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"tests/unit/{name}.py does not exist")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def _payload(value: Any) -> bytes:
    try:
        return canonical(value)
    except JsonError:  # canonical JSON cannot represent the value, so it is corrupted already
        return json.dumps(value).encode()


def _as_json(values: dict[str, Any], rng: random.Random) -> dict[str, bytes]:
    write: Callable[[Any], bytes] = _payload if rng.random() < 0.9 else (lambda value: json.dumps(value).encode())
    return {name: write(value) for name, value in values.items()}


def run(cases: int, seed: int, folder: Path) -> Counter[str]:
    """Run the cases of a seed, and count their outcomes as `kind: outcome`; exit at the first wrong outcome."""
    both, ends = [Fuzz(folder / "plain"), Fuzz(folder / "private", private=True)], Counter[str]()
    if not all(verify_bundle(fuzz.bundle, fuzz.root, now=fuzz.releases.LATER).ok for fuzz in both):
        raise SystemExit("an unchanged bundle does not verify, so the cases would prove nothing")
    for number in range(cases):
        fuzz = both[number // len(KINDS) % len(both)]
        kind = fuzz.kinds[number % len(fuzz.kinds)]
        try:
            ends[f"{kind}: {fuzz.case(kind, random.Random(f'{seed}/{number}'))}"] += 1
        except Exception as error:
            raise SystemExit(f"case {number} of seed {seed}, {kind}: {type(error).__name__}: {error}") from error
    return ends


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    started, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        ends = run(given.cases, given.seed, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for end, n in sorted(ends.items()):
        print(f"{n:6d}  {end}")
    print(f"{given.cases} cases in {time.monotonic() - started:.0f} s: no traceback, no false VERIFIED")
    return 0


if __name__ == "__main__":
    sys.exit(main())

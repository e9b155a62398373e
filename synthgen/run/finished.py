"""A finished run: what the workspace holds of it, and the ways on to a decision, a report, a bundle or a refusal."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from audits.gate.evidence import Evidence, read_evidence
from audits.gate.policy import Decision, Policy, decide, load_policy, policy_path
from synthgen.config import OWN, WORDS, Config
from synthgen.core.errors import DataError, ReleaseRefused
from synthgen.core.tables import read_corpus
from synthgen.models.registry import MODELS
from synthgen.release.bundle import Bundle, write_bundle
from synthgen.release.commitment import commit, commitment_key
from synthgen.release.content import NO_DP, BundleContent
from synthgen.release.keys import SigningKey, load_key, passphrase_for
from synthgen.release.provenance import public_name, redact_config
from synthgen.release.refusal import write_refusal
from synthgen.release.statement import short_id
from synthgen.release.tables import data_files
from synthgen.report import ReportContent, render
from synthgen.report.gates import gate_rows
from synthgen.run.judge import AUDIT, EVIDENCE, SYNTHETIC, UTILITY
from synthgen.run.workspace import Workspace, write_bytes
from synthgen.stages.decode.bridge import Vocabulary, load_bridge, load_vocabulary

LIMITATIONS = (
    "Interpolating two persons' texts is not private by itself; the audits say what they could and could not see.",
    "No differential privacy: no epsilon is claimed, and what no attack found may still be there.",
    "No canaries were planted in a second build, and no earlier release was compared.",
    "One vector carries the gist of about the first hundred words of a record; what a record says later is lost.",
)
SEGMENTED = (
    "Records were cut into segments, and one vector carries the gist of each; what else a segment says is lost, and "
    "sections that only one of a record's parents had are left out."
)

ADAPTED = (
    "The decoder was refined on the private train text, so it can repeat it; only the audits speak against that."
)
TOLD = "Of each vector the language model was told {}; a few words can name a person's illness."
RECORDS_ONLY = (
    "The source named no persons: every number is about single records, and nothing is shown about a person."
)


@dataclass(frozen=True, slots=True)
class Run:
    """The run of one configuration.

    Args:
        config: what was run.
        workspace: the private folder.
        record: the content of run.json: per stage counts, seconds and digests; models; seed.
    """

    config: Config
    workspace: Workspace
    record: Mapping[str, Any]

    def folder(self, stage: str) -> Path:
        """Return the folder of a stage's result.

        Raises:
            DataError: when the run did not come so far.
        """
        for done in self.record["stages"]:
            if done["name"] == stage:
                return self.workspace.root / "stages" / str(done["folder"])
        raise DataError(f"the run has no stage {stage!r} yet", hint="Run it to the end first: `synthgen run CONFIG`.")

    @property
    def adapted(self) -> bool:
        """Whether the decoder was refined on the private train text."""
        return self.config.decode.adapt is not None

    @property
    def segmented(self) -> bool:
        """Whether records were cut into segments."""
        return self.config.segments is not None

    @property
    def evidence(self) -> Evidence:
        """The numbers a gate may read."""
        return read_evidence((self.folder("audit") / EVIDENCE).read_bytes())

    @property
    def told(self) -> str | None:
        """What of a vector crosses over, where that is words alone."""
        vocabulary = self._vocabulary()
        return None if vocabulary is None else vocabulary.disclosure(self.config.decode.words)

    def policy(self) -> Policy:
        """Return the configured policy."""
        return load_policy(policy_file(self.config))

    def decide(self, policy: Policy | None = None) -> Decision:
        """Return what the policy makes of the evidence; a pure function of the two."""
        return decide(self.evidence, self.policy() if policy is None else policy)

    def report(self, decision: Decision, *, release_id: str | None = None) -> str:
        """Return the HTML report of this run under a decision."""
        return render(self._report_content(decision, release_id))

    def write_report(self, decision: Decision) -> Path:
        """Write report.html into the workspace and return its path."""
        path = self.workspace.root / "report.html"
        release_id = self._release_id(decision) if decision.allowed else None
        write_bytes(path, self.report(decision, release_id=release_id).encode())
        return path

    def release(
        self, decision: Decision, *, key: SigningKey | Path | str, out: Path | str, now: datetime | None = None
    ) -> Bundle:
        """Write the signed bundle and return it.

        Args:
            decision: of `decide`.
            key: the releaser's, opened, or its file; then the passphrase is looked for as `passphrase_for` says.
            out: where bundles go.
            now: the time to state; the clock's by default.

        Raises:
            ReleaseRefused: when the decision is no; then a signed refusal is left in the workspace and nothing else.
            StorageError: when the bundle cannot be written; nothing is left behind.
        """
        now = datetime.now(UTC) if now is None else now
        if not isinstance(key, SigningKey):
            key = load_key(Path(key), passphrase_for(Path(key)))
        if not decision.allowed:
            folder = write_refusal(
                self.workspace.root,
                decision=decision,
                policy=self.policy(),
                evidence=self.evidence,
                key=key,
                now=now,
                waivers=self.config.release.waivers,
            )
            raise ReleaseRefused(
                f"not released under policy {self.policy().name!r}",
                problems=decision.failures,
                hint=f"The signed refusal: {folder}",
            )
        content = self._content(decision)
        release_id = short_id(content, data_files(content.records, content.formats), now)
        content = replace(content, report_html=self.report(decision, release_id=release_id))
        return write_bundle(Path(out), content=content, key=key, now=now)

    def _release_id(self, decision: Decision) -> str:
        content = self._content(decision)
        return short_id(content, data_files(content.records, content.formats), datetime.now(UTC))

    def _content(self, decision: Decision) -> BundleContent:
        folder = self.folder("audit")
        key = commitment_key(self.workspace.root / f"commitment-{folder.name}.key")
        clean = self.folder("deidentify")
        sides = [
            read_corpus(clean / "train.parquet", "train"),
            read_corpus(clean / "control.parquet", "control"),
        ]
        rows = pq.read_table(folder / SYNTHETIC, columns=["id", "text", "label"]).to_pylist()
        return BundleContent(
            name=self.config.release.name,
            records=[(row["id"], row["text"], row["label"]) for row in rows],
            evidence=self.evidence,
            decision=decision,
            policy_yaml_bytes=policy_file(self.config).read_bytes(),
            policy=self.policy(),
            audit_json=json.loads((folder / AUDIT).read_bytes()),
            report_html="",
            run_json=public_record(self.record),
            config_redacted=redact_config(self.config.model_dump(mode="json")),
            models=self._models(),
            inputs=[commit(side.role, side.texts, key) for side in sides],
            license=self.config.release.license,
            languages=["en"],
            limitations=limitations(
                has_groups=sides[0].has_groups, segmented=self.segmented, adapted=self.adapted, told=self.told
            ),
            privacy={**NO_DP, "unit": "group" if sides[0].has_groups else "record"},
            formats=self.config.release.formats,
        )

    def _models(self) -> list[dict[str, Any]]:
        models = [
            {
                "role": model["role"],
                "name": public_name(model["name"]),
                "revision": model["digest"][:40],
                "format": "safetensors",
                "digest": {"sha256": model["digest"]},
                "trainedOnPrivateData": model["name"] not in MODELS,  # of a model not pinned nobody can tell
            }
            for model in self.record["models"]
        ]
        if self.config.decode.bridge == OWN:
            return models  # the projector is one of the decoder's tensors, under its digest
        named = self.config.decode.bridge
        kind = "builtin" if named in {"builtin", WORDS} else "custom"
        if (vocabulary := self._vocabulary()) is not None:
            role, between, digest = "vocabulary", public_name(vocabulary.encoder), vocabulary.digest
        else:
            if self.adapted:  # what wrote the texts is the refined bridge, not the one it started from
                kind, bridge = "adapted", load_bridge(str(self.folder("adapt")))
            else:
                bridge = load_bridge(named, self.config.resolve)
            ends = [public_name(name) for name in (bridge.info.encoder, bridge.info.decoder)]
            role, between, digest = "projector", "-".join(ends), bridge.digest
        models.append(
            {
                "role": role,
                "name": f"{kind}:{between}",
                "revision": digest[:40],
                "format": "safetensors",
                "digest": {"sha256": digest},
                "trainedOnPrivateData": kind != "builtin",
            }
        )
        return models

    def _vocabulary(self) -> Vocabulary | None:
        decode = self.config.decode
        if not decode.by_words:
            return None
        return load_vocabulary(decode.bridge, self.config.resolve, encoder=self.config.embed.model)

    def _report_content(self, decision: Decision, release_id: str | None) -> ReportContent:
        folder, policy = self.folder("audit"), self.policy()
        stages = self.record["stages"]
        made = next(s["classes"] for s in stages if s["name"] == "audit")
        real = next(s["classes"] for s in stages if s["name"] == "split")["train"]
        wanted = next(s["wanted"] for s in reversed(stages) if s["name"].startswith("filter"))
        rejected = [s for s in stages if s["name"].startswith("filter")][-1]
        spare = {"not_the_best_of_its_vector": rejected["spare"]} if rejected["spare"] > 0 else {}
        return ReportContent(
            title=self.config.release.name,
            release_id=release_id,
            policy_name=policy.name,
            policy_statement=policy.statement,
            verdict="released" if decision.allowed else "refused",
            gates=gate_rows(decision),
            balance=tuple((label, real.get(label, 0), n, made.get(label, 0)) for label, n in sorted(wanted.items())),
            audits=tuple(json.loads((folder / AUDIT).read_bytes())["results"]),
            utility=json.loads((folder / UTILITY).read_bytes()),
            filters={"candidates": rejected["in"], "kept": rejected["out"], **rejected["rejected"], **spare},
            stages=tuple((s["name"], s["in"], s["out"], s["seconds"]) for s in stages),
            provenance={
                "tool": self.record["tool"],
                "policy": decision.policy_digest,
                "evidence": decision.evidence_digest,
                **{f"{m['role']} {m['name']}": m["digest"] for m in self._as_text()},
            },
            limitations=limitations(
                has_groups=self.config.source.group is not None,
                segmented=self.segmented,
                adapted=self.adapted,
                told=self.told,
            ),
        )

    def _as_text(self) -> Sequence[Mapping[str, str]]:
        return [{"role": m["role"], "name": m["name"], "digest": m["digest"]["sha256"]} for m in self._models()]


def limitations(*, has_groups: bool, segmented: bool, adapted: bool, told: str | None) -> tuple[str, ...]:
    """Return what a release does not promise; without persons in the source no sentence is about persons."""
    always = (*LIMITATIONS[:-1], SEGMENTED) if segmented else LIMITATIONS
    more = ((not has_groups, RECORDS_ONLY), (adapted, ADAPTED), (told is not None, TOLD.format(told)))
    return (*always, *(sentence for said, sentence in more if said))


def policy_file(config: Config) -> Path:
    """Return the file of the configured policy: a shipped name, or a path from the configuration's folder."""
    named = config.resolve(config.policy)
    return named if named.is_file() else policy_path(config.policy)


def load_run(config: Config) -> Run:
    """Return the last run of a configuration from its workspace, without running anything.

    Raises:
        DataError: when there is none, or it was of another configuration.
    """
    workspace = Workspace(config.resolve(config.workspace))
    path = workspace.root / "run.json"
    if not path.is_file():
        raise DataError(f"{workspace.root}: holds no finished run", hint="Run it first: `synthgen run CONFIG`.")
    record = json.loads(path.read_bytes())
    if record["config"] != config.digest():
        raise DataError("the configuration changed since its last run", hint="Run it again: `synthgen run CONFIG`.")
    return Run(config, workspace, record)


def public_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of run.json that a bundle may carry.

    Privacy: leaves out the seed, which with a guess at the source would give away parents and weights; digests of
        private tables, which confirm a guess; paths of models; and exact counts of private classes.
    """
    stages = record["stages"]
    return {
        "schemaVersion": record["schemaVersion"],
        "tool": record["tool"],
        "models": [{**model, "name": public_name(model["name"])} for model in record["models"]],
        "seconds": {stage["name"]: stage["seconds"] for stage in stages},
        "written": {s["name"]: s["out"] for s in stages if s["name"].startswith(("interpolate", "decode", "filter"))},
        "rejected": {s["name"]: s["rejected"] for s in stages if s["name"].startswith("filter")},
    }

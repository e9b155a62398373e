from types import SimpleNamespace

import pytest

from audits.verify.bundle import verify_for_approval
from audits.verify.vocabulary import GUESSABLE, RECORDS_ONLY
from synthgen.release.review.signing_summary import signing_summary


def summary(releases, path, earlier=(), review=None, kind="APPROVE", **changes):
    stated = verify_for_approval(path, releases.root(), releases.LATER).statement.predicate.model_copy(update=changes)
    how = {"kind": kind, "signer": "P. Officer, role privacy_officer, key 12", "review": review}
    found = {}
    for line in signing_summary(stated, "ab" * 32, earlier, **how).split("\n"):
        name, text = line.split(":", 1)
        found[name] = [*found.get(name, []), text.strip()]
    return {name: lines if name == "limitation" else lines[0] for name, lines in found.items()}


@pytest.fixture(scope="module")
def bundle(releases, tmp_path_factory):
    return releases.bundle(tmp_path_factory.mktemp("summary"), releases.APPROVED_POLICY)


def test_the_summary_states_everything_that_the_signature_covers(releases, bundle):
    found = summary(releases, bundle)
    assert len(found.pop("limitation")) >= 4
    assert found == {
        "you sign": "the approval of this release",
        "release": f"clinic-synthetic {bundle.name.removeprefix('release-')}",
        "records": "11 in 3 classes",
        "use": "inside the institution: For use inside the institution, not shown to be safe outside.",
        "policy": "partner version 3: 4 of 4 gates passed",
        "measured only": "membership INSUFFICIENT",
        "guarantee": "no differential privacy; the audits measured the risk",
        "statement": f"sha256 {'ab' * 32}",
        "earlier": "no approval or rejection",
        "review page": "none stated",
        "signer": "P. Officer, role privacy_officer, key 12",
    }


def test_earlier_decisions_and_the_page_are_named(releases, bundle):
    kinds = {"APPROVE": "approved", "REJECT": "rejected", "CLOSE": "closed the list"}
    earlier = [SimpleNamespace(person=f"N. {kind}", role="r", kind=kind) for kind in kinds]
    found = summary(releases, bundle, earlier, review="cd" * 32, kind="REJECT", gates=())
    assert found["earlier"] == "; ".join(f"N. {kind} (r) {past}" for kind, past in kinds.items())
    assert found["review page"] == f"sha256 {'cd' * 32}"
    assert found["you sign"] == "the rejection of this release"
    assert found["measured only"] == "no audit"
    assert "closing of the list" in summary(releases, bundle, kind="CLOSE")["you sign"]


def test_the_guarantee_states_epsilon_and_its_unit(releases, bundle):
    for unit, named in (("group", "person"), ("record", "record")):
        privacy = SimpleNamespace(epsilon=2.5, delta=1e-6, unit=unit, decision="audited")
        found = summary(releases, bundle, privacy=privacy)["guarantee"]
        assert found == f"differential privacy per {named}, ε = 2.5, δ = 1e-06"


def test_each_limitation_of_the_statement_has_a_line(releases, bundle):
    found = summary(releases, bundle, limitations=(GUESSABLE, RECORDS_ONLY))
    assert found["limitation"] == [GUESSABLE, RECORDS_ONLY]


def test_text_of_the_bundle_can_neither_add_nor_hide_a_line(releases, bundle):
    earlier = [SimpleNamespace(person="A\nsigner: B\x1b[1A", role="r\u202e", kind="APPROVE")]
    found = summary(releases, bundle, earlier)
    assert found["earlier"] == "A\ufffdsigner: B\ufffd[1A (r\ufffd) approved"
    assert found["signer"].startswith("P. Officer")


def test_under_an_independent_policy_no_page_is_proposed(releases, bundle):
    privacy = SimpleNamespace(epsilon=2.5, delta=1e-6, unit="group", decision="independent")
    assert "--review" not in summary(releases, bundle, privacy=privacy)["review page"]

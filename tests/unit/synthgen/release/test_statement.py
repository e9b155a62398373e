import re
from dataclasses import replace

import pytest

from audits.core.errors import VerifyError
from audits.verify.contents import METRICS
from synthgen.release.statement import CONFIG, release_payload, short_id

DIGESTS = {CONFIG: "0" * 64, METRICS: "1" * 64}


def test_release_id_depends_on_data_evidence_and_policy(releases):
    content = releases.content()
    one = short_id(content, {"data/a": b"x"}, releases.NOW)
    assert re.fullmatch(r"2026-11-20-[0-9a-f]{6}", one)
    assert one == short_id(content, {"data/a": b"x"}, releases.LATER)
    assert one != short_id(content, {"data/a": b"y"}, releases.NOW)
    assert one != short_id(releases.content(releases.APPROVED_POLICY), {"data/a": b"x"}, releases.NOW)


@pytest.mark.parametrize(
    "changes", [{"models": [{"role": "magic"}]}, {"inputs": [{"role": "train", "sha256": "0" * 64}]}, {"privacy": {}}]
)
def test_statement_that_a_verifier_would_refuse_is_not_signed(releases, changes):
    content = releases.content()
    release_payload(content, DIGESTS, "2026-11-20-aaaaaa", releases.NOW)
    with pytest.raises(VerifyError, match="E_PREDICATE"):
        release_payload(replace(content, **changes), DIGESTS, "2026-11-20-aaaaaa", releases.NOW)

from dataclasses import replace

import pytest

from audits.gate.evidence import evidence_from
from audits.gate.policy import decide
from synthgen.core.errors import InternalError
from synthgen.release.content import check_content


def test_evidence_finer_than_the_policy_discloses_is_not_written(releases):
    content = releases.content()
    assert repr(content) == "BundleContent(clinic-synthetic, 11 records)"
    check_content(content)
    numbers = {**releases.engine_numbers(), "linkage.x": releases.estimate(0.1234)}
    exact = evidence_from(releases.audit_json(), numbers)
    with pytest.raises(InternalError, match="numbers of private records that the policy withholds or rounds"):
        check_content(replace(content, evidence=exact, decision=decide(exact, content.policy)))

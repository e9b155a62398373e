from synthgen.release.content import public_audit


def test_digests_of_private_tables_leave_the_audit(releases):
    audit = releases.audit_json()
    assert public_audit(audit)["inputs"] == {"synthetic": "c" * 64}
    assert audit["inputs"]["train"] == "a" * 64
    assert "inputs" not in public_audit({"results": [], "inputs": {"train": "a"}})


def test_repr_shows_no_text(releases):
    assert repr(releases.content()) == "BundleContent(clinic-synthetic, 11 records)"

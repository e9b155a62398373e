from synthgen.extract.note import Note, PersonNames, StaffNames


def test_a_repr_shows_neither_text_nor_names():
    note = Note(place="f:1", document="d", text="secret", person="p", label="a")
    shown = repr([note, PersonNames("p", ("Ann",)), StaffNames(("Ann",))])
    assert "secret" not in shown
    assert "Ann" not in shown

from audits.core.types import Table
from audits.ledger.chain import HighWaterMark, opened
from audits.ledger.persons import joined, person_marks, split, text_marks

TEXTS = ("one two three four five six seven", "eight nine ten eleven twelve thirteen", "!")


def test_marks_depend_on_the_key_and_survive_joining(tmp_path):
    table = Table(texts=TEXTS, labels=None, groups=("Anna", "anna ", "B"), has_groups=True)
    marks = []
    for place in ("a", "b"):
        with opened(tmp_path / place, HighWaterMark(tmp_path / f"{place}.json")) as chain:
            marks.append((person_marks(chain, table), text_marks(chain, table)))
    persons, texts = marks[0]
    assert len(persons) == 2  # case and blanks are ignored
    assert [len(of_text) for of_text in texts] in ([3, 2], [2, 3])  # a text without words is omitted
    assert persons.isdisjoint(marks[1][0])
    assert split(joined(persons)) == persons
    rows = Table(texts=TEXTS, labels=None, groups=("0", "1", "2"), has_groups=False)
    assert person_marks(chain, rows) == set()

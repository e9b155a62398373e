import json
import sys
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgen.core.errors import ModelMissing
from synthgen.deidentify.marked import Marked
from synthgen.deidentify.spans import Span

TEXT = "Zub was seen on 3/7 by Vex; call 555."
RESULTS = [  # entity, start, end, score
    ("PERSON", 0, 3, 0.8),
    ("US_DRIVER_LICENSE", 16, 18, 0.1),
    ("DATE_TIME", 17, 19, 0.6),
    ("PERSON", 18, 19, 0.4),
    ("LOCATION", 23, 26, 0.8),
    ("US_SSN", 33, 36, 0.2),
]


@pytest.fixture
def without_libraries(monkeypatch, bench):
    """Simulate that no library and no classifier is installed."""

    def rules_only(engine):
        if engine != "rules":
            raise ModelMissing("model 'rampart' is not in the store", hint="Run `synthgen models pull rampart`.")
        return real(engine)

    real = bench.finder
    monkeypatch.setattr(bench, "finder", rules_only)
    for name in ("spacy", "presidio_analyzer", "tldextract"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture
def libraries(monkeypatch):
    """Install stand-ins for spaCy and Presidio, and return a list in which they record their arguments."""
    seen = []
    entities = [
        SimpleNamespace(start_char=start, end_char=end, label_=label)
        for label, start, end in [("PERSON", 0, 3), ("DATE", 16, 19), ("GPE", 23, 26), ("CARDINAL", 33, 36)]
    ]

    class Model:
        pipe_names = ("tok2vec", "tagger", "ner")

        def __call__(self, text, disable):
            seen.append(disable)
            return SimpleNamespace(ents=entities)

    class Analyzer:
        def __init__(self, nlp_engine, supported_languages):
            seen.append((type(nlp_engine.nlp["en"]).__name__, supported_languages))

        def analyze(self, text, language):
            return [SimpleNamespace(entity_type=e, start=s, end=t, score=score) for e, s, t, score in RESULTS]

    def load(name):
        if name != "installed":
            raise OSError(name)
        return Model()

    fakes = {
        "spacy": SimpleNamespace(load=load),
        "presidio_analyzer": SimpleNamespace(AnalyzerEngine=Analyzer),
        "presidio_analyzer.nlp_engine": SimpleNamespace(SpacyNlpEngine=SimpleNamespace),
        "tldextract": SimpleNamespace(TLDExtract=lambda **settings: seen.append(settings)),
    }
    for name, fake in fakes.items():
        monkeypatch.setitem(sys.modules, name, fake)
    return seen


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Write small files in the place of the corpora."""
    marks = [[(0, 3, "PERSON"), (16, 19, "DATE_TIME")], [(0, 3, "TITLE")]]
    spans = [[{"start": s, "end": e, "entity_type": kind} for s, e, kind in row] for row in marks]
    files = {
        "pii_presidio_synth/all.parquet": {"text": [TEXT, TEXT], "spans": spans, "group": ["a", "b"]},
        "primock57/notes.parquet": {"text": ["Cough for three days."]},
    }
    for name, columns in files.items():
        (tmp_path / name).parent.mkdir()
        pq.write_table(pa.table(columns), tmp_path / name)
    (tmp_path / "identifiers.txt").write_text("I1|seen by Dr. {NAME:Zubrov} at noon\n")
    (tmp_path / "false_friends.txt").write_text("F1|Murphy sign was negative.\n")
    monkeypatch.setenv("SYNTHGEN_DATA", str(tmp_path))
    return tmp_path


def test_quick_form_measures_what_is_installed(bench, without_libraries, data, capsys):
    bench.main(["--quick", "--json", "--cases", str(data)])
    *lines, last = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == ["rules+ner", "spacy", "presidio"]
    assert all("not installed: " in line for line in lines[:3])
    assert "synthgen models pull rampart" in lines[0]
    assert "pip install presidio-analyzer" in lines[2]
    assert lines[3] == "| corpus | measured | n | rules |"
    found = json.loads(last)
    assert list(found) == ["invented notes", "cases", "false friends", "pii_presidio_synth", "primock57"]
    assert all(list(tables) == ["rules"] for tables in found.values())
    assert found["cases"]["rules"]["recall"]["names"] == pytest.approx({"share": 1, "low": 0.025, "high": 1, "n": 1})
    assert found["pii_presidio_synth"]["rules"]["recall"]["all"]["n"] == 3
    assert set(found["invented notes"]["rules"]["recall"]) == {"all", *bench.GROUPS}
    assert found["primock57"]["rules"]["false_spans_per_1000_words"] == 0
    assert {tables["rules"]["characters_per_second"] > 0 for tables in found.values()} == {True}
    assert "| cases | recall of names | 1 | 1.000 [0.025, 1.000] |" in lines
    assert not any("recall" in line or "precision" in line for line in lines if "primock57" in line)


def test_every_category_of_the_notes_has_a_group(bench):
    assert {mark[2] for note in bench.plant(330) for mark in note.spans} == set(bench.OF_NOTES)
    assert {*bench.OF_NOTES.values(), *bench.OF_PRESIDIO_SYNTH.values()} == {*bench.GROUPS, bench.NOT_COUNTED}


def test_libraries_are_adapted_to_the_same_spans(bench, libraries):
    engines = bench.open_engines(["spacy", "presidio"], "installed")
    own = [Span(0, 3, "name"), Span(16, 19, "date"), Span(23, 26, "place")]
    assert engines["spacy"](TEXT, ()) == own
    assert engines["presidio"](TEXT, ()) == [*own, Span(33, 36, "other")]
    assert libraries == [{"cache_dir": None, "suffix_list_urls": ()}, ("Model", ["en"]), ["tagger"]]
    marks = ((0, 3, "names"), (16, 19, "dates"), (33, 36, "numbers"))
    found = bench.compare(engines, [Marked(text=TEXT, spans=marks, person="a")])
    assert [t["recall"]["numbers"]["share"] for t in found.values()] == [0, 1]
    assert [t["precision"]["n"] for t in found.values()] == [3, 4]
    assert [t["false_spans_per_1000_words"] for t in found.values()] == pytest.approx([1000 / 9, 1000 / 9])


def test_a_missing_model_of_spacy_is_reported(bench, libraries, capsys):
    assert bench.open_engines(["spacy", "presidio"], "absent") == {}
    assert capsys.readouterr().out.count("there is no spaCy model absent. Install the model") == 2


def test_speed_is_measured_without_corpora(bench, without_libraries, monkeypatch, capsys):
    monkeypatch.delenv("SYNTHGEN_DATA", raising=False)
    monkeypatch.setattr(bench, "SPEED_NOTES", 2)
    bench.main(["--speed", "--json"])
    missing, line, last = capsys.readouterr().out.splitlines()
    assert missing.startswith("rules+ner: not installed")
    assert "characters per second of processor time" in line
    assert json.loads(last)["characters_per_second"]["rules"] > 0
    bench.main(["--quick", "--engines", "rules"])
    lines = capsys.readouterr().out.splitlines()
    assert [i for i, line in enumerate(lines) if not line.startswith("|")] == [0]  # the table is not interrupted
    assert "SYNTHGEN_DATA is not set" in lines[0]
    with pytest.raises(SystemExit, match="no engine is installed"):
        bench.main(["--engines", "spacy"])

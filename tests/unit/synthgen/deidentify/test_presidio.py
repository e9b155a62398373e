"""A stand-in of the library's layout runs through the real engine; the library itself where it is installed."""

import importlib.util
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest

from synthgen.core.errors import DependencyError
from synthgen.deidentify.presidio import LEAST_SCORE, PresidioEngine, joined, spacy_model
from synthgen.deidentify.spans import Span

MODEL = "en_core_web_sm"


class Provider:
    def __init__(self, nlp_configuration):
        self.model = nlp_configuration["models"][0]["model_name"]

    def create_engine(self):
        return self.model


class EmailRecognizer:
    """As the library's: it asks tldextract, which asks the network unless it is told not to."""

    def validate_result(self, address):
        return sys.modules["tldextract"].extract(address).fqdn != ""


class Registry:
    def __init__(self):
        self.recognizers = {"EmailRecognizer": EmailRecognizer()}

    def remove_recognizer(self, name):
        del self.recognizers[name]

    def add_recognizer(self, recognizer):
        self.recognizers[type(recognizer).__name__] = recognizer


class Analyzer:
    def __init__(self, nlp_engine, supported_languages, default_score_threshold):
        self.folder, self.floor, self.registry = nlp_engine, default_score_threshold, Registry()

    def analyze(self, text, language):
        results = [("PERSON", 0, 3, 0.85), ("DATE_TIME", 7, 13, 0.6), ("SOMETHING_NEW", 14, 16, 0.4)]
        if "@" in text and self.registry.recognizers["EmailRecognizer"].validate_result(text.split()[-1]):
            results.append(("EMAIL_ADDRESS", text.rindex(" ") + 1, len(text), 1.0))
        results.append(("US_DRIVER_LICENSE", 0, 8, 0.01))
        return [SimpleNamespace(entity_type=k, start=a, end=b, score=s) for k, a, b, s in results if b <= len(text)]


class OfflineList:
    def __init__(self, cache_dir, suffix_list_urls):
        assert cache_dir is None
        assert suffix_list_urls == ()

    def __call__(self, address):
        return SimpleNamespace(fqdn=address.partition("@")[2])


def fetched(_address):
    raise AssertionError("the list of domains was asked for from the network")


@pytest.fixture
def _library(monkeypatch, tmp_path):
    names = ("presidio_analyzer", "presidio_analyzer.nlp_engine", "presidio_analyzer.predefined_recognizers")
    package, nlp, recognizers = map(ModuleType, names)
    package.AnalyzerEngine, nlp.NlpEngineProvider, recognizers.EmailRecognizer = Analyzer, Provider, EmailRecognizer
    tldextract = ModuleType("tldextract")
    tldextract.TLDExtract, tldextract.extract = OfflineList, fetched
    for name, module in zip((*names, "tldextract"), (package, nlp, recognizers, tldextract), strict=True):
        monkeypatch.setitem(sys.modules, name, module)
    data = tmp_path / MODEL / f"{MODEL}-3.8.0"
    data.mkdir(parents=True)
    (data / "config.cfg").write_text("[nlp]")
    (tmp_path / MODEL / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("_library")
def test_its_kinds_become_ours_and_declared_names_are_added():
    spans = PresidioEngine().find("Zed on monday at Zub", ["Zub Zed"])
    assert spans == [Span(0, 3, "name"), Span(7, 13, "date"), Span(14, 16, "other"), Span(17, 20, "name")]


@pytest.mark.usefixtures("_library")
def test_what_it_is_not_sure_of_does_not_count():
    engine = PresidioEngine()
    assert engine._analyzer.floor == LEAST_SCORE == 0.4
    assert not any(span.kind == "record_number" for span in engine.find("00482913", ()))


@pytest.mark.usefixtures("_library")
@pytest.mark.parametrize("address", ["ann@mail.org", "ann\uff20mail.org"])
def test_an_address_asks_no_network(address):
    text = f"zzz to monday or {address}"
    assert text.index(address) in [span.start for span in PresidioEngine().find(text, ()) if span.kind == "email"]


@pytest.mark.usefixtures("_library")
def test_the_model_is_loaded_by_its_folder_and_known_by_its_digest(tmp_path):
    model = spacy_model()
    assert PresidioEngine()._analyzer.folder == str(model.folder) == str(tmp_path / MODEL / f"{MODEL}-3.8.0")
    before = model.digest()
    (model.folder / "config.cfg").write_text("[nlp] ")
    assert len(before) == 64
    assert spacy_model().digest() != before


@pytest.mark.usefixtures("_library")
def test_a_missing_language_model_is_refused_not_downloaded(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DependencyError, match="spaCy models"):
        PresidioEngine()


@pytest.mark.usefixtures("_library")
def test_what_the_rules_find_is_found_by_it_too():
    """Presidio knows no record numbers, and no address of a domain that is not on the public list."""
    engine = PresidioEngine()
    text = "Zed, monday, MRN 00482913, write to ann.lee@ward.intern"
    kinds = {text[s.start : s.end]: s.kind for s in engine.find(text, ())}
    assert kinds["ann.lee@ward.intern"] == "email"
    assert any("00482913" in found and kind == "record_number" for found, kind in kinds.items())


def test_two_finds_of_one_identifier_become_one():
    rules = [Span(4, 9, "name"), Span(20, 30, "date"), Span(40, 50, "record_number")]
    more = [Span(4, 15, "name"), Span(22, 35, "date"), Span(42, 45, "url"), Span(48, 54, "phone"), Span(60, 61, "ip")]
    assert joined(rules, more) == [
        Span(4, 15, "name"),
        Span(20, 30, "date"),
        Span(40, 54, "record_number"),
        Span(60, 61, "ip"),
    ]
    assert joined(rules, [Span(8, 44, "other")]) == [Span(4, 50, "name")]


REAL = """
import re, socket
def refused(*_): raise AssertionError("a socket was opened")
socket.socket.connect = socket.getaddrinfo = refused
from synthgen.deidentify.presidio import PresidioEngine
text = "Write to ann.lee@example.org or ann.lee@ward.intern, number 00482913; MRN 00482914"
spans = PresidioEngine().find(text, ())
assert "ann.lee@example.org" in [text[s.start : s.end] for s in spans if s.kind == "email"], spans
numbers = [text[s.start : s.end] for s in spans if s.kind == "record_number"]
assert len(numbers) == 1 and "00482914" in numbers[0], spans
assert not any("ann" in part for part in re.split("|".join(re.escape(text[s.start : s.end]) for s in spans), text))
"""


def test_the_library_itself_opens_no_socket(tmp_path):
    if importlib.util.find_spec("presidio_analyzer") is None:
        pytest.skip("presidio_analyzer is not installed")
    try:
        spacy_model()
    except DependencyError:
        pytest.skip("no spaCy model is installed")
    environment = {"HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", REAL], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1500:]
    assert list(tmp_path.iterdir()) == []

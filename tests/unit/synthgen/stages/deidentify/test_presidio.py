import importlib.util
import sys
from types import ModuleType, SimpleNamespace

import pytest

from synthgen.core.errors import DependencyError
from synthgen.stages.deidentify.presidio import PresidioEngine
from synthgen.stages.deidentify.spans import Span


class Provider:
    def __init__(self, nlp_configuration):
        self.model = nlp_configuration["models"][0]["model_name"]

    def create_engine(self):
        return self.model


class Analyzer:
    def __init__(self, nlp_engine, supported_languages):
        assert nlp_engine == "en_core_web_sm"

    def analyze(self, text, language):
        results = [("PERSON", 0, 3), ("DATE_TIME", 7, 13), ("SOMETHING_NEW", 14, 16)]
        return [SimpleNamespace(entity_type=kind, start=start, end=end) for kind, start, end in results]


@pytest.fixture
def _library(monkeypatch):
    package, nlp = ModuleType("presidio_analyzer"), ModuleType("presidio_analyzer.nlp_engine")
    package.AnalyzerEngine, nlp.NlpEngineProvider = Analyzer, Provider
    monkeypatch.setitem(sys.modules, "presidio_analyzer", package)
    monkeypatch.setitem(sys.modules, "presidio_analyzer.nlp_engine", nlp)


@pytest.mark.usefixtures("_library")
def test_its_kinds_become_ours_and_declared_names_are_added(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "en_core_web_sm" or None)
    spans = PresidioEngine().find("Zed on monday at Zub", ["Zub Zed"])
    assert spans == [Span(0, 3, "name"), Span(7, 13, "date"), Span(14, 16, "other"), Span(17, 20, "name")]


@pytest.mark.usefixtures("_library")
def test_a_missing_language_model_is_refused_not_downloaded(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DependencyError, match="spaCy models"):
        PresidioEngine()

"""Compare engines of de-identification on the same texts: recall, precision, false spans and speed.

    SYNTHGEN_DATA=FOLDER python benchmarks/deidentify.py [--engines rules rules+ner spacy presidio]
        [--spacy en_core_web_md] [--cases FOLDER] [--notes 330] [--json] [--quick] [--speed]

The texts are invented notes, and the sets pii_presidio_synth and primock57 of the folder SYNTHGEN_DATA. With --cases,
there are also the sentences in two files of that folder: identifiers.txt with annotated identifiers, and
false_friends.txt with words that only look like identifiers. primock57 is not annotated, so each span that an engine
finds there counts as false. `spacy` uses the entities PERSON, GPE, LOC, FAC and DATE of the model --spacy. `presidio`
runs all recognizers that Presidio enables for English, with the same model and the default threshold; overlapping
results are joined. Recall, precision and their intervals are computed as in `synthgen deidentify evaluate`. Speed is
the number of characters per second of processor time, with one thread. An engine that is not installed is reported
and has no column. Nothing is downloaded.

--speed measures only the speed of rules and rules+ner on invented notes.
"""

import argparse
import importlib
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # must be set before numpy is imported

import pyarrow.parquet as pq

from synthgen.core.errors import DependencyError, ModelMissing
from synthgen.deidentify.engines import finder
from synthgen.deidentify.marked import Marked
from synthgen.deidentify.planted import plant
from synthgen.deidentify.spans import Span
from synthgen.pipeline.engine_shares import measure, read_texts

ENGINES = ("rules", "rules+ner", "spacy", "presidio")
OWN = ENGINES[:2]
GROUPS = ("names", "places", "dates", "numbers", "contact data")
NOT_COUNTED = "other"  # annotations that are not identifiers: engines need not find them, and finding them is correct
OF_NOTES = {  # the group of each annotated category of the invented notes and the cases
    **dict.fromkeys(("NAME",), "names"),
    **dict.fromkeys(("GEO",), "places"),
    **dict.fromkeys(("DATE", "AGE"), "dates"),  # only ages over 89 are annotated
    **dict.fromkeys(("MRN", "PLAN", "ACCOUNT", "SSN", "LICENCE", "VEHICLE"), "numbers"),
    **dict.fromkeys(("DEVICE", "BIOMETRIC", "OTHER"), "numbers"),
    **dict.fromkeys(("PHONE", "FAX", "EMAIL", "URL", "IP"), "contact data"),
}
OF_PRESIDIO_SYNTH = {  # the group of each annotated category of pii_presidio_synth
    **dict.fromkeys(("PERSON",), "names"),
    **dict.fromkeys(("GPE", "STREET_ADDRESS", "ZIP_CODE"), "places"),
    **dict.fromkeys(("DATE_TIME",), "dates"),
    **dict.fromkeys(("CREDIT_CARD", "IBAN_CODE", "US_SSN", "US_DRIVER_LICENSE"), "numbers"),
    **dict.fromkeys(("PHONE_NUMBER", "EMAIL_ADDRESS", "DOMAIN_NAME", "IP_ADDRESS"), "contact data"),
    **dict.fromkeys(("AGE", "TITLE", "ORGANIZATION", "NRP"), NOT_COUNTED),
}
SPACY_KINDS = {"PERSON": "name", "GPE": "place", "LOC": "place", "FAC": "place", "DATE": "date"}
PRESIDIO_KINDS = {"PERSON": "name", "LOCATION": "place", "DATE_TIME": "date", "PHONE_NUMBER": "phone"}
SPACY_PIPES = {"tok2vec", "transformer", "ner"}  # the other parts of a pipeline do not affect the entities
QUICK_NOTES, QUICK_TEXTS, SPEED_NOTES = 6, 40, 100


def spacy_model(name):
    """Return a spaCy pipeline from a package or a folder; if spaCy or the model is missing, raise DependencyError."""
    try:
        return importlib.import_module("spacy").load(name)
    except ImportError as error:
        raise DependencyError("spaCy is missing", hint="pip install spacy") from error
    except OSError as error:
        hint = "Install the model, or name another package or folder with --spacy."
        raise DependencyError(f"there is no spaCy model {name}", hint=hint) from error


def spacy_finder(name):
    model = spacy_model(name)
    unused = [pipe for pipe in model.pipe_names if pipe not in SPACY_PIPES]

    def find(text, _):
        entities = model(text, disable=unused).ents
        return [Span(e.start_char, e.end_char, SPACY_KINDS[e.label_]) for e in entities if e.label_ in SPACY_KINDS]

    return find


def presidio_finder(name):
    try:
        presidio = importlib.import_module("presidio_analyzer")
        engines = importlib.import_module("presidio_analyzer.nlp_engine")
        domains = importlib.import_module("tldextract")
    except ImportError as error:
        raise DependencyError("Presidio is missing", hint="pip install presidio-analyzer") from error
    # by default, tldextract downloads a list of domains
    domains.extract = domains.TLDExtract(cache_dir=None, suffix_list_urls=())
    engine = engines.SpacyNlpEngine()
    engine.nlp = {"en": spacy_model(name)}  # `engine.load()` would download a missing model
    analyzer = presidio.AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])

    def find(text, _):
        return joined(analyzer.analyze(text, language="en"))

    return find


def joined(results):
    """Return Presidio's results as spans; join overlapping results, and use the kind with the highest score."""
    spans, best = [], 0.0
    for r in sorted(results, key=lambda r: (r.start, -r.end)):
        kind = PRESIDIO_KINDS.get(r.entity_type, "other")
        if spans and r.start < spans[-1].end:
            last = spans[-1]
            spans[-1] = Span(last.start, max(last.end, r.end), kind if r.score > best else last.kind)
            best = max(best, r.score)
        else:
            spans.append(Span(r.start, r.end, kind))
            best = r.score
    return spans


def open_engine(name, model):
    if name == "spacy":
        return spacy_finder(model)
    return presidio_finder(model) if name == "presidio" else finder(name)


def open_engines(names, model):
    """Return the search function of each installed engine; print a line for each engine that is not installed."""
    found = {}
    for name in names:
        try:
            found[name] = open_engine(name, model)
        except (DependencyError, ModelMissing) as error:
            print(f"{name}: not installed: {error.message}. {error.hint}", flush=True)
    return found


class Timed:
    """An engine with counters for the characters that it searched and for its processor time."""

    def __init__(self, find):
        self.find, self.characters, self.seconds = find, 0, 0.0
        find("Seen by Dr. Xyz.", ())  # does one-time work before the timing

    def __call__(self, text, names):
        """Return the spans that the engine finds in a text."""
        started = time.process_time()
        spans = self.find(text, names)
        self.seconds += time.process_time() - started
        self.characters += len(text)
        return spans

    @property
    def rate(self):
        """Characters per second of processor time."""
        return self.characters / max(self.seconds, 1e-9)


def corpora(args):
    """Return the annotated texts of each corpus; the category of each annotation is replaced by its group."""
    found = {"invented notes": (plant(args.notes), OF_NOTES)}
    if args.cases is not None:
        found["cases"] = read_texts(str(args.cases / "identifiers.txt")), OF_NOTES
        found["false friends"] = read_texts(str(args.cases / "false_friends.txt")), OF_NOTES
    if data := os.environ.get("SYNTHGEN_DATA"):
        synth = read_texts(str(Path(data) / "pii_presidio_synth" / "all.parquet"))
        found["pii_presidio_synth"] = synth, OF_PRESIDIO_SYNTH
        found["primock57"] = unmarked(Path(data) / "primock57" / "notes.parquet"), {}
    else:
        print("SYNTHGEN_DATA is not set: pii_presidio_synth and primock57 are left out", flush=True)
    return {
        name: [regrouped(item, groups) for item in islice(texts, QUICK_TEXTS if args.quick else None)]
        for name, (texts, groups) in found.items()
    }


def unmarked(path):
    texts = pq.read_table(path, columns=["text"])["text"].to_pylist()
    return [Marked(text=text, spans=(), person=str(number)) for number, text in enumerate(texts, 1)]


def regrouped(item: Marked, groups: Mapping[str, str]) -> Marked:
    return replace(item, spans=tuple((start, end, groups[category]) for start, end, category in item.spans))


def compare(engines, texts):
    found = {}
    for name, find in engines.items():
        timed = Timed(find)
        found[name] = {**measure(texts, timed, with_names=False).table, "characters_per_second": timed.rate}
    return found


def shown(share):
    return f"{share['share']:.3f} [{share['low']:.3f}, {share['high']:.3f}]" if share["n"] else "-"


def rows(tables):
    """Yield each table line of a corpus: label, number of annotations (or ""), and one cell per engine."""
    first = next(iter(tables.values()))
    marked = [group for group in GROUPS if group in first["recall"]]
    for group in marked:
        yield (
            f"recall of {group}",
            f"{first['recall'][group]['n']:,}",
            [shown(t["recall"][group]) for t in tables.values()],
        )
    if marked:
        yield "precision", "", [shown(t["precision"]) for t in tables.values()]
    for label, key, form in (
        ("false spans per 1,000 words", "false_spans_per_1000_words", ".1f"),
        ("false names per 1,000 words", "false_names_per_1000_words", ".2f"),
        ("characters per second", "characters_per_second", ",.0f"),
    ):
        yield label, "", [format(t[key], form) for t in tables.values()]


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--spacy", default="en_core_web_md", metavar="MODEL", help="package or folder")
    parser.add_argument(
        "--cases", type=Path, metavar="FOLDER", help="folder of identifiers.txt and false_friends.txt"
    )
    parser.add_argument("--notes", type=int, default=330, help="number of invented notes")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")
    parser.add_argument("--quick", action="store_true", help="6 invented notes, and 40 texts of each other corpus")
    parser.add_argument("--speed", action="store_true", help="only the speed of rules and rules+ner")
    args = parser.parse_args(argv)
    if args.speed:
        args.engines, args.notes = OWN, SPEED_NOTES
    if args.quick:
        args.notes = QUICK_NOTES
    return args


def main(argv=None):
    args = arguments(argv)
    engines = open_engines(args.engines, args.spacy)
    if not engines:
        sys.exit("no engine is installed")
    if args.speed:
        notes = list(plant(args.notes))
        rates = {name: table["characters_per_second"] for name, table in compare(engines, notes).items()}
        for name, rate in rates.items():
            print(f"{name:<10} {rate:10,.0f} characters per second of processor time", flush=True)
        found = {"characters_per_second": rates}
    else:
        found, measured = {}, corpora(args)
        print(f"| corpus | measured | n | {' | '.join(engines)} |\n{'|---' * (len(engines) + 3)}|", flush=True)
        for name, texts in measured.items():
            found[name] = compare(engines, texts)
            for label, n, cells in rows(found[name]):
                print(f"| {name} | {label} | {n} | {' | '.join(cells)} |", flush=True)
    if args.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()

from synthgen.config import Config
from synthgen.core.types import Corpus, Record
from synthgen.plan.source_summary import documents_in_words, length_warning, words_per_record

COUNTS = {
    "in": 12,
    "out": 9,
    "dropped": {"no person": 3},
    "remarks": {"other charset": 1},
    "profile": {"words": [10, 50, 90], "persons": 4, "notes_by_year": {"2021": 2, "2022": 7}},
}


def test_numbers_reasons_and_years():
    assert documents_in_words(COUNTS) == [
        "documents: 12 read, 9 notes of 4 persons used",
        "  not used: no person: 3",
        "  used with a remark: other charset: 1",
        "  notes by year: 2021: 2, 2022: 7",
    ]


def test_many_years_are_a_range_and_none_are_left_out():
    years = {str(1990 + i): i for i in range(20)}
    lines = documents_in_words({**COUNTS, "profile": {**COUNTS["profile"], "notes_by_year": years}})
    assert lines[-1] == "  notes by year: from 1990 to 2009, most in 2009"
    lines = documents_in_words({**COUNTS, "profile": {**COUNTS["profile"], "notes_by_year": {}}})
    assert lines[-1].startswith("  used with a remark")


def corpus(*n_words):
    records = (Record(id=str(i), text="word " * n, label="a", group=str(i)) for i, n in enumerate(n_words))
    return Corpus(role="train", records=tuple(records), has_groups=True)


def config(**changes):
    return Config.parse({"version": 1, "source": {"path": "x"}, "interpolate": {"total": 10}, **changes})


def test_records_much_longer_than_a_generated_text_give_a_warning_with_the_remedy():
    short = config(decode={"max_new_tokens": 140})  # 100 words
    assert length_warning(short, corpus(100, 140)) is None
    warning = (
        "source: a record has 250 words on average, and a generated text has at most about 100, so only 40% of the "
        "words of the records fit into generated texts; add the line `segments: {by: auto}`, so that records are "
        "written in parts"
    )
    assert length_warning(short, corpus(100, 400)) == warning
    prompted = config(decode={"max_new_tokens": 140, "writer": "prompt"})
    assert length_warning(prompted, corpus(100, 400)) == f"{warning}, or raise decode.max_new_tokens"
    unsuitable = config(decode={"max_new_tokens": 140}, interpolate={"method": "vae", "total": 10})
    found = length_warning(unsuitable, corpus(100, 400))
    assert found.endswith("; shorten the records, or raise decode.max_new_tokens")


def test_segments_that_are_much_longer_than_a_generated_segment_give_a_warning():
    fitting = config(segments={"by": "headings"}).for_texts(corpus(900).texts)
    assert length_warning(fitting, corpus(900)) is None
    long = config(decode={"max_new_tokens": 140}, segments={"words": 200})
    assert length_warning(long, corpus(900)) == (
        "segments.words is 200, and a generated segment has at most about 100 words; set decode.max_new_tokens to "
        "auto, or lower segments.words"
    )


def test_the_profile_contains_lengths_that_records_have():
    assert words_per_record([corpus(*range(1, 11)), corpus(*range(11, 21))]) == (2, 10, 18)
    assert words_per_record([corpus(7), corpus()]) == (7, 7, 7)

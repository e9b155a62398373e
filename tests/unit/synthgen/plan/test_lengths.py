from synthgen.config import Config
from synthgen.core.types import Corpus, Record
from synthgen.plan.source_summary import length_warning, words_per_record


def corpus(*n_words):
    records = (Record(id=str(i), text="word " * n, label="a", group=str(i)) for i, n in enumerate(n_words))
    return Corpus(role="train", records=tuple(records), has_groups=True)


def config(**changes):
    return Config.parse({"version": 1, "source": {"path": "x"}, "interpolate": {"total": 10}, **changes})


def test_records_much_longer_than_a_generated_text_give_a_warning_with_the_remedy():
    short = config(decode={"max_new_tokens": 140})  # 100 words
    assert length_warning(short, corpus(100, 140)) is None
    assert length_warning(short, corpus(100, 400)) == (
        "source: a record has 250 words on average, and a generated text has at most about 100, so only 40% of the "
        "words of the records fit into generated texts; add the section segments, or raise decode.max_new_tokens"
    )
    assert length_warning(config(decode={"max_new_tokens": 140}, segments={"by": "headings"}), corpus(900)) is None


def test_the_profile_contains_lengths_that_records_have():
    assert words_per_record([corpus(*range(1, 11)), corpus(*range(11, 21))]) == (2, 10, 18)
    assert words_per_record([corpus(7), corpus()]) == (7, 7, 7)

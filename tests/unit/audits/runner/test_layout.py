from dataclasses import replace

import numpy as np
import pytest

from audits.runner.input_checks import check_split
from audits.runner.layout import unlike_real
from audits.text.layout import BROKEN, DOUBLE, EDGES, INVISIBLE, TABS

SECRET = b"Ann Smith, HIV"
BITS = [byte >> k & 1 for byte in SECRET for k in range(8)]


def tailed(text):
    return text + " " + "".join(" \t"[bit] for bit in BITS) + "."


def doubled(text):
    words = text.split()
    return "".join(
        word + " " * (1 + bit) for word, bit in zip(words, [*BITS, *[0] * len(words)], strict=False)
    ).strip()


def tagged(text):
    return text + "".join(chr(0xE0000 + byte) for byte in SECRET[: max(7, len(text) // 20)])


def broken(text):
    return text.replace("a ", "a\n")


WAYS = {
    "tailed": (tailed, TABS),
    "doubled": (doubled, DOUBLE),
    "tagged": (tagged, INVISIBLE),
    "broken": (broken, BROKEN),
}


@pytest.mark.parametrize("way", WAYS)
def test_text_in_white_space_and_invisible_characters_is_detected(fresh_inputs, way):
    hide, kind = WAYS[way]
    real = (*fresh_inputs.train.texts, *fresh_inputs.control.texts)
    texts = fresh_inputs.synthetic.texts
    found = unlike_real([*map(hide, texts)], real)
    assert kind in found.kinds
    assert len(found.rows) > 0.9 * len(texts)
    n_few = 10 if way == "doubled" else 1
    assert unlike_real([*map(hide, texts[:n_few]), *texts[n_few:]], real).rows == tuple(range(n_few))


def test_white_space_of_real_rows_is_accepted_unless_there_is_more_of_it(fresh_inputs):
    rng = np.random.default_rng(2)

    def typed(texts, density):
        return ["".join(c + " " * int(c == " " and rng.random() < density) for c in text) + "\n" for text in texts]

    real = typed((*fresh_inputs.train.texts, *fresh_inputs.control.texts), 0.2)
    assert unlike_real(typed(fresh_inputs.synthetic.texts, 0.2), real).rows == ()
    found = unlike_real(typed(fresh_inputs.synthetic.texts, 0.5), real)
    assert (found.kinds, len(found.rows) > 300) == ((DOUBLE,), True)


def test_dense_rows_are_named_after_a_kind_that_the_density_counts():
    lines = "\nso on and" * 200  # many line breaks inside sentences, which the density does not count
    real = [f"{'a  b' * 9}{lines}"] * 60
    found = unlike_real([f"{'a  b' * 40}{lines}"] * 20 + real[:40], real)
    assert (found.kinds, found.rows) == ((DOUBLE,), tuple(range(20)))


def test_a_few_odd_characters_of_one_row_are_accepted(fresh_inputs):
    texts = fresh_inputs.synthetic.texts
    assert unlike_real([f"{texts[0]} \t", *texts[1:]], fresh_inputs.train.texts).rows == ()
    assert unlike_real([f"{texts[0]}{' ' * 8}", *texts[1:]], fresh_inputs.train.texts).kinds == (EDGES,)


def test_few_rows_are_quarantined_and_many_are_a_problem(fresh_inputs):
    def check(n, **options):
        texts = fresh_inputs.synthetic.texts
        table = replace(fresh_inputs.synthetic, texts=(*map(tailed, texts[:n]), *texts[n:]))
        return check_split(replace(fresh_inputs, synthetic=table), np.random.default_rng(0), **options)

    few, many = check(2), check(20)
    assert (few.problems, few.quarantined) == ((), (0, 1))
    for found in (many, check(2, quarantine=False)):
        (problem,) = found.problems
        assert "no audit reads these characters: remove them with `audits rewrite" in problem
        assert found.quarantined == ()

"""Disguised, short, shared and scattered copies from the command line to the verdict."""

import re

import numpy as np
import pytest

SYLLABLES = [c + v for c in "bdfgklmnprst" for v in "aeiou"]


def invented(rng, n):
    """Return n words that nobody else uses."""
    return ["".join(rng.choice(SYLLABLES, 4)) for _ in range(n)]


def each_word(change):
    return lambda text: " ".join(change(w, len(w) // 2) if len(w) > 3 else w for w in text.split())


DISGUISES = {
    "glued": lambda text: text.replace(" ", ""),
    "three words glued": lambda text: re.sub(r"(\S+) (\S+) (\S+)", r"\1\2\3", text),
    "hyphenated": each_word(lambda w, i: f"{w[:i]}-{w[i:]}"),
    "dotted": each_word(lambda w, i: f"{w[: i - 1]}.{w[i - 1 :]}"),
    "in pairs of letters": lambda text: " ".join(re.findall("..?", text.replace(" ", ""))),
    "letters doubled": each_word(lambda w, i: w[:i] + w[i] + w[i:]),
    "letters swapped": each_word(lambda w, i: w[: i - 1] + w[i] + w[i - 1] + w[i + 1 :]),
    "letters left out": each_word(lambda w, i: w[:i] + w[i + 1 :]),
    "letters replaced": each_word(lambda w, i: f"{w[:i]}x{w[i + 1 :]}"),
    "inner letters reversed": each_word(lambda w, _: w[0] + w[-2:0:-1] + w[-1]),
    "leetspeak": lambda text: text.translate(str.maketrans("aeiost", "431057")),
    "without vowels": lambda text: re.sub("[aeiou]", "", text),
}


@pytest.fixture
def memorized(audited):
    """Return a function that runs the audit on rows of (text, person): exit code, result, rows found, report."""

    def run(**tables):
        code, report, found, _ = audited("--only", "memorization", **tables)
        (result,) = report["results"]
        return code, result, found, report

    return run


@pytest.fixture
def assert_all_found(memorized):
    """Return a function that asserts that the audit finds each of the named leaks, added to the synthetic rows."""

    def check(leaks, train, control, synthetic):
        made = [*synthetic, *((text, "") for text in leaks.values())]
        code, result, found, _ = memorized(train=train, control=control, synthetic=made)
        assert not {name for row, name in enumerate(leaks, start=len(synthetic)) if row not in found}
        assert min(found) >= len(synthetic), "no clean row is a finding"
        assert (code, result["verdict"]) == (4, "fail")

    return check


ORDERS = {
    "reversed": lambda words: words[::-1],
    "in two columns": lambda words: words[::2] + words[1::2],
    "in three columns": lambda words: words[::3] + words[1::3] + words[2::3],
    "sorted": sorted,
    "reversed with every seventh word changed": lambda w: ["x" if i % 7 == 3 else x for i, x in enumerate(w[::-1])],
}


def test_records_with_their_words_in_another_order_are_found(fresh_inputs, rows_of, assert_all_found):
    """The rare words of these records have fewer than 150 bits, so that only their bags of words identify them."""
    rng = np.random.default_rng(15)
    train, control, synthetic = map(rows_of, (fresh_inputs.train, fresh_inputs.control, fresh_inputs.synthetic))
    common = [word for text, _ in synthetic[:5] for word in text.lower().split()[:8] if word.isalpha()]
    leaks = {}
    for name, reordered in ORDERS.items():
        for n_words, n_invented in ((14, 10), (24, 12), (40, 14)):
            words = invented(rng, n_invented) + list(rng.choice(common, n_words - n_invented))
            words = rng.permutation(words).tolist()
            train.append((" ".join(words), f"{name}{n_words}"))
            leaks[f"{name} {n_words}"] = " ".join(reordered(words))
    assert_all_found(leaks, train, control, synthetic)


@pytest.mark.slow
def test_reordered_short_records_of_one_train_and_one_control_person_prove_no_leak(fresh_inputs, rows_of, memorized):
    rng = np.random.default_rng(16)
    tables = {name: rows_of(getattr(fresh_inputs, name)) for name in ("train", "control", "synthetic")}
    for name in ("train", "control"):
        words = invented(rng, 10)
        tables[name].append((" ".join(words), f"{name} short"))
        tables["synthetic"].append((" ".join(words[::-1]), ""))
    code, result, found, _ = memorized(**tables)
    assert (code, result["verdict"], found) == (0, "pass", set())
    assert result["details"]["control_highest_bag_of_words"]["8"] == 1
    assert "were copied in another word order" in result["reason"]


def test_every_disguised_short_shared_or_scattered_copy_is_found(fresh_inputs, rows_of, assert_all_found):
    rng = np.random.default_rng(12)
    train, control, synthetic = map(rows_of, (fresh_inputs.train, fresh_inputs.control, fresh_inputs.synthetic))
    leaks = {}
    # two copies of each kind, so that more rows are illegible than may be quarantined before the audit
    sources = (text.lower() for text, _ in train[20:] if len(text.split()) > 30)
    leaks |= {f"{name} {i}": disguise(next(sources)) for name, disguise in DISGUISES.items() for i in range(2)}
    for n_words in (8, 10, 12):  # whole short records, one of them glued and one among other sentences
        train.append((" ".join(invented(rng, n_words)), f"short{n_words}"))
        leaks[f"record of {n_words} words"] = train[-1][0]
    leaks["record of 10 words"] = leaks["record of 10 words"].replace(" ", "")
    leaks["record of 12 words"] = f"Once more. {leaks['record of 12 words']}. Thank you."
    for sides in ("tt", "tc", "ttcc"):  # fifty words of two or four persons, in longer records
        passage = " ".join(invented(rng, 50))
        for i, side in enumerate(sides):
            record = (f"{' '.join(invented(rng, 60))} {passage}", f"{side}{sides}{i}")
            (train if side == "t" else control).append(record)
        leaks[f"passage of {sides}"] = passage
    # half of a record in one row, the other half in pieces; the first row must not hide the others
    words = invented(rng, 90)
    pieces = [" ".join(words[i : i + 10]) for i in range(0, 90, 10)]
    train.append((" ".join(words), "scattered"))
    leaks["scattered 0"] = " ".join(f"{piece} {' '.join(invented(rng, 10))}" for piece in pieces[:5])
    leaks |= {f"scattered {i}": f"{piece} {' '.join(invented(rng, 10))}" for i, piece in enumerate(pieces[5:], 1)}
    assert_all_found(leaks, train, control, synthetic)


@pytest.mark.slow
def test_short_records_are_compared_with_the_rate_in_control(fresh_inputs, rows_of, memorized):
    """Records of three words are too short for a hit of their own, but nine in ten of the copies are of train."""
    rng = np.random.default_rng(13)
    tables = {name: rows_of(getattr(fresh_inputs, name)) for name in ("train", "control", "synthetic")}
    of_train, of_control = ([(" ".join(invented(rng, 3)), f"{who}{i}") for i in range(30)] for who in "xy")
    tables["train"] += of_train
    tables["control"] += of_control
    chance = memorized(**tables | {"synthetic": [*tables["synthetic"], *of_train[:3], *of_control[:3]]})
    assert (chance[0], chance[1]["verdict"]) == (0, "pass")
    leak = memorized(**tables | {"synthetic": [*tables["synthetic"], *of_train[:27], *of_control[:3]]})
    assert (leak[0], leak[1]["verdict"]) == (4, "fail")
    first = len(tables["synthetic"])
    assert leak[2] == set(range(first, first + 27))
    copied = [run[1]["metrics"]["memorization.copied_persons"] for run in (chance, leak)]
    assert copied[0]["high"] < 0.05 < copied[1]["value"]


@pytest.mark.slow
def test_rows_that_may_quote_are_excluded_and_listed(fresh_inputs, rows_of, memorized):
    """A row quotes forty words of a control person, so thirty-two words of a train person prove no leak."""
    tables = {name: rows_of(getattr(fresh_inputs, name)) for name in ("train", "control", "synthetic")}
    longest = {name: sorted(rows, key=lambda row: -len(row[0]))[:8] for name, rows in tables.items()}
    quotes = [" ".join(text.split()[:32]) for text, _ in longest["train"]]
    first, tables["synthetic"] = (
        len(tables["synthetic"]),
        [*tables["synthetic"], (" ".join(longest["control"][0][0].split()[:40]), ""), (quotes[0], "")],
    )
    code, result, found, report = memorized(**tables)
    assert (code, result["verdict"], report["overall"]) == (4, "pass", "insufficient")
    assert report["quarantined"] == {"memorization": [first + 2]}, "row numbers begin at 1"
    assert found == {first + 1}
    assert result["metrics"]["memorization.hard_hits"]["value"] == 0
    tables["synthetic"] += [(quote, "") for quote in quotes[1:]]  # more than 1 % of the rows
    _, result, found, report = memorized(**tables)
    assert (result["verdict"], result["status"], report["quarantined"]) == ("insufficient", "inconclusive", {})
    assert found == set(range(first + 1, first + 9))


@pytest.mark.slow
def test_rows_that_quote_in_other_ways_are_excluded_and_listed(fresh_inputs, rows_of, memorized):
    """Four rows quote one train person each: marked as a quotation, in capitals, and before or after other words."""
    tables = {name: rows_of(getattr(fresh_inputs, name)) for name in ("train", "control", "synthetic")}
    longest = {name: sorted(rows, key=lambda row: -len(row[0]))[:4] for name, rows in tables.items()}
    one, two, three, four = (" ".join(text.split()[:32]) for text, _ in longest["train"])
    first, others = len(tables["synthetic"]), [" ".join(text.split()[40:]) for text, _ in longest["synthetic"]]
    quoting = [" ".join(f"> {word}" if i % 8 == 0 else word for i, word in enumerate(one.split())), two.upper()]
    quoting += [f'{others[0]} "{three}"', f"{four} {others[1]}"]
    tables["synthetic"] += [(text, "") for text in (" ".join(longest["control"][0][0].split()[:40]), *quoting)]
    code, result, found, report = memorized(**tables)
    assert (code, result["verdict"], report["overall"]) == (4, "pass", "insufficient")
    assert report["quarantined"] == {"memorization": [first + 2 + i for i in range(4)]}, "row numbers begin at 1"
    assert found == {first + 1 + i for i in range(4)}


SCRIPTS = {  # letters of each script, the mark that ends a clause, and what is added to each clause of a copy
    "Chinese": ("".join(map(chr, range(0x4E00, 0x5200))), "，", "也"),
    "Japanese": ("".join(map(chr, (*range(0x3042, 0x3090), *range(0x5200, 0x5400)))), "、", "ね"),
    "Thai": ("".join(map(chr, range(0x0E01, 0x0E2F))), " ", "ๆ"),
    "Khmer": ("".join(map(chr, range(0x1780, 0x17A3))), " ", "ឥ"),
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_copies_with_an_added_character_per_clause_are_found_without_spaces(script, memorized):
    letters, comma, added = SCRIPTS[script]
    rng, pool = np.random.default_rng(14), list(letters)
    tables = {}
    for name, n in (("train", 320), ("control", 310), ("synthetic", 305)):
        texts = [comma.join("".join(rng.choice(pool, 12)) for _ in range(8)) for _ in range(n)]
        tables[name] = [(text, f"{name}{i}") for i, text in enumerate(texts)]
    copies = [comma.join(f"{c[:6]}{added}{c[6:]}" for c in text.split(comma)) for text, _ in tables["train"][:10]]
    tables["synthetic"] += [(text, "") for text in copies]
    code, result, found, _ = memorized(**tables)
    assert (code, result["verdict"]) == (4, "fail")
    assert found == set(range(305, 315))

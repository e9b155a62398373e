from fictional_clinic import vocabulary


def lists():
    return {name: value for name, value in vars(vocabulary).items() if name.isupper()}


def test_every_list_holds_distinct_trimmed_words():
    for name, words in lists().items():
        assert isinstance(words, tuple), name
        assert len(words) == len(set(words)), name
        assert all(word and word == word.strip() for word in words), name


def test_mail_goes_to_reserved_names_only():
    assert all(host.endswith(("example.org", "example.com", "example.net")) for host in vocabulary.MAIL_HOSTS)


def test_traits_are_enough_for_every_patient_to_have_their_own():
    assert len(vocabulary.OCCUPATIONS) * len(vocabulary.PASTIMES) * len(vocabulary.EVENTS) > 20_000

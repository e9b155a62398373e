from fictional_clinic import vocabulary


def test_every_list_holds_distinct_trimmed_words():
    for name, words in vars(vocabulary).items():
        if name.isupper():
            assert isinstance(words, tuple), name
            assert len(words) == len(set(words)), name
            assert all(word and word == word.strip() for word in words), name


def test_mail_hosts_are_reserved_names_and_there_are_enough_traits_for_every_patient():
    assert all(host.endswith(("example.org", "example.com", "example.net")) for host in vocabulary.MAIL_HOSTS)
    assert len(vocabulary.OCCUPATIONS) * len(vocabulary.PASTIMES) * len(vocabulary.EVENTS) > 20_000

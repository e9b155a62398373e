from synthgen.release.provenance import producer


def test_producer_states_sources_and_versions_of_the_usual_form():
    made = producer(
        {"python": "3.11.7", "numpy": "2.3.0", "torch": "2.13.0+cpu", "gguf": "a note", "source": "e" * 64}
    )
    libraries = {"numpy": "2.3.0", "torch": "2.13.0+cpu", "gguf": "other", "source": "e" * 64}
    assert (made["tool"], made["python"], made["madeBy"]) == ("synthgen", "3.11.7", libraries)

import math

import pytest

from synthgen.core.errors import ConfigError
from synthgen.core.types import Corpus, Record
from synthgen.decode.config import DecodeConfig, EndpointConfig
from synthgen.decode.likelihood import Likelihood
from synthgen.decode.prompting.endpoint import EndpointDecoder
from synthgen.decode.prompting.local import PromptDecoder
from synthgen.decode.prompting.opening import endpoint_digest, open_prompted, prompter_of, surprisal_under
from synthgen.decode.prompting.prompter import Prompter

TRAIN = Corpus(role="train", records=(Record(id="1", text="T.", label="a", group="p"),), has_groups=True)


@pytest.mark.parametrize(
    ("tag", "name"), [("und", ""), ("de", "German"), ("pt-BR", "Portuguese"), ("ro", "ro")]
)  # fmt: skip
def test_language_is_named_in_words_where_it_is_known(tag, name):
    config = DecodeConfig(writer="prompt", examples="letter", descriptions={"a": "b"})
    made = prompter_of(config, None, TRAIN, lambda path: path, tag)
    assert (made.language, len(made.examples), dict(made.descriptions)) == (name, 2, {"a": "b"})


def test_labels_that_no_record_has_are_listed(tmp_path):
    (tmp_path / "e.jsonl").write_text('{"text": "Fine.", "label": "a"}\n{"text": "Odd.", "label": "z"}\n')
    config = DecodeConfig(writer="prompt", examples="e.jsonl", descriptions={"a": "b", "A": "c"})
    with pytest.raises(
        ConfigError, match="no training record has the labels of some descriptions or examples"
    ) as refused:
        prompter_of(config, None, TRAIN, tmp_path.joinpath, "und")
    assert refused.value.problems == (
        "decode.descriptions: no training record has the label 'A'",
        "decode.examples: no training record has the label 'z'",
    )


def test_engine_decides_which_decoder_is_opened(server, llama_folder):
    config = DecodeConfig(writer="prompt", model="tiny")
    assert isinstance(open_prompted(config, llama_folder, Prompter()), PromptDecoder)
    other = open_prompted(config.model_copy(update={"engine": "transformers"}), llama_folder, Prompter())
    assert other.weights is None
    endpoint = EndpointConfig(url=server.url, model="writer")
    served = config.model_copy(update={"engine": "endpoint", "endpoint": endpoint})
    assert isinstance(open_prompted(served, llama_folder, Prompter()), EndpointDecoder)
    renamed = endpoint.model_copy(update={"model": "other"})
    moved = endpoint.model_copy(update={"url": "http://127.0.0.1:9/v1"})
    assert endpoint_digest(endpoint) == endpoint_digest(moved) != endpoint_digest(renamed)


def test_surprisal_is_measured_by_the_model_of_the_folder(llama_folder, tiny):
    texts = ["The doctor sees the river.", "", "A rocket."]
    found = surprisal_under(llama_folder)(texts)
    nats = Likelihood.load(llama_folder).nats([texts[0], texts[2]], max_tokens=256).each / math.log(tiny.SIZE)
    assert found == pytest.approx([nats[0], 1.0, nats[1]])

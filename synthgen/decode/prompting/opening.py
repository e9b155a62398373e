"""Create the decoder for `writer: prompt`: load template and examples, then open a model folder or a server."""

import math
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from synthgen.core.digest import sha256_json
from synthgen.core.errors import ConfigError
from synthgen.core.types import Corpus
from synthgen.decode.base import Decoder
from synthgen.decode.config import BUILTIN, ENDPOINT, VLLM, DecodeConfig, EndpointConfig
from synthgen.decode.likelihood import Likelihood
from synthgen.decode.prompt_words import WordReader
from synthgen.decode.prompting.client import Client
from synthgen.decode.prompting.endpoint import EndpointDecoder, Surprisal
from synthgen.decode.prompting.examples import load_examples
from synthgen.decode.prompting.facts import facts_of
from synthgen.decode.prompting.local import PromptDecoder
from synthgen.decode.prompting.prompter import LANGUAGES, Prompter
from synthgen.decode.prompting.template import load_template

READ_TOKENS = 256  # the surprisal of a server's text is measured on at most its first READ_TOKENS tokens


def prompter_of(
    config: DecodeConfig,
    reader: WordReader | None,
    train: Corpus,
    resolve: Callable[[str], Path],
    language: str,
    split: Callable[[str], Sequence[str]] = lambda text: (text,),
) -> Prompter:
    """Return the `Prompter` of a run; `language` is the run's first language tag, such as "en" or "und" (unknown).

    `split` divides a record into the parts that are written one after another; see `facts_of`.

    Raises:
        ConfigError: template or examples are invalid, or no training record has the label of an example or of a
            description.
        StorageError: the file of the template or of the examples cannot be read.
    """
    examples, labels = load_examples(config.examples, resolve), {*train.labels}
    of_examples = sorted({e.label for e in examples if e.label is not None})
    named = [
        *(("descriptions", label) for label in config.descriptions),
        *(("examples", label) for label in of_examples),
    ]
    unknown = [(key, label) for key, label in named if label not in labels]
    if problems := [f"decode.{key}: no training record has the label {label!r}" for key, label in unknown]:
        hint = f"The labels of the training records are: {', '.join(sorted(labels))}."
        message = "decode: no training record has the labels of some descriptions or examples"
        raise ConfigError(message, problems=problems, hint=hint)
    return Prompter(
        reader=reader,
        template=load_template(config.template, resolve),
        descriptions=config.descriptions,
        examples=examples,
        facts=facts_of(train, split),
        language="" if language == "und" else LANGUAGES.get(language.split("-", maxsplit=1)[0], language),
    )


def open_prompted(config: DecodeConfig, folder: Path, prompter: Prompter) -> Decoder:
    """Return the decoder of the configured engine; `folder` contains `decode.model`.

    Raises:
        ConfigError: the environment variable for the key of the server holds no valid key.
        DependencyError: vLLM is configured, but not installed.
        ModelError: the model in the folder, or the server (see `Client.check`), cannot be used.
    """
    if config.engine == ENDPOINT and config.endpoint is not None:
        client = Client(config.endpoint)
        client.check()
        return EndpointDecoder(client, prompter, surprisal_under(folder))
    own_loop = config.engine == BUILTIN
    decoder = PromptDecoder(folder, prompter, decoder=config.model, device=config.placement, own_loop=own_loop)
    if config.engine == VLLM:
        decoder.use_vllm()
    return decoder


def endpoint_digest(endpoint: EndpointConfig) -> str:
    """Return the digest of the name of a server's model, because the model's files are not on this machine."""
    return sha256_json({"endpoint": endpoint.model})


def surprisal_under(folder: Path) -> Surprisal:
    """Return a function that measures the mean surprisal per token of each text, as a share of ln(V).

    The surprisal of a token is −ln p under the model in `folder`. V is the size of the vocabulary, so a random guess
    has the share 1. The first call of the function loads the model.
    """
    load = cache(lambda: Likelihood.load(folder))

    def surprisal(texts: Sequence[str]) -> list[float]:
        model = load()
        with_tokens = [i for i, text in enumerate(texts) if model.tokenizer(text, add_special_tokens=False).input_ids]
        shares = [1.0] * len(texts)  # a text without tokens keeps 1, the surprisal of random guessing
        guess = math.log(model.model.get_output_embeddings().weight.shape[0])
        each = model.nats([texts[i] for i in with_tokens], max_tokens=READ_TOKENS).each
        for i, nats in zip(with_tokens, each, strict=True):
            shares[i] = float(nats) / guess
        return shares

    return surprisal

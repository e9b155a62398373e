"""Open the language model that writes the texts of a run; the model is in a folder or on a server.

The model gets a vector in one of two ways. A bridge (an adapter) turns the vector into soft tokens, which are input
vectors of the model. Otherwise, the model gets a prompt with words that describe the vector.
"""

from dataclasses import replace
from functools import cache

from synthgen.config import Config
from synthgen.core.digest import sha256_json
from synthgen.core.errors import ModelError
from synthgen.core.made_by import versions_of
from synthgen.core.types import Corpus
from synthgen.decode.base import Decoder
from synthgen.decode.bridge import Bridge, Vocabulary, check_fit, load_bridge, load_vocabulary
from synthgen.decode.class_words import TokenBiases, token_biases
from synthgen.decode.config import BUILTIN, ENDPOINT, VLLM, XRAG
from synthgen.decode.loading import decode_backend, decode_dtype, load_tokenizer
from synthgen.decode.prompting.opening import endpoint_digest, open_prompted, prompter_of
from synthgen.decode.published import SENTENCES, CheckpointBridge, load_checkpoint_bridge
from synthgen.decode.stage import DecoderModel
from synthgen.decode.style_adapter import in_style
from synthgen.decode.xrag import XragDecoder
from synthgen.embed import Encoder
from synthgen.embed.last_token import LastTokenEncoder
from synthgen.models.registry import MODELS
from synthgen.models.store import digest_of, name_by_weights
from synthgen.pipeline.job import Job, configured_folder
from synthgen.pipeline.segments import parts_of, unsegmented
from synthgen.pipeline.style_choice import Shares, named_styles

PURPOSES = {"encoder": "an encoder", "decoder": "a language model", "names": "a name classifier"}  # by kind of model


def open_bridge(job: Job, voted: Shares | None = None) -> Bridge | Vocabulary:
    """Return the configured bridge: the built-in bridge, a bridge in a folder, or the bridge in a model's checkpoint.

    The bridge writes in the styles `voted`, which a DP query chose, or, if `voted` is None, in the configured styles.
    With `decode.style: auto`, `choose_style` sets the styles later. If texts are written from prompts of words,
    return only the vocabulary of the bridge. Raise ModelError if `decode.words` is above 0 and the bridge has no
    vocabulary.
    """
    config = job.config.decode
    if config.is_prompted:
        return load_vocabulary(config.bridge, job.config.resolve, encoder=job.model_name(job.config.embed.model))
    if config.writer == XRAG:
        return load_checkpoint_bridge(job.folder(config.model))
    bridge = in_style(load_bridge(config.bridge, job.config.resolve), named_styles(job.config, voted))
    if config.words > 0 and bridge.reader is None:
        message = f"decode.words is {config.words}, but the bridge {config.bridge!r} has no vocabulary of words"
        raise ModelError(message, hint="Set decode.words to 0, or set decode.bridge to a bridge with a vocabulary.")
    return bridge


def vocabulary_of(config: Config) -> Vocabulary | None:
    """Return the vocabulary from which prompt words are chosen; None if the model gets vectors as soft tokens."""
    decode, encoder = config.decode, config.embed.model
    if not decode.is_prompted:
        return None
    if encoder not in MODELS:
        encoder = name_by_weights(encoder, configured_folder(config, encoder))
    return load_vocabulary(decode.bridge, config.resolve, encoder=encoder)


def check_models(job: Job, bridge: Bridge | Vocabulary) -> None:
    """Raise ModelError if a model has the wrong kind or does not fit the bridge.

    An encoder in `decode.model`, for example, has the wrong kind. A bridge in a model's checkpoint is checked later,
    by `open_decoder`.
    """
    config = job.config
    wanted = {"embed.model": (config.embed.model, "encoder"), "decode.model": (config.decode.model, "decoder")}
    found = {key: job.model_name(name) for key, (name, _) in wanted.items()}
    kinds = {key: MODELS[name].kind if name in MODELS else None for key, name in found.items()}
    if problems := [
        f"{key}: {name!r} is {PURPOSES[kind]}; {PURPOSES[needed]} is needed"
        for key, (name, needed) in wanted.items()
        if (kind := kinds[key]) not in {None, needed}
    ]:
        hint = "`synthgen models list` shows the models of the store and their purposes."
        raise ModelError("a model does not fit its purpose", problems=problems, hint=hint)
    if isinstance(bridge, Bridge) and not isinstance(bridge, CheckpointBridge):
        encoder, decoder, info = found["embed.model"], found["decode.model"], bridge.info
        check_fit(info, encoder=encoder, dim=info.dim, decoder=decoder, width=info.width)


def open_decoder(job: Job, bridge: Bridge, encoder: Encoder) -> Decoder:
    """Load the language model with its bridge; raise ModelError if the bridge does not fit the model or encoder."""
    config, encoder_name = job.config.decode, job.config.embed.model
    folder = job.folder(config.model)
    if isinstance(bridge, CheckpointBridge):
        inner = unsegmented(encoder)
        if not isinstance(inner, LastTokenEncoder):
            raise ModelError(
                f"decode.writer: {XRAG!r} needs an encoder whose vector is the state of the last token, and "
                f"embed.model {encoder_name!r} is not such an encoder",
                hint="Set embed.model to the encoder for which the model in decode.model was trained, such as "
                "SFR-Embedding-Mistral.",
            )
        # the bridge was trained on vectors before normalization, so it needs the mean length of these vectors
        bridge = replace(bridge, raw_norm=inner.raw_norm(SENTENCES))
    registered_decoder, registered_encoder = job.model_name(config.model), job.model_name(encoder_name)
    opened = XragDecoder(
        folder,
        bridge,
        decoder=registered_decoder,
        encoder=registered_encoder,
        dim=encoder.dim,
        device=config.placement,
        own_loop=config.engine == BUILTIN,
    )
    if config.engine == VLLM:
        opened.use_vllm()
    return opened


def decoder_model(job: Job, train: Corpus, bridge: Bridge | Vocabulary, encoder: Encoder) -> DecoderModel:
    """Return the language model with `bridge` or, if `bridge` is a vocabulary, the language model for prompts."""
    config, folder = job.config.decode, job.folder(job.config.decode.model)
    engine_is_backend = config.engine in {ENDPOINT, VLLM}
    own_loop = config.engine == BUILTIN
    backend = config.engine if engine_is_backend else decode_backend(folder, config.placement, own_loop=own_loop)
    weights = digest_of(folder)  # if a server writes the texts, this model only measures the fluency
    if config.endpoint is not None:
        weights = sha256_json([weights, endpoint_digest(config.endpoint)])
    if config.engine == VLLM:
        converted = ["bfloat16"] if decode_dtype(folder, config.placement) == "bfloat16" else []
        weights = sha256_json([weights, versions_of(("vllm",)), *converted])
    if not isinstance(bridge, Vocabulary):
        digest = sha256_json([weights, bridge.digest, backend])
        opened = cache(lambda: open_decoder(job, bridge, encoder))
        return DecoderModel(open=opened, folder=folder, backend=backend, digest=digest)
    language, divide = job.config.release.languages[0], parts_of(encoder)
    prompter = prompter_of(config, bridge.reader, train, job.config.resolve, language, divide)
    digest = sha256_json([weights, bridge.digest, prompter.digest, backend])
    return DecoderModel(
        open=cache(lambda: open_prompted(config, folder, prompter)), folder=folder, backend=backend, digest=digest
    )


def biases_of_classes(job: Job, train: Corpus) -> TokenBiases | None:
    """Return the biases that make typical words of a class more likely; None under DP or if they are switched off.

    None is also returned if train has fewer than two classes or only empty texts. Raise ModelError if the tokenizer
    of the language model cannot be read.
    """
    config = job.config
    if config.interpolate.is_dp or not config.decode.uses_class_words:
        return None
    tokenizer = load_tokenizer(job.folder(config.decode.model))
    return token_biases(train, tokenizer, job.seeds.child("class-words"))

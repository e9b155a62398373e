"""Tiny random models of the same layout as the published ones, generated for the tests."""

import pytest

TEXT = "the a cough fever orbit engine goal doctor rocket team and with of in left right x1 x2 y z"


@pytest.fixture(scope="session")
def mistral_folder(tmp_path_factory):
    """Return a folder with a random 2-layer Mistral and a word tokenizer that closes texts with </s>."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing
    from transformers import MistralConfig, MistralModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-mistral")
    vocabulary = {word: i for i, word in enumerate(["<unk>", "<s>", "</s>", *TEXT.split(), "Instruct", "Query", ":"])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    special = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, padding_side="left", **special).save_pretrained(folder)
    torch.manual_seed(5)
    config = MistralConfig(
        vocab_size=len(vocabulary),
        hidden_size=24,
        intermediate_size=40,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        sliding_window=None,
    )
    MistralModel(config).save_pretrained(folder, safe_serialization=True)
    return folder

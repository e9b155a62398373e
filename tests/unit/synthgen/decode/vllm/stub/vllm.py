"""A stand-in for vLLM with the interface that the project uses. It computes texts one by one with transformers."""

import os
import sys
from dataclasses import dataclass, field

import torch
from transformers import AutoModelForCausalLM


@dataclass(kw_only=True)
class SamplingParams:
    """The names and types of vLLM's parameters that are used here; any other name is an error."""

    temperature: float
    top_p: float
    top_k: int
    max_tokens: int
    seed: int
    logprobs: int
    detokenize: bool
    stop_token_ids: list[int] = field(default_factory=list)
    bad_words: list[str] = field(default_factory=list)
    logit_bias: dict[int, float] = field(default_factory=dict)


@dataclass
class _Value:
    logprob: float


@dataclass
class _Text:
    token_ids: list[int]
    logprobs: list[dict[int, _Value]]


@dataclass
class _Output:
    outputs: list[_Text]


class LLM:
    def __init__(self, *, model, tokenizer, enable_prompt_embeds, enable_prefix_caching, trust_remote_code, seed):
        sys.stdout.write("vLLM prints to the standard output\n")
        if os.environ.get("STUB_FAILS") == "load":
            raise ValueError("Mrs Rosalind Achebe")
        assert (enable_prefix_caching, trust_remote_code, seed) == (not enable_prompt_embeds, False, 0)
        assert os.environ["VLLM_BATCH_INVARIANT"] == os.environ["VLLM_NO_USAGE_STATS"] == "1"
        self.model = AutoModelForCausalLM.from_pretrained(model)
        self.takes_embeds = enable_prompt_embeds

    def generate(self, prompts, sampling, use_tqdm):
        if os.environ.get("STUB_FAILS") == "write":
            sys.exit(3)
        return [self._one(prompt, own) for prompt, own in zip(prompts, sampling, strict=True)]

    @torch.inference_mode()
    def _one(self, prompt, own):
        table = self.model.get_input_embeddings()
        given = prompt["prompt_embeds"] if self.takes_embeds else table(torch.tensor(prompt["prompt_token_ids"]))
        chance = torch.Generator().manual_seed(own.seed)
        tokens, values = [], []
        for _ in range(own.max_tokens):
            logits = self.model(inputs_embeds=given[None]).logits[0, -1].float()
            for token, bias in own.logit_bias.items():
                logits[token] += bias
            token = int(torch.multinomial(torch.softmax(logits / own.temperature, -1), 1, generator=chance))
            tokens.append(token)
            values.append({token: _Value(float(torch.log_softmax(logits, -1)[token]))})
            if token in own.stop_token_ids:
                break
            given = torch.cat([given, table(torch.tensor([token]))])
        return _Output([_Text(tokens, values)])

"""The process that runs vLLM; engine.py starts it as `python -m synthgen.decode.vllm.process`.

The first JSON line of the standard input contains the model's folder and the options. Each further line contains a
batch of prompts, or the path of a file with prompt embeddings. The process answers each line with one JSON line on
the standard output.
"""

import json
import os
import sys
from typing import Any, TextIO


def main() -> None:
    """Answer the requests on the standard input until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # vLLM prints to the standard output, which must contain only answers
    serve(sys.stdin, answers)


def serve(requests: TextIO, answers: TextIO) -> None:
    """Load the model that the first line names, and answer each further line with one line."""
    from safetensors.torch import load_file
    from vllm import LLM, SamplingParams

    options = json.loads(requests.readline())
    model = LLM(
        model=options["folder"],
        tokenizer=options["tokenizer"],
        enable_prompt_embeds=options["embeds"],
        enable_prefix_caching=not options["embeds"],  # the cache can confuse two prompts that are embeddings
        trust_remote_code=False,
        seed=0,
    )
    _send(answers, {"ready": True})
    for line in requests:
        batch = json.loads(line)
        prompts: list[Any]
        if options["embeds"]:
            embeddings = load_file(batch["embeddings"])
            prompts = [{"prompt_embeds": embeddings[str(i)]} for i in range(len(embeddings))]
        else:
            prompts = [{"prompt_token_ids": ids} for ids in batch["prompts"]]
        shared = {**batch["sampling"], "logit_bias": {int(i): b for i, b in batch["logit_bias"].items()}}
        # with `logprobs=0`, vLLM returns the log-probability of the written token only
        sampling = [SamplingParams(**shared, seed=seed, logprobs=0, detokenize=False) for seed in batch["seeds"]]
        outputs = model.generate(prompts, sampling, use_tqdm=False)
        _send(answers, {"outputs": [_answer(output.outputs[0]) for output in outputs]})


def _answer(output: Any) -> dict[str, Any]:
    tokens = list(output.token_ids)
    chosen = [step[token].logprob for step, token in zip(output.logprobs, tokens, strict=True)]
    return {"tokens": tokens, "nats": -sum(chosen)}


def _send(answers: TextIO, value: Any) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()

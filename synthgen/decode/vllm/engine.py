"""Start the process that runs vLLM, and send it the prompts of a decoder."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from synthgen.core.errors import DependencyError, ModelError
from synthgen.core.progress import Advance
from synthgen.core.seeds import SeedTree
from synthgen.decode.base import Settings

MAX_SEED = 1 << 31  # the seed of a text is smaller than this number
NEVER = -100.0  # added to the logit of a token that is never written
ENVIRONMENT = {  # environment variables of the process that runs vLLM
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",  # keeps prompts out of logs
    "VLLM_BATCH_INVARIANT": "1",  # if the GPU supports this, a text does not depend on the other texts of its batch
    "HF_HUB_OFFLINE": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # prevents a child process, which could stay alive and keep the GPU
    "VLLM_HOST_IP": "127.0.0.1",
}
HIDDEN_VARIABLES = ("SYNTHGEN_KEY",)  # environment variables with these prefixes are hidden from the process


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The prompts of some latents (vectors), and the settings with which texts are written."""

    ids: Sequence[str]  # ids of the latents
    prompts: Sequence[Sequence[int]]  # token ids of the prompt of each latent
    # returns the embeddings (t, width) of the t tokens of prompt i; None if prompts are sent as token ids
    embeddings: Callable[[int], Tensor] | None
    ends: frozenset[int]  # tokens that end a text
    never: Sequence[int]  # tokens that are never written
    vocabulary: int  # number of tokens in the vocabulary of the model
    settings: Settings
    seeds: SeedTree  # the texts of latent x have seeds from `seeds.child(x)`


def require_vllm() -> None:
    """Raise DependencyError if vLLM is not installed; the test does not import vLLM."""
    if find_spec("vllm") is None:
        hint = "Install it on a machine with a GPU: pip install vllm. Without it, set decode.engine: transformers."
        raise DependencyError("decode.engine: vllm is not installed", hint=hint)


class VllmEngine:
    """Runs vLLM in a separate process, which ends when this object is deleted.

    `folder` contains the model with merged adapters, and `tokenizer` is the folder of the tokenizer. If `embeds` is
    true, prompts contain vectors and are sent as input embeddings.

    Raises:
        DependencyError: vLLM is not installed.
        ModelError: the process ends before the model is loaded.

    Privacy: prompts go only to the process of vLLM, through a pipe; embeddings go through a private temporary folder.
        The settings in `ENVIRONMENT` turn usage statistics off and select the loopback address.
    Randomness: the seeds of the texts of latent x are drawn from the stream seeds/x. With one version of vLLM on one
        type of GPU, a seed should always give the same text; the stage `decode` tests this on a few texts.
    """

    def __init__(self, folder: Path, tokenizer: Path, *, embeds: bool) -> None:
        require_vllm()
        self.lock = Lock()
        self.place = tempfile.TemporaryDirectory(prefix="synthgen-vllm-")
        self.log = Path(self.place.name) / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "synthgen.decode.vllm.process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**{k: v for k, v in os.environ.items() if not k.startswith(HIDDEN_VARIABLES)}, **ENVIRONMENT},
                text=True,
                start_new_session=True,
            )
        self._end = weakref.finalize(self, _end, self.process, self.place)
        self._request({"folder": str(folder), "tokenizer": str(tokenizer), "embeds": embeds})

    def close(self) -> None:
        """End the process and remove its files; this also happens at the end of the program."""
        self._end()

    def generate(self, task: Task, advance: Advance) -> tuple[list[list[int]], list[float]]:
        """Return the tokens of every text, and the text's mean surprisal per token as a share of ln(V).

        V is the size of the vocabulary, so ln(V) is the surprisal of a random guess. Each latent has
        `settings.candidates` consecutive texts. Raise ModelError if vLLM fails.
        """
        settings = task.settings
        seeds = [
            int(number)
            for name in task.ids
            for number in task.seeds.child(name).generator().integers(MAX_SEED, size=settings.candidates)
        ]
        latent_of_text = [row for row in range(len(task.ids)) for _ in range(settings.candidates)]
        sampling = {
            **{name: getattr(settings, name) for name in ("temperature", "top_p", "top_k")},
            "max_tokens": settings.max_new_tokens,
            "stop_token_ids": sorted(task.ends),
            "bad_words": [form for w in settings.avoided for form in (w, w.capitalize(), w.upper())],
        }
        bias = {str(token): NEVER for token in task.never}
        batch: dict[str, Any] = {"seeds": seeds, "sampling": sampling, "logit_bias": bias}
        advance(0)
        with self.lock:
            if task.embeddings is None:
                batch["prompts"] = [list(task.prompts[row]) for row in latent_of_text]
            else:
                file = Path(self.place.name) / "embeddings.safetensors"
                save_file({str(i): task.embeddings(row).cpu() for i, row in enumerate(latent_of_text)}, file)
                batch["embeddings"] = str(file)
            outputs = self._request(batch)["outputs"]
        advance(len(latent_of_text))
        tokens = [list(map(int, output["tokens"])) for output in outputs]
        guess = float(torch.tensor(float(task.vocabulary)).log())
        shares = [float(o["nats"]) / max(1, len(t)) / guess for o, t in zip(outputs, tokens, strict=True)]
        return tokens, shares

    def _request(self, value: Mapping[str, Any]) -> Any:
        if self.process.stdin is None or self.process.stdout is None:
            raise ModelError("decode.engine: the process of vLLM was started without input and output pipes")
        try:
            self.process.stdin.write(json.dumps(value) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except OSError:
            answer = ""
        if not answer:
            code = self.process.wait()
            problems = [f"last error in the log of this process: {name}" for name in self.last_error()]
            self.close()
            message = f"decode.engine: the process of vLLM ended before it answered (exit code {code})"
            hint = "Check that the model fits the GPU. Finished texts are kept; run the same command to continue."
            raise ModelError(message, problems=problems, hint=hint)
        return json.loads(answer)

    def last_error(self) -> list[str]:
        """Return the class of the log's last error, if any, without the message, which may quote prompts."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        kinds = [line.partition(":")[0].strip() for line in lines if ": " in line]
        return [kind for kind in kinds if kind.endswith(("Error", "Exception")) and " " not in kind][-1:]


def _end(process: "subprocess.Popen[str]", place: "tempfile.TemporaryDirectory[str]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # also ends the processes that vLLM started
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):  # raised if the pipe holds data that was not sent
                pipe.close()
    place.cleanup()

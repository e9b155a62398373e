"""Write texts by sending prompts to a server that runs the language model."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event

from synthgen.core.errors import DataError, ModelError
from synthgen.core.progress import Advance
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate, Latents
from synthgen.decode.base import Settings
from synthgen.decode.loop_decoder import Ended, candidates_of, whole_sentences
from synthgen.decode.prompting.client import Answer, Client
from synthgen.decode.prompting.prompter import Prompter, Turns

MIN_ANSWERS = 8  # an error is raised if there are at least this many answers and all are empty
TICK = 0.5  # longest time in seconds between two calls of `advance`, which can stop the decoding
MAX_SEED = 1 << 31  # the seed of a request is smaller than this number
# In some chat templates, the prompt already ends with the tag `<think>`, so the answer contains only `</think>`.
_THOUGHTS = re.compile(r"\A.*</think>|<think>.*\Z", re.DOTALL)
_FENCE = re.compile(r"\A```\w*\n(.*?)\n?```\Z", re.DOTALL)
Surprisal = Callable[[Sequence[str]], Sequence[float]]


class EndpointDecoder:
    """Decodes latents (vectors with labels) with a server, which gets a prompt for each candidate text.

    `surprisal` measures the surprisal of texts under a local model (see `opening.surprisal_under`). A context is a
    text that the candidates of a latent continue. A prompt contains the whole context, so `context_tokens` has no
    effect. The settings `top_k`, `batch` and `avoided` have no effect, because the API has no such parameters.

    Privacy: the server receives the prompts (see `Prompter`) and can keep them.
    Randomness: each request has a seed from the stream seeds/x for latent x, but the server may ignore it.
    """

    def __init__(self, client: Client, prompter: Prompter, surprisal: Surprisal) -> None:
        self.client, self.prompter, self.surprisal = client, prompter, surprisal
        self.name = client.config.model

    def decode(
        self, latents: Latents, settings: Settings, seeds: SeedTree, advance: Advance, contexts: Sequence[str] = ()
    ) -> tuple[Candidate, ...]:
        """Return the candidates of every latent; see `Decoder`.

        Raises:
            DataError: the number of contexts is neither 0 nor the number of latents.
            ModelError: the server does not answer, rejects a request, or returns only empty texts.
        """
        if contexts and len(contexts) != len(latents):
            numbers = f"there are {len(contexts)} contexts for {len(latents)} vectors"
            raise DataError(f"{numbers}; pass one context for each vector, or no contexts")
        if len(latents) == 0:
            return ()
        conversations = self.prompter.conversations(latents, settings, seeds, contexts)
        requests = [
            (turns, int(number))
            for turns, name in zip(conversations, latents.ids, strict=True)
            for number in seeds.child(name).generator().integers(MAX_SEED, size=settings.candidates)
        ]
        answers = self._answers(requests, settings, advance)
        texts = [cleaned(answer.text) for answer in answers]
        if len(texts) >= MIN_ANSWERS and not any(texts):
            hint = (
                "Check that the model follows chat prompts. If the model reasons first, raise decode.max_new_tokens."
            )
            raise ModelError(f"decode.endpoint: all {len(texts)} answers of {self.name!r} are empty", hint=hint)
        pairs = zip(texts, answers, strict=True)
        # each text, and whether the token limit ("length") or the model ("stop") ended it
        ended: list[Ended] = [(whole_sentences(t), "length") if a.is_cut else (t, "stop") for t, a in pairs]
        return candidates_of(latents, settings.candidates, ended, self.surprisal([text for text, _ in ended]))

    def _answers(self, requests: Sequence[tuple[Turns, int]], settings: Settings, advance: Advance) -> list[Answer]:
        stopped = Event()
        sampling = {"temperature": settings.temperature, "top_p": settings.top_p}

        def send(turns: Turns, seed: int) -> Answer:
            messages = [{"role": role, "content": content} for role, content in turns]
            return self.client.chat(messages, stopped, seed=seed, **sampling, max_tokens=settings.max_new_tokens)

        pool = ThreadPoolExecutor(self.client.config.parallel)
        try:
            futures = [pool.submit(send, *request) for request in requests]
            waiting: set[Future[Answer]] = set(futures)
            while waiting:
                done, waiting = wait(waiting, timeout=TICK, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()  # raises the error of a failed request, which ends the decoding
                advance(len(done))
            return [future.result() for future in futures]
        finally:
            stopped.set()
            self.client.abort()
            pool.shutdown(cancel_futures=True)


def cleaned(text: str) -> str:
    """Return an answer without the reasoning in <think> tags, and without a code fence (```) around the answer."""
    text = _THOUGHTS.sub("", text).strip()
    fenced = _FENCE.match(text)
    return fenced[1].strip() if fenced else text

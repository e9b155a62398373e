"""Make the words that distinguish a class in the training records more likely in the synthetic texts of the class.

A language model prefers the words of its own training data. A classifier that is trained on the model's texts
therefore misses words that distinguish the classes in the records. The decode loop adds a bias to the logits of such
words. The bias is computed from tokens, so it needs no list of words.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthgen.core.digest import sha256_array, sha256_json
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Float32

STRENGTH = 0.5  # share of the pointwise mutual information that is added to a logit
LIMIT = 3.0  # largest absolute value of the pointwise mutual information, in nats
MIN_PERSONS = 8  # a token has a bias only if at least this number of persons use it in the counted records
SMOOTHING = 2e-5  # added to each share of a token before the logarithm
MAX_RECORDS = 10_000  # largest number of records that are counted


@dataclass(frozen=True, slots=True, eq=False)
class TokenBiases:
    """The biases that are added to the logits of m tokens in the texts of each class."""

    tokens: tuple[int, ...]  # ids of the tokens, in ascending order
    biases: Mapping[str, Float32]  # for each label, the bias of each token, (m,), in nats

    @property
    def digest(self) -> str:
        """SHA-256 of the tokens and biases."""
        return sha256_json([self.tokens, {label: sha256_array(row) for label, row in self.biases.items()}])

    def rows(self, labels: Sequence[str]) -> Float32:
        """Return a float32 matrix (len(labels), m); each row has the biases of one label."""
        return np.stack([self.biases[label] for label in labels])

    def for_labels(self, label_of: Mapping[str, str]) -> "TokenBiases":
        """Return the same biases under other labels; the label x gets the biases of the label `label_of[x]`."""
        return TokenBiases(self.tokens, {new: self.biases[label] for new, label in label_of.items()})


def token_biases(train: Corpus, tokenizer: Any, seeds: SeedTree) -> TokenBiases | None:
    """Return the biases for the classes of train; None if there are fewer than two classes or all texts are empty.

        bias_c(t) = STRENGTH · max(-LIMIT, min(LIMIT, log((p_c(t) + SMOOTHING) / (p(t) + SMOOTHING))))

    For each person of class c, compute the share of token t among the tokens of the person's records of this class.
    p_c(t) is the mean of these shares, and p(t) is the mean of p_c(t) over the classes. Apart from `SMOOTHING`,
    the logarithm is the pointwise mutual information of token and class if all classes are equally frequent. A token
    that fewer than `MIN_PERSONS` persons use has no bias.

    Privacy: reads train texts, and is not called under DP. A person of a class with n persons changes p_c by at most
        1/n. If exactly `MIN_PERSONS` persons use a token, the removal of one of them removes the token's bias.
    Randomness: if there are more than `MAX_RECORDS` records, the counted records are drawn from `seeds`.
    Reference: Church & Hanks, "Word association norms, mutual information, and lexicography", 1990. Dathathri et al.
        (PPLM, 2020) make a bag of words of a class more likely by gradients instead of a bias.
    """
    records = train.records
    if len(records) > MAX_RECORDS:
        drawn = np.sort(seeds.generator().permutation(len(records))[:MAX_RECORDS])
        records = tuple(records[i] for i in drawn)
    labels, n_tokens = sorted({r.label for r in records}), len(tokenizer)
    if len(labels) < 2 or not any(r.text for r in records):
        return None
    encoded = tokenizer([r.text for r in records], add_special_tokens=False).input_ids
    ids_of: dict[tuple[str, str], list[int]] = {}  # the tokens of each label and person
    for record, ids in zip(records, encoded, strict=True):
        ids_of.setdefault((record.label, record.group), []).extend(ids)
    shares = {label: np.zeros(n_tokens) for label in labels}
    users: dict[str, set[int]] = {}  # by person, the tokens that the person uses
    for (label, person), ids in ids_of.items():
        tokens, counts = np.unique(np.array(ids, dtype=np.int64), return_counts=True)
        shares[label][tokens] += counts / max(1, len(ids))
        users.setdefault(person, set()).update(ids)
    n_persons = Counter(label for label, _ in ids_of)
    n_users = np.zeros(n_tokens, dtype=np.int64)
    for used in users.values():
        n_users[list(used)] += 1
    p_of = {label: shares[label] / n_persons[label] for label in labels}
    p = np.mean(list(p_of.values()), axis=0)
    common = np.flatnonzero(n_users >= MIN_PERSONS)
    # a rare class may have no drawn record; its biases are then 0
    biases = {label: np.zeros(len(common), dtype=np.float32) for label in train.counts()}
    for label in labels:
        information = np.log((p_of[label][common] + SMOOTHING) / (p[common] + SMOOTHING))
        # rounded, so that processors with different rounding errors give the same digest
        biases[label][:] = np.round(STRENGTH * np.clip(information, -LIMIT, LIMIT), 6)
    return TokenBiases(tuple(common.tolist()), biases)

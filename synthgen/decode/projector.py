"""The projector of xRAG, a small network that maps a vector to soft tokens (input embeddings) of a language model."""

from collections.abc import Mapping

from torch import Tensor, nn

from synthgen.core.errors import ModelError

TENSORS = tuple(f"projector.projector.{layer}.{part}" for layer in (0, 2) for part in ("weight", "bias"))


class Projector(nn.Module):
    """Two linear layers with a GELU between them, which map a vector of `dim` numbers to `n_soft` soft tokens.

        soft = W2 · gelu(W1 · x + b1) + b2,   x = the vector, scaled to the length sqrt(dim)

    Unlike xRAG, this projector scales the vector and can return several soft tokens.

    Reference: Cheng et al., xRAG, 2024 (arXiv 2405.13792v2), section 3.2.
    """

    def __init__(self, dim: int, hidden: int, n_soft: int, width: int) -> None:
        super().__init__()
        self.dim, self.n_soft, self.width = dim, n_soft, width
        self.projector = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, n_soft * width))

    def forward(self, vectors: Tensor) -> Tensor:
        """Return soft tokens of shape (n, n_soft, width) for vectors of shape (n, dim)."""
        x = nn.functional.normalize(vectors, dim=-1) * self.dim**0.5
        return self.projector(x).view(-1, self.n_soft, self.width)  # type: ignore[no-any-return]


def splice(embeddings: Tensor, soft: Tensor, is_placeholder: Tensor) -> Tensor:
    """Replace the placeholders in the input embeddings of n prompts by soft tokens, in order.

    For prompts of t tokens, `embeddings` has the shape (n, t, width), `soft` the shape (n, n_soft, width), and
    `is_placeholder` (bool) the shape (n, t).

    Raises:
        ModelError: a row of `is_placeholder` does not mark exactly n_soft positions.
    """
    if not bool((is_placeholder.sum(dim=1) == soft.shape[1]).all()):
        hint = "Remove special tokens of the language model from decode.prompt and from the labels."
        message = f"each prompt must contain exactly {soft.shape[1]} placeholders for the vector"
        raise ModelError(message, hint=hint)
    return embeddings.masked_scatter(is_placeholder.unsqueeze(-1), soft.to(embeddings.dtype))


def projector_from(tensors: Mapping[str, Tensor], n_soft: int, width: int) -> Projector:
    """Return a projector with these tensors; raise ModelError if one of `TENSORS` is missing or has a wrong shape."""
    if missing := [f"{name}: this tensor is missing" for name in TENSORS if name not in tensors]:
        raise ModelError("the projector of the bridge is incomplete", problems=missing)
    first, *others = TENSORS
    if tensors[first].ndim != 2:
        raise ModelError("the projector of the bridge is damaged", problems=[f"{first}: this tensor is not a matrix"])
    hidden, dim = tensors[first].shape
    expected = zip(others, ((hidden,), (n_soft * width, hidden), (n_soft * width,)), strict=True)
    shapes = [(name, tuple(tensors[name].shape), shape) for name, shape in expected]
    if problems := [f"{name}: shape {found}, expected {shape}" for name, found, shape in shapes if found != shape]:
        raise ModelError("tensors of the bridge's projector have wrong shapes", problems=problems)
    projector = Projector(dim, hidden, n_soft, width)
    projector.load_state_dict({name.removeprefix("projector."): tensors[name].float() for name in TENSORS})
    return projector

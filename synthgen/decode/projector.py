"""The projector of xRAG: from one retrieval vector to the soft tokens of a language model."""

from collections.abc import Mapping

from torch import Tensor, nn

from synthgen.core.errors import ModelError


class Projector(nn.Module):
    """Two linear layers with a GELU between them, one vector in, `n_soft` input embeddings out.

        soft = W2 gelu(W1 x + b1) + b2,   x of unit length scaled by sqrt(d)

    Args:
        dim: width d of the vectors.
        hidden: width of the layer between.
        n_soft: soft tokens per vector.
        width: width of the language model's input embeddings.

    Source: Cheng et al., xRAG, 2024 (arXiv 2405.13792v2), section 3.2; `projector.projector.{0,2}` there.
    We differ in more than one soft token, and in scaling the vector so that its entries have unit variance.
    """

    def __init__(self, dim: int, hidden: int, n_soft: int, width: int) -> None:
        super().__init__()
        self.dim, self.n_soft, self.width = dim, n_soft, width
        self.projector = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, n_soft * width))

    def forward(self, vectors: Tensor) -> Tensor:
        """Return soft tokens (n, n_soft, width) for vectors (n, dim)."""
        x = nn.functional.normalize(vectors, dim=-1) * self.dim**0.5
        return self.projector(x).view(-1, self.n_soft, self.width)  # type: ignore[no-any-return]


def splice(embeddings: Tensor, soft: Tensor, is_placeholder: Tensor) -> Tensor:
    """Return input embeddings with the placeholder positions replaced by soft tokens, in order.

    Args:
        embeddings: (n, t, width) of the prompts' tokens.
        soft: (n, n_soft, width).
        is_placeholder: bool (n, t), exactly n_soft true in each row.

    Raises:
        ModelError: when a prompt does not hold exactly n_soft placeholders.
    """
    if not bool((is_placeholder.sum(dim=1) == soft.shape[1]).all()):
        raise ModelError(f"each prompt must hold exactly {soft.shape[1]} placeholders for the vector")
    return embeddings.masked_scatter(is_placeholder.unsqueeze(-1), soft.to(embeddings.dtype))


def projector_from(tensors: Mapping[str, Tensor], n_soft: int, width: int) -> Projector:
    """Return the projector stored in `tensors` under xRAG's names.

    Raises:
        ModelError: naming the tensor that is missing or has another shape.
    """
    names = [f"projector.projector.{layer}.{part}" for layer in (0, 2) for part in ("weight", "bias")]
    missing = [name for name in names if name not in tensors]
    if missing:
        raise ModelError("the bridge is incomplete", problems=[f"{name}: missing" for name in missing])
    if tensors[names[0]].ndim != 2:
        raise ModelError("the bridge is damaged", problems=[f"{names[0]}: not a matrix"])
    hidden, dim = tensors[names[0]].shape
    wanted = {names[1]: (hidden,), names[2]: (n_soft * width, hidden), names[3]: (n_soft * width,)}
    problems = [
        f"{name}: shape {tuple(tensors[name].shape)}, wanted {shape}"
        for name, shape in wanted.items()
        if tuple(tensors[name].shape) != shape
    ]
    if problems:
        raise ModelError("the projector does not fit the language model", problems=problems)
    projector = Projector(dim, hidden, n_soft, width)
    projector.load_state_dict({name.removeprefix("projector."): tensors[name].float() for name in names})
    return projector

"""A computation recorded on a GPU and played again: one launch for a whole step of the decode loop.

A step of a small model is hundreds of kernels of a few microseconds; launched one by one the GPU waits for the
processor most of the time.
"""

from collections.abc import Callable

import torch
from torch import Tensor

WARM_UP = 3  # calls before the recording, in which the libraries choose their kernels and take their memory


def plays(device: torch.device) -> bool:
    """Return whether a device can record a computation and play it again."""
    return device.type == "cuda"


class Played:
    """A function of tensors, recorded once and played again for each call; the kernels, and so the bits, are its own.

    Args:
        function: of tensors on one GPU; waits for nothing there, has one shape, and may be called again with the same
            arguments to no other effect.
        given: arguments to record it with.

    Each call gives back the same tensor, overwritten.
    """

    def __init__(self, function: Callable[..., Tensor], *given: Tensor) -> None:
        self.given = tuple(tensor.clone() for tensor in given)
        with torch.cuda.device(given[0].device):
            now, aside = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
            aside.wait_stream(now)
            with torch.cuda.stream(aside):
                for _ in range(WARM_UP):
                    function(*self.given)
            now.wait_stream(aside)
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.made = function(*self.given)

    def __call__(self, *given: Tensor) -> Tensor:
        """Return what the function makes of new arguments of the same shapes."""
        for own, new in zip(self.given, given, strict=True):
            own.copy_(new)
        self.graph.replay()
        return self.made

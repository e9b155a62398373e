"""Record a computation on a GPU as a CUDA graph and replay it, with one launch for a whole step of the decode loop.

A step of a small model consists of hundreds of kernels of a few microseconds. If they are launched one by one, the
GPU mostly waits for the processor.
"""

from collections.abc import Callable

import torch
from torch import Tensor

WARM_UP = 3  # calls before the recording, in which the libraries choose kernels and allocate memory


def can_record(device: torch.device) -> bool:
    """Return whether computations on a device can be recorded and replayed."""
    return device.type == "cuda"


class Recorded:
    """A function of tensors that is recorded once and replayed for each call, with identical results.

    The function must not wait for the GPU, must always use the same shapes, and must have no further effect if it is
    called again with the same arguments. Each call returns the same tensor, overwritten.

    Args:
        function: function of tensors on one GPU.
        given: arguments for the recording.
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
        """Return the function's result for new arguments of the same shapes."""
        for own, new in zip(self.given, given, strict=True):
            own.copy_(new)
        self.graph.replay()
        return self.made

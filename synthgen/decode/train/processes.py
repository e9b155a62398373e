"""Train with several processes, one for each GPU, which `accelerate launch` or `torchrun` starts.

Each process computes the gradient of a part of each batch, and the gradients are added. The result differs from the
result of one process only by rounding. Only the main process, number 0, writes files and prints.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed

# the other processes wait while the main process computes all vectors; NCCL's default of 10 minutes is too short
LONGEST_WAIT = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Processes:
    """The position of this process among the processes that train together."""

    number: int = 0  # index of this process; the main process has 0
    count: int = 1  # number of processes that train together
    on_machine: int = 0  # index of this process among the processes on its machine

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files."""
        return self.number == 0

    def device(self, kind: str) -> torch.device:
        """Return the device of this process; with "cuda", each process has a different GPU."""
        return torch.device(kind, self.on_machine) if kind == "cuda" else torch.device(kind)

    def own(self, rows: Tensor) -> Tensor:
        """Return the rows of a batch that this process computes."""
        return rows[self.number :: self.count]

    @torch.no_grad()
    def add(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by the sum over all processes."""
        if self.count > 1:
            for tensor in tensors:
                distributed.all_reduce(tensor)

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """Run the block in the main process first; the other processes can then read the files that it wrote."""
        if not self.is_main:
            self.wait()
        yield
        if self.is_main:
            self.wait()

    def wait(self) -> None:
        """Wait until all processes have reached this call."""
        if self.count > 1:
            distributed.barrier()


@contextmanager
def joined(kind: str) -> Iterator[Processes]:
    """Connect the processes that a launcher started, and yield the position of this process among them.

    `kind` is "cpu" or "cuda". Without the variable WORLD_SIZE, which a launcher sets, one process trains.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Processes()
        return
    number, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    found = Processes(number, count, on_machine=int(os.environ.get("LOCAL_RANK", "0")))
    if kind == "cuda":
        torch.cuda.set_device(found.on_machine)
    distributed.init_process_group("nccl" if kind == "cuda" else "gloo", timeout=LONGEST_WAIT)
    try:
        yield found
    finally:
        distributed.destroy_process_group()

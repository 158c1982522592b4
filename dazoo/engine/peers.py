"""The processes that train one model together, started by torchrun. Alone there is one, and nothing here costs anything.

Each process runs its share of every batch, and gradients are averaged before each update. torch's DistributedDataParallel is not used:
it expects one forward of one module before one backward, while a phase runs the backbone several times, freezes parts of it, or takes
gradients of gradients (torch issues 22095 and 175024 tell how that ends). What stands in `.grad` after the backward pass does not tell
how it came there, so averaging it has none of these traps. Batch statistics are those of a process's own share, as with
`Settings.accumulate`; running ones, like every other buffer, are those of the first process after each step.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch import distributed
from torch import nn

from dazoo.errors import SettingsError
from dazoo.errors import TrainingError


@dataclass(frozen=True)
class Peers:
    """This process (`rank`, from 0) among the `size` that train together. What follows is called by all of them in the same order."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    def rows(self, n: int) -> slice:
        """This process's share of `n` rows."""
        return slice(n * self.rank // self.size, n * (self.rank + 1) // self.size)

    def micro_batch(self, batch: int, pieces: int) -> int:
        """Pictures of a micro-batch, when each process runs its share of a batch in so many pieces.

        Raises:
            SettingsError: it does not come out even, or leaves less than two.
        """
        size, rest = divmod(batch, self.size * pieces)
        if rest or size < 2:
            raise SettingsError(
                f"A batch of {batch} cannot be divided among {self.size} processes with {pieces} micro-batches each; "
                "expected a multiple that leaves at least 2 images in each. Change --set batch or the number of processes."
            )
        return size

    def any_of(self, flags: Sequence[bool]) -> list[bool]:
        """For each flag whether it is set in any process. Goes by the main memory, so it waits for no GPU."""
        if self.size == 1:
            return list(flags)
        union = torch.tensor(flags, dtype=torch.uint8)
        distributed.all_reduce(union, distributed.ReduceOp.MAX)
        return union.bool().tolist()

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Make each gradient its mean over the processes. Where only some processes have one, it counts as 0 in the others."""
        if self.size == 1:
            return
        found = self.any_of([p.grad is not None for p in parameters])
        learnt = [p for p, somewhere in zip(parameters, found, strict=True) if somewhere]
        for p in learnt:
            p.grad = torch.zeros_like(p) if p.grad is None else p.grad
        gradients = [p.grad for p in learnt if p.grad is not None]
        for group, flat in _flat(gradients):
            distributed.all_reduce(flat)
            _spread(flat.div_(self.size), group)

    def take_from_first(self, tensors: Iterable[Tensor]) -> None:
        """Make the tensors those of the first process, in place."""
        if self.size > 1:
            for group, flat in _flat(tensors):
                distributed.broadcast(flat, 0)
                _spread(flat, group)

    def gathered(self, rows: Tensor) -> Tensor:
        """Rows (n, ...) of every process, one process after another, on the CPU."""
        rows = rows.cpu()
        if self.size == 1:
            return rows
        counts = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        distributed.all_gather(counts, torch.tensor([len(rows)]))
        most = max(int(n) for n in counts)
        padded = torch.cat([rows, rows.new_zeros(most - len(rows), *rows.shape[1:])])
        parts = [torch.empty_like(padded) for _ in range(self.size)]
        distributed.all_gather(parts, padded)
        return torch.cat([part[: int(n)] for part, n in zip(parts, counts, strict=True)])

    def check_same(self, number: int, what: str) -> None:
        """See that all processes have the same number.

        Raises:
            TrainingError: they differ.
        """
        numbers = self.gathered(torch.tensor([number])).tolist()
        if len(set(numbers)) > 1:
            raise TrainingError(f"The processes differ in {what}: {numbers}. They need one folder that all of them see, and the same data.")


ALONE = Peers()


@contextmanager
def joined(device: torch.device) -> Iterator[Peers]:
    """The peers that torchrun started with this process, or `ALONE` where it started none."""
    if not launched():
        yield ALONE
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    yield Peers(distributed.get_rank(), distributed.get_world_size())
    distributed.destroy_process_group()  # not after an error: it would wait for processes that wait for this one


def launched() -> bool:
    """Whether torchrun started this process as one of several."""
    return distributed.is_available() and distributed.is_torchelastic_launched() and int(os.environ["WORLD_SIZE"]) > 1


@torch.no_grad()
def _flat(tensors: Iterable[Tensor]) -> list[tuple[list[Tensor], Tensor]]:
    """Tensors grouped by type, each group with its values in a row: one message in place of many."""
    groups: dict[tuple[torch.dtype, torch.device], list[Tensor]] = {}
    for t in tensors:
        groups.setdefault((t.dtype, t.device), []).append(t)
    return [(group, torch.cat([t.reshape(-1) for t in group])) for group in groups.values()]


@torch.no_grad()
def _spread(flat: Tensor, group: Sequence[Tensor]) -> None:
    """Put values in a row back where they belong, whatever the memory layout."""
    for t, values in zip(group, flat.split([t.numel() for t in group]), strict=True):
        t.copy_(values.view(t.shape))

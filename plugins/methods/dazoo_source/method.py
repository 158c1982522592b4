"""Training on the source alone: the rows that every other row is compared with."""

from __future__ import annotations

from dazoo.contracts import HEAD
from dazoo.contracts import SOURCE
from dazoo.contracts import Backbone
from dazoo.contracts import Method
from dazoo.contracts import Phase


class Source(Method):
    """No adaptation: what the contract does unless a method changes it."""

    adapts = False


class LinearProbe(Method):
    """The head alone learns, on the features of the network as it starts (Alain and Bengio, ICLR workshop 2017).

    On pretrained weights it says what these weights know already: whatever trains the whole network must beat it. On a random start it says
    nothing of use. The body keeps its batch statistics.
    """

    def phases(self) -> list[Phase]:
        return [Phase("task", (HEAD,), lambda step: {"task": self.task_loss(step)}, reads=SOURCE)]

    def set_mode(self, backbone: Backbone) -> None:
        backbone.eval()

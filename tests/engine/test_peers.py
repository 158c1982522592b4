"""Several processes that train one model: the same update as one process in parts, the same state everywhere, one end for all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dazoo.engine.launch import together
from dazoo.engine.peers import ALONE
from dazoo.engine.peers import Peers
from dazoo.errors import Interrupted
from dazoo.errors import TrainingError


sys.path.insert(0, str(Path(__file__).parent))
import several  # noqa: E402


@pytest.mark.slow
def test_two_processes_do_what_one_does_in_two_parts(tmp_path):
    """With two forward passes, a gradient penalty, frozen parts and a gradient that is missing in some processes."""
    two = together(2, several.train, log=tmp_path / "log")
    one = several.train({"accumulate": 2})
    assert two["digests"].unique().numel() == 1, "the processes ended in different states"
    compared = [k for k in one if "running" not in k and "num_batches" not in k and k not in ("digests", "predictions")]
    assert any(k.startswith("2/") for k in compared)
    for name in compared:
        torch.testing.assert_close(two[name], one[name], rtol=1e-4, atol=1e-6)
    assert two["predictions"].shape == one["predictions"].shape, "both shares of the target are seen"


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "error"), [("ValueError", TrainingError), ("OutOfMemoryError", MemoryError)])
def test_one_that_fails_ends_all_and_is_quoted(kind, error, tmp_path):
    with pytest.raises(error, match="a message") as caught:
        together(2, several.fail, kind, log=tmp_path / "log")
    if kind == "ValueError":
        assert "in fail" in caught.value.__notes__[0], "the traceback is a note"


@pytest.mark.slow
@pytest.mark.parametrize("by", [0, 1])
def test_a_signal_to_one_stops_all_after_the_same_step_and_they_go_on(by, tmp_path):
    whole = together(2, several.train, log=tmp_path / "log")
    with pytest.raises(Interrupted, match="after step 3 of 8"):
        together(2, several.train, None, str(tmp_path / "run"), 3, by, log=tmp_path / "log")
    resumed = together(2, several.train, None, str(tmp_path / "run"), log=tmp_path / "log")
    assert whole.keys() == resumed.keys() and all(torch.equal(whole[k], resumed[k]) for k in whole)


@pytest.mark.slow
def test_a_batch_that_cannot_be_divided_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="A batch of 9 cannot be divided among 2 processes"):
        together(2, several.divide, 9, log=tmp_path / "log")


@pytest.mark.slow
def test_torchrun_trains_one_model_that_loads(tmp_path):
    command = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "dazoo", "train", "fcn-dann-synsigns"]
    settings = ["--set", "epochs=1", "--set", "steps_per_epoch=2", "--set", "batch=8", "--no-source-only"]
    done = subprocess.run([sys.executable, "-m", *command, "--out", tmp_path / "run", *settings], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("target accuracy") == 1, "one process speaks"

    import dazoo

    assert dazoo.load(f"dir:{tmp_path / 'run' / 'model'}").name == "fcn-dann-synsigns"


def test_alone_nothing_is_exchanged():
    parameter = torch.nn.Parameter(torch.zeros(2))
    ALONE.average_gradients([parameter])
    assert parameter.grad is None and ALONE.any_of([True, False]) == [True, False] and ALONE.rows(7) == slice(0, 7)


def test_shares_cover_everything_once():
    for n in (0, 1, 7, 12):
        rows = [i for rank in range(5) for i in range(n)[Peers(rank, 5).rows(n)]]
        assert rows == list(range(n))

"""Every error that dazoo raises on purpose: one base class, each with the exit code the command line uses."""

from __future__ import annotations


class DazooError(Exception):
    """Base class. The message says what was wrong, what was expected and what to do next."""

    exit_code = 1


class InvalidName(DazooError, ValueError):
    """A name that does not follow the grammar (see `dazoo.registry.names`)."""

    exit_code = 2


class UnknownName(DazooError, LookupError):
    """A well-formed name that no loaded plugin has registered."""

    exit_code = 2


class AmbiguousName(DazooError, LookupError):
    """A name that two plugins registered; the message gives the qualified spellings."""

    exit_code = 2


class PluginError(DazooError):
    """A plugin that could not be loaded, or that registered something that breaks its contract."""


class SettingsError(DazooError, ValueError):
    """A setting of a recipe, a part or a run that is unknown or out of range."""

    exit_code = 2


class DataError(DazooError):
    """A data set, folder or pack that is missing, empty, damaged or does not fit its partner."""


class PictureError(DataError, ValueError):
    """A picture that cannot be read, or an array that is no picture."""


class WeightsError(DazooError):
    """A weights folder that is missing, truncated, renamed, altered or does not fit its config."""


class OfflineError(DazooError):
    """Something must be downloaded, and the network or the permission to use it is missing."""


class PublishError(DazooError):
    """A model that cannot be published as it is; `problems` lists everything that stands in the way, and nothing was changed."""

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems or (message,)


class TrainingError(DazooError):
    """A training run that cannot go on (a loss that is not finite, a damaged checkpoint)."""


class ProcessDied(DazooError):
    """A process of several that train one model together was killed, so nobody knows what went wrong; it may go well next time."""


class StoreError(DazooError):
    """A run or results that cannot be written or read: a full disk, a quota, a read-only file system, a store out of reach."""


class ExecutorError(DazooError):
    """The cluster or the queue that runs the cells of a benchmark is gone. What is finished is kept; the same command continues."""


class Interrupted(DazooError):
    """A run stopped by a signal; its state was saved and the same command continues it."""

    exit_code = 143

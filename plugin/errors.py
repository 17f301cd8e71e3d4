"""Everything that can go wrong, as a tree.

    PluginError
    ├── InputError      a file or a line of input: which, why, what to do
    ├── ConfigError     file and key path, value, what would be right; all faults at once
    ├── BundleError     which bundle, which file in it, what to run
    ├── PollInProgress  another worker committed first
    └── ServiceError    which service, which operation
        ├── Unavailable   timeout, connection, 429, 502–504: retry with backoff and jitter
        └── Refused       rights, mapping conflict, bad request: retrying cannot help

Each class has the exit code of the command line. Messages are one sentence: what, where, what next.
"""

from __future__ import annotations

from typing import ClassVar


class PluginError(Exception):
    """The root: anything that a person can mend, told in one sentence."""

    exit_code: ClassVar[int] = 1


class InputError(PluginError):
    """A file that is missing, empty, binary or unreadable."""

    exit_code = 3


class ConfigError(PluginError):
    """Settings that cannot be meant; `faults` lists each with its key path."""

    exit_code = 4

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class BundleError(PluginError):
    """A bundle that cannot be used: which, which file in it, what to run."""

    exit_code = 5


class PollInProgress(PluginError):
    """Another worker advanced this source's checkpoint first: its work stands, ours is dropped."""

    exit_code = 6


class ServiceError(PluginError):
    """A service answered no, or did not answer."""

    exit_code = 7


class Unavailable(ServiceError):
    """Timeout, connection, 429, 502–504: the same call may go through later."""

    exit_code = 7


class Refused(ServiceError):
    """Rights, a mapping conflict, a bad request: retrying cannot help."""

    exit_code = 8

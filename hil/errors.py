"""What can go wrong in :mod:`hil`, as a tree.

::

    HilError
    ├── ConfigError       a rig, point list, scenario, load or command line that cannot be used (exit code 2)
    ├── DeviceError       a device refused or did not answer while the rig was being set up (exit code 2)
    └── RunFolderError    a run folder that cannot be made or read (exit code 2)

These are raised while a rig is configured and built. Inside the loop nothing is raised: a status is
returned, counted and recorded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one place of a user's file.

    Attributes
    ----------
    file : str
        The file as the user named it; empty for the command line.
    line : int or None
        One-based line number, where there is one.
    what : str
        What is wrong: the signal, value, unit and limit.
    hint : str
        The nearest right thing; may be empty.
    """

    file: str
    line: int | None
    what: str
    hint: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part not in ("", None))
        hint = f"\n    {self.hint}" if self.hint else ""
        return f"{place}: {self.what}{hint}" if place else f"{self.what}{hint}"


class HilError(Exception):
    """Base of all errors of this package; carries the problems found, in the order of the file."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ConfigError(HilError):
    """A rig, point list, scenario, load or command line that cannot be used."""


class DeviceError(HilError):
    """A device refused or did not answer while the rig was being set up."""


class RunFolderError(HilError):
    """A run folder that cannot be made or read."""

"""A rig under construction: the file, what its blocks use, and what was found wrong so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hil.config.schema import RigConfig
from hil.config.wiring import Use
from hil.config.yaml_lines import Document, Key
from hil.errors import Problem
from hil.rig.weather import Years


@dataclass(slots=True)
class Draft:
    """Collects uses and problems, so that one check tells a user everything at once.

    Attributes
    ----------
    document : Document
        The rig file with its lines.
    config : RigConfig
        The same, validated.
    folder : Path
        What file names in the rig are relative to.
    uses : list of Use
        Every block's reads and writes.
    problems, warnings : list of Problem
        What forbids a run, and what does not.
    years : Years
        Weather that sources and plants share.
    """

    document: Document
    config: RigConfig
    folder: Path
    uses: list[Use] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    years: Years = field(default_factory=Years)

    def refuse(self, path: tuple[Key, ...], what: str, hint: str = "") -> None:
        """Note something that forbids a run."""
        self.problems.append(self.document.problem(path, what, hint))

    def warn(self, path: tuple[Key, ...], what: str, hint: str = "") -> None:
        """Note something worth a look."""
        self.warnings.append(self.document.problem(path, what, hint))

    def reads(self, signal: str, path: tuple[Key, ...], block: str, unit: str | None = None) -> None:
        """Note that a block reads a signal."""
        self.uses.append(Use(signal, path, block, "read", unit))

    def writes(self, signal: str, path: tuple[Key, ...], block: str, unit: str | None = None) -> None:
        """Note that a block writes a signal."""
        self.uses.append(Use(signal, path, block, "write", unit))

    def written_by(self, kind: str) -> set[str]:
        """Signals written by blocks of one section, for example ``devices``."""
        return {use.signal for use in self.uses if use.kind == "write" and use.block.split(".")[0] == kind}

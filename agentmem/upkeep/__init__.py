"""What is done to memories after they are written: strengthening, sweeping, checking, moving."""

from ._maintenance import CheckReport, ConsolidationReport, Maintenance, Stats, SweepReport
from ._reinforcement import Reinforcement
from ._transfer import Transfer, to_json

__all__ = [
    "CheckReport",
    "ConsolidationReport",
    "Maintenance",
    "Reinforcement",
    "Stats",
    "SweepReport",
    "Transfer",
    "to_json",
]

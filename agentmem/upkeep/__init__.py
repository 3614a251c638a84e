"""What is done to memories after they are written, from strengthening to moving them."""

from ._background import Background
from ._consolidation import Consolidation, ConsolidationReport
from ._gists import Gists
from ._maintenance import CheckReport, Maintenance, Stats, SweepReport
from ._plans import Plan, Plans, went_well
from ._reflection import Learned, Reflection
from ._reinforcement import Reinforcement
from ._transfer import Transfer, to_json

__all__ = [
    "Background",
    "CheckReport",
    "Consolidation",
    "ConsolidationReport",
    "Gists",
    "Learned",
    "Maintenance",
    "Plan",
    "Plans",
    "Reflection",
    "Reinforcement",
    "Stats",
    "SweepReport",
    "Transfer",
    "to_json",
    "went_well",
]

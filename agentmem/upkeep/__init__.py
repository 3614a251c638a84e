"""What is done to memories after they are written, from strengthening to moving them."""

from ._background import Background
from ._check import Check, CheckReport
from ._consolidation import Consolidation, ConsolidationReport
from ._gists import Gists, ungrouped
from ._maintenance import Maintenance, Stats, SweepReport
from ._plans import Plan, Plans, went_well
from ._reflection import Learned, Reflection
from ._reinforcement import Reinforcement
from ._repair import Repair
from ._transfer import Transfer, to_json

__all__ = [
    "Background",
    "Check",
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
    "Repair",
    "Stats",
    "SweepReport",
    "Transfer",
    "to_json",
    "ungrouped",
    "went_well",
]

"""Settings of a search."""

from __future__ import annotations

from dataclasses import dataclass, field

from agentmem_stores import InvalidInputError

__all__ = ["PARTS", "SearchSettings"]

# The parts of a search that can be switched off; `agentmem eval --ablate` measures each.
PARTS = (
    "turn",
    "session",
    "lexical",
    "soft",
    "late",
    "context",
    "time",
    "windows",
    "manner",
    "role",
    "exact",
    "second",
    "expansion",
    "router",
    "topics",
    "retention",
    "learned",
    "currency",
    "duplicates",
)


@dataclass(frozen=True)
class SearchSettings:
    """Settings of a search.

    Attributes:
        candidates: how many nearest memories of each granularity are compared.
        retention: what a retention of 1 adds to a score, compared with one of 0.
        routed: rank sessions by their passages, summaries and keywords too, each as far as the
            router trusts it. Off, because turns alone find sessions at least as well.
        associated: let multi-hop search follow the association graph too. Off, because the words
            of memories lead at least as far.
        archive_below: a search that is less confident without archived memories finds them too.
        archive_share: so does a search of whose distribution of scores over the best 60 turns,
            active and archived, archived ones have a larger share.
        off: parts that are switched off, of `PARTS`.

    Raises:
        InvalidInputError: a part is unknown, or a number is out of range.

    Example:
        >>> SearchSettings(off=frozenset({"late"})).candidates
        100
    """

    candidates: int = 100
    retention: float = 0.3
    routed: bool = False
    associated: bool = False
    archive_below: float = 0.5
    archive_share: float = 0.11
    off: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        unknown = sorted(self.off - set(PARTS))
        if unknown:
            raise InvalidInputError(f"off={unknown} has unknown parts; known are {PARTS}")
        if self.candidates < 1:
            raise InvalidInputError(f"candidates={self.candidates} must be >= 1")
        for name in ("archive_below", "archive_share"):
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise InvalidInputError(f"{name}={value} must be in [0, 1]")
        if not self.retention >= 0:
            raise InvalidInputError(f"retention={self.retention} must be >= 0")

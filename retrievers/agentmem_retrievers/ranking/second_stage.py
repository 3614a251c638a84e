"""The second round: what the first round found says where else to look."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from agentmem_retrievers.features.lexical import Features, Floats
from agentmem_retrievers.features.rm1 import expanded
from agentmem_retrievers.index.table import NONE, Rows, Table

__all__ = ["second_stage_features"]

# Lower scores are all alike: what is this far behind the best is no evidence of anything.
LEAST = -8.0


def second_stage_features(
    table: Table, rows: Rows, scores: Floats, asked: Collection[str], late: Floats
) -> Features:
    """Return features of the best candidates, from the first round's scores.

    Args:
        rows: candidates, ascending.
        scores: of the first round, shape (candidates,).
        asked: the stems of the question.
        late: how well candidates take up the question's words, as the first round found.
    """
    behind = np.maximum(scores - scores.max(), LEAST)
    share = np.exp(scores - scores.max())
    share /= share.sum()
    return {
        "second.score": scores,
        **_sessions(table, rows, share, behind),
        **_neighbours(table, rows, behind),
        "second.late": late,
        "second.expanded": expanded(table.words, rows, behind, asked),
    }


def _sessions(table: Table, rows: Rows, share: Floats, behind: Floats) -> Features:
    session = table.column("session")[rows]
    _, place = np.unique(session, return_inverse=True)
    flat = np.exp(behind / 2)
    better = (behind[np.newaxis, :] > behind[:, np.newaxis]) & (
        session[np.newaxis, :] == session[:, np.newaxis]
    )
    return {
        "second.session": np.log(np.bincount(place, weights=share)[place] + 1e-4),
        "second.session_flat": np.log(np.bincount(place, weights=flat / flat.sum())[place] + 1e-4),
        "second.better_in_session": np.log1p(better.sum(axis=1)),
    }


def _neighbours(table: Table, rows: Rows, behind: Floats) -> Features:
    found = {}
    for offset in (-2, -1, 1, 2):
        near = table.neighbors(rows, offset)
        place = np.minimum(np.searchsorted(rows, near), len(rows) - 1)
        found[offset] = np.where((near != NONE) & (rows[place] == near), behind[place], LEAST)
    return {
        "second.neighbour": np.maximum.reduce(list(found.values())),
        "second.previous": found[-1],
        "second.next": found[1],
    }

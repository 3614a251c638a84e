"""Topics by communities of the association graph, beside clusters of the same turns' embeddings."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agentmem.evaluation.tasks import FixedClock, end_of, evidence, turn_names
from agentmem.maintenance.topics import communities
from agentmem_stores import Granularity, Memory, Vectors

if TYPE_CHECKING:
    from agentmem.evaluation.cache import IngestCache, IngestedConversation
    from agentmem.formats.dialogue import Dialogue
    from agentmem.progress import Progress

__all__ = ["METHODS", "measure_topics", "purity", "subjects"]

Labels = NDArray[np.intp]

# Of the turns of a meeting, evidence that is a larger part says nothing about its topics.
_MAX_SHARE = 0.5


def k_means(vectors: Vectors, n_clusters: int) -> Labels:
    """Cluster unit vectors by k-means."""
    from sklearn.cluster import KMeans

    model = KMeans(n_clusters, n_init=10, random_state=0)
    return np.asarray(model.fit_predict(vectors), dtype=np.intp)


def mixture(vectors: Vectors, n_clusters: int) -> Labels:
    """Cluster unit vectors by a Gaussian mixture with diagonal covariances."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(n_clusters, covariance_type="diag", reg_covar=1e-4, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return np.asarray(model.fit_predict(vectors.astype(np.float64)), dtype=np.intp)


# The ways to cluster embeddings, each into as many clusters as there are communities.
METHODS: Mapping[str, Callable[[Vectors, int], Labels]] = {"k-means": k_means, "mixture": mixture}


def measure_topics(
    dialogues: Iterable[Dialogue], cache: IngestCache, progress: Progress
) -> dict[str, dict[str, float]]:
    """Compare clusters of turns with what the turns are about; see `subjects`.

    Returns:
        For `communities` and each of `METHODS`, the means over conversations: normalized mutual
        information and purity in [0, 1], and the number of clusters.
    """
    scores: dict[str, list[tuple[float, float, int]]] = {}
    for dialogue in dialogues:
        with cache.open(dialogue, progress) as conversation:
            for method, row in _scores(conversation).items():
                scores.setdefault(method, []).append(row)
    names = ("mutual information", "purity", "clusters")
    return {
        method: dict(zip(names, np.mean(rows, axis=0).tolist(), strict=True))
        for method, rows in scores.items()
    }


def subjects(dialogue: Dialogue) -> dict[tuple[str, int], str]:
    """Return what turns are about, by their session and position.

    That is their session; in a conversation of one session, such as a meeting, the longest evidence
    of a question that they belong to. Turns without any are left out.
    """
    if len(dialogue.sessions) > 1:
        return {place: place[0] for place in turn_names(dialogue)}
    names = turn_names(dialogue)
    known = (evidence(dialogue, question) for question in dialogue.questions)
    spans = [one.turns for one in known if one and len(one.turns) <= _MAX_SHARE * len(names)]
    spans.sort(key=lambda turns: (-len(turns), sorted(turns)))
    found = {}
    for place, name in names.items():
        number = next((n for n, turns in enumerate(spans) if name in turns), None)
        if number is not None:
            found[place] = str(number)
    return found


def purity(labels: Sequence[int], truth: Sequence[str]) -> float:
    """Return the share of members that belong to the largest group of their cluster.

    >>> purity([0, 0, 0, 1], ["a", "a", "b", "b"])
    0.75
    """
    from sklearn.metrics.cluster import contingency_matrix

    counts = contingency_matrix(truth, labels)
    return float(counts.max(axis=0).sum() / counts.sum())


def _scores(conversation: IngestedConversation) -> dict[str, tuple[float, float, int]]:
    from sklearn.metrics import normalized_mutual_info_score

    from agentmem.controller.controller import MemoryController

    memory = MemoryController(
        conversation.store,
        embeddings=conversation.embeddings,
        clock=FixedClock(end_of(conversation.dialogue)),
        linger=None,
    )
    summaries = memory.services.consolidation.summaries
    turns = sorted(
        conversation.store.scan(conversation.scope, Granularity.TURN),
        key=lambda m: (m.said_at, m.session_id, m.position),
    )
    ids = [turn.id for turn in turns]
    vectors = summaries.context_vectors(conversation.scope, ids)
    labels = {"communities": communities(summaries.topic_edges(conversation.scope, ids), vectors)}
    n_clusters = len(set(labels["communities"].tolist()))
    labels |= {name: cluster(vectors, n_clusters) for name, cluster in METHODS.items()}
    places, truth = _with_subject(turns, subjects(conversation.dialogue))
    return {
        name: (
            float(normalized_mutual_info_score(truth, each[places])),
            purity(each[places].tolist(), truth),
            n_clusters,
        )
        for name, each in labels.items()
    }


def _with_subject(
    turns: Sequence[Memory], known: Mapping[tuple[str, int], str]
) -> tuple[Labels, list[str]]:
    """Return which turns have a subject, by number, and these subjects."""
    found = [(n, known.get((turn.session_id, turn.position))) for n, turn in enumerate(turns)]
    present = [(n, subject) for n, subject in found if subject is not None]
    return np.array([n for n, _ in present], dtype=np.intp), [subject for _, subject in present]

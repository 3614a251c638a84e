"""Which of what is commonly known of a person a sentence speaks of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agentmem.embedding.cache import cached_documents
from agentmem.embedding.embedder import Embedder
from agentmem.facts.inventory import ELSE, INVENTORY, SAID, Attribute
from agentmem.facts.statements import SPEAKER, Statement
from agentmem.facts.values import is_name, is_number
from agentmem_retrievers.index.indexed_store import SINGLE_THREADED_BLAS
from agentmem_stores import Vectors

__all__ = ["Attribute", "Attributes", "Bools", "Match", "is_open", "looks", "scored"]

Bools = NDArray[np.bool_]

# What a statement needs to speak of an attribute: the mean of its similarity and its skeleton's,
# and so much of the value's to what the attribute's values are. More is needed where it is not
# sure whom it is about; and a value that is a word has to be like the attribute's at all.
_CERTAIN, _UNSURE = 0.48, 0.12
_KIND, _ALIKE = 0.25, 0.45
# ... unless the sentence is as near as this, and speaks of a favourite or a job: there are
# strange ones.
_PLAIN, _HARDLY = 0.55, 0.2
_STRANGE = np.array([a.name.startswith("favourite") or a.form == "role" for a in INVENTORY])
# A value that is so much like something else has to be more like the attribute's.
_ELSE = 0.5
# What stands before one of several, and before what somebody is: "a nurse", but not "nursing".
_SHAPES = {
    form: re.compile(rf"(?:{before})\Z", re.IGNORECASE)
    for form, before in {
        "one": r"\b(?:an?|another|two|three|my|our|new)\s+(?:\w+\s+)?",
        "role": r"\b(?:as (?:an?|the)|(?:i'm|am|being|became|become|been|me|into|now|job is) an?)"
        r"\s+(?:\w+\s+){0,2}",
    }.items()
}
# Of these attributes, a value tells by how it is written.
_WRITTEN = np.array([a.form in ("name", "number") for a in INVENTORY])
# An attribute that is nearly as near is spoken of as well, as far as finding is concerned.
_TIED = 0.05
# "My bicycle lock is ...": an attribute that nobody thought of.
_OPEN = re.compile(
    r"^(?:[Mm]y|[Oo]ur)\s+(?P<name>[a-z][a-z' -]{1,28}[a-z])\s+(?:is|are)\s+"
    r"(?!about|so|very|too|all|always|really|still|just|on|in|not|\w+ing\b)(?:\w+\s+)?\S+$"
)


@dataclass(frozen=True)
class Match:
    """The attribute that a statement speaks of, and those that come close to it.

    Attributes:
        score: how sure that is; comparable between the statements of a turn.
    """

    attribute: Attribute
    also: tuple[str, ...] = ()
    score: float = 0.0


@dataclass(frozen=True)
class Attributes:
    """Tells attributes by the sense of sentences, as an embedder has it."""

    embedder: Embedder

    @cached_property
    def _known(self) -> tuple[Vectors, list[int], Vectors, list[int]]:
        """Embeddings of all examples and of all values, and where each attribute's begin.

        The last values are those of `ELSE`.
        """
        examples = [text for attribute in INVENTORY for text in attribute.examples]
        values = [text for attribute in INVENTORY for text in attribute.values]
        found = cached_documents(self.embedder, [*examples, *values, *ELSE])
        return (
            found[: len(examples)],
            _starts([len(a.examples) for a in INVENTORY]),
            found[len(examples) :],
            _starts([*(len(a.values) for a in INVENTORY), len(ELSE)]),
        )

    def near(self, vectors: Vectors) -> Vectors:
        """How near sentences are to every attribute, shape (sentences, attributes)."""
        examples, starts, _, _ = self._known
        return _nearest(vectors, examples, starts)

    def kinds(self, vectors: Vectors) -> Vectors:
        """How near values are to those of every attribute, and to anything else.

        Returns:
            Shape (values, attributes + 1).
        """
        _, _, values, starts = self._known
        return _nearest(vectors, values, starts)

    def alike(self, values: Vectors) -> Bools:
        """Whether values are like those of attributes at all, where that counts.

        Args:
            values: their embeddings, shape (values, dimension).

        Returns:
            Shape (values, attributes).
        """
        least = np.where(_STRANGE, _HARDLY, _ALIKE)
        return np.asarray(_WRITTEN | (self.kinds(values)[:, :-1] >= least))

    def match(
        self,
        found: Sequence[Statement],
        may: Bools,
        texts: Vectors,
        skeletons: Vectors,
        values: Vectors,
    ) -> list[Match | None]:
        """Say what each statement speaks of; None for nothing that is known of people.

        Args:
            may: whether it may speak of an attribute, shape (statements, attributes).
            texts: the statements' embeddings, shape (statements, dimension).
            skeletons: those of the statements without their values, of the same shape.
            values: those of the values alone, of the same shape.
        """
        near: Vectors = (self.near(texts) + self.near(skeletons)) / np.float32(2)
        kinds = self.kinds(values)
        looked_at = (found, may, near, kinds, scored(near, kinds))
        return [_match(*row) for row in zip(*looked_at, strict=True)]


@SINGLE_THREADED_BLAS
def _nearest(vectors: Vectors, known: Vectors, starts: Sequence[int]) -> Vectors:
    """The cosine of each vector to the nearest of each group of known ones."""
    near: Vectors = np.maximum.reduceat(vectors @ known.T, starts, axis=1)
    return near


def scored(near: Vectors, kinds: Vectors) -> Vectors:
    """How sure it is that sentences speak of attributes, shape (sentences, attributes).

    Args:
        near: of the sentences, see `Attributes.near`.
        kinds: of their values, see `Attributes.kinds`.
    """
    return near + _KIND * kinds[:, :-1]


def _starts(lengths: Sequence[int]) -> list[int]:
    return [0, *np.cumsum(lengths[:-1]).tolist()]


def is_open(statement: Statement) -> bool:
    """Whether a statement names the attribute it speaks of, which may be one nobody thought of."""
    return bool(statement.attribute or _OPEN.search(_bare(statement)))


def _bare(statement: Statement) -> str:
    return statement.text.rstrip(".! ")


def _match(
    statement: Statement, may: Bools, near: Vectors, kinds: Vectors, scores: Vectors
) -> Match | None:
    kinds, other = kinds[:-1], kinds[-1]
    least = np.where((near >= _PLAIN) & _STRANGE, _HARDLY, _ALIKE)
    rivalled = (near < _PLAIN) & (other >= _ELSE)
    alike = kinds >= np.maximum(least, np.where(rivalled, other, 0.0))
    scores = np.where(may & (_WRITTEN | alike), scores, -1.0)
    order = np.argsort(-scores, kind="stable")
    best = float(scores[order[0]])
    if best >= _CERTAIN + (0 if statement.sure else _UNSURE):
        also = [INVENTORY[i].name for i in order[1:4] if best - scores[i] <= _TIED]
        return Match(INVENTORY[order[0]], tuple(also), best)
    if statement.attribute:
        return Match(Attribute(statement.attribute, "other", True))
    named = _OPEN.search(_bare(statement)) if statement.subject == SPEAKER else None
    plain = is_name(statement.value) or is_number(statement.value)
    if named and plain:
        return Match(Attribute(named["name"], "other", True))
    return None


def looks(statement: Statement) -> list[bool]:
    """Whether a value looks like one of each attribute's, and is said to be one."""
    value = statement.value
    if not value:
        return [False] * len(INVENTORY)
    numeric = any(c.isdigit() or c == "@" for c in value)
    as_form = {"number": numeric, "name": is_name(value), "word": True}
    # Of somebody else, "is a nurse" says enough.
    mine = statement.subject == SPEAKER
    as_form |= {f: not mine or _shaped(before, statement) for f, before in _SHAPES.items()}
    if is_number(value):
        as_form = {form: form == "number" and numeric for form in as_form}
    return [as_form[a.form] and _is_said(a, statement) for a in INVENTORY]


def _is_said(attribute: Attribute, statement: Statement) -> bool:
    """Whether what has to stand there does, and the value is not the attribute's own name."""
    said = SAID.get(attribute.name) or SAID.get(attribute.name.split()[0])
    if said is not None and not said.search(statement.text):
        return False
    words = set(statement.value.lower().split())
    return not words <= {*attribute.name.split(), "new", "another", "colour"}


def _shaped(before: re.Pattern[str], statement: Statement) -> bool:
    """Whether a value stands behind what such a value stands behind.

    No pattern is made of the value: those are kept, also when the value has been forgotten.
    """
    text, value = statement.text, statement.value.lower()
    places = (at for at in range(len(text)) if text[at : at + len(value)].lower() == value)
    return any(before.search(text, 0, at) for at in places)

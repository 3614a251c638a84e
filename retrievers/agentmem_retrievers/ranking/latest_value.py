"""Latest value first: where a question asks for a current value, newer statements of it win.

A turn says more than one thing, so an outdated fact does not outdate its turn. But where a
question asks for an attribute of somebody, the turn that stated its value last is the answer, and
turns that stated it earlier follow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from agentmem_retrievers.index.fact_index import SELF, AttributeKey, FactIndex
from agentmem_retrievers.index.table import Rows, Table, VisibilityMask
from agentmem_retrievers.ranking.pipeline import VERBATIM, TurnRanking
from agentmem_retrievers.ranking.scoring import Floats, Ranking
from agentmem_retrievers.text.question import Question
from agentmem_retrievers.text.tokenize import tokenize
from agentmem_stores import Granularity, Vectors

__all__ = [
    "AttributeClassifier",
    "AttributeModel",
    "LatestValue",
    "NoAttributes",
    "matching_keys",
    "newest_first",
]

# A question asks for an attribute if it does so with this probability.
_MIN_PROBABILITY = 0.4
# Of this many best turns, one states the attribute asked for if it is as likely to as this share of
# the likeliest, which must itself be as likely as this.
_CONSIDERED = 40
_SHARE_OF_LIKELIEST, _SHARE_IF_NOTHING_ELSE, _MIN_LIKELIHOOD = 0.2, 0.1, 0.1
# Where a fact states the value, a turn that no rule reads must be this likely to replace it.
_MIN_BESIDE_FACT = 0.22
# Attributes that are this much less probable than the most probable one are not asked for.
_SHARE_OF_BEST_ATTRIBUTE, _MIN_IF_STATED = 0.5, 0.2
# If question and statement are this likely to be about the attribute, the statement passes a turn
# that matches one more word of the question.
_SURE = 0.5
# People have several of these at once, so that a newer one says nothing about an older one.
_SEVERAL = frozenset(
    {
        "pet",
        "pet's name",
        "children",
        "friend",
        "hobby",
        "allergy",
        "illness",
        "medication",
        "restaurant",
        "cafe",
        "savings",
        "garden",
        "spare key",
        "personal best",
    }
)
# Words that ask for any attribute.
_GENERIC = frozenset(
    tokenize(
        "now currently moment today days present still again tell remind know think remember kind "
        "type sort use usually call name go get make thing time one like right latest most recent "
        "nowadays happen come"
    )
)
# Asks whether something is so, not for a value: a newer value of "home" does not answer it.
_ASKS_WHETHER = re.compile(
    r"^\W*(?:do|am|is|are|can|may|could|should|will|would|have) (?:i|we|my|our)\b", re.IGNORECASE
)
_POSSESSIVE = re.compile(r"\b(?:my|our) ")
# A verb follows "does my manager", and elsewhere no noun may: "my car insurance" is no car.
_AUXILIARY = re.compile(r"\b(?:do|does|can|will|would|should) $")
_WORD_END = re.compile(r"\b")
_NO_NOUN = re.compile(r"'s\b|,|\W*$| (?:now|from|in|at|called|named|is|has|who|these)\b")
# "I stopped drinking coffee", "it's tea now".
_CHANGE = re.compile(
    r"\b(?:now|these days|nowadays|from now on|instead|no longer|any ?more|stopped|switched|quit|"
    r"gave up)\b",
    re.IGNORECASE,
)
_PREPOSITION = re.compile(
    r"\b(?:in|at|on|for|from|with|about|during|near|by)\b(?! (?:what|which|whom?|whose)\b)",
    re.IGNORECASE,
)
_NOUN_PHRASE = re.compile(r"\b(?:my|our) ((?:[\w-]+ ?){1,3})", re.IGNORECASE)
# A name within a question, such as "Japan".
_NAME = re.compile(r"(?<=[\w,] )[A-Z][\w-]+")

_WORD = re.compile(r"[^\W\d_]{2,}")
_TITLES = frozenset({"Dr", "Mr", "Mrs", "Ms", "Miss", "Prof", "Professor", "Sir"})


class AttributeClassifier(Protocol):
    """What the ranking needs to know about attributes of people; facts provide it."""

    def attributes_asked(self, question: str) -> Sequence[AttributeKey]:
        """Return the attributes that a question asks for, as they are now."""

    def is_own(self, text: str) -> bool:
        """Return whether a text may be about its speaker."""


class AttributeModel(Protocol):
    """Guesses attributes from embeddings, for wordings that no rule covers.

    It only orders hits and never states anything about anybody.
    """

    def load(self) -> None:
        """Do once what takes long, such as embedding; called while no lock is held."""

    def attributes_asked(self, question: Vectors) -> Mapping[str, float]:
        """Return the attributes that a question may ask for, most probable first.

        Args:
            question: its embedding, shape (dimension,).
        """

    @property
    def names(self) -> Sequence[str]:
        """The attributes that it knows."""

    def attribute_probabilities(self, vectors: Vectors) -> Vectors:
        """Return how likely texts state each attribute, shape (texts, names).

        Args:
            vectors: embeddings of the texts, shape (texts, dimension).
        """

    def framing(self, name: str) -> frozenset[str]:
        """Return the stems in which an attribute is stated and asked for, whatever its value."""


class NoAttributes:
    """A classifier that knows no attribute."""

    def attributes_asked(self, question: str) -> Sequence[AttributeKey]:
        """Return nothing."""
        return ()

    def is_own(self, text: str) -> bool:
        """Return True."""
        return True


def matching_keys(asked: Sequence[AttributeKey], facts: FactIndex) -> list[AttributeKey]:
    """Return the attributes of a scope that are asked for.

    "My wife" is "wife Ada" too; and an attribute without a qualifier is each of those with one,
    where facts state none without.
    """
    keys: list[AttributeKey] = []
    for subject, name in asked:
        about = [
            key
            for key in facts.by_key
            if key.subject == subject or key.subject.startswith(f"{subject} ")
        ]
        exact = [key for key in about if key.attribute == name]
        keys += exact or [key for key in about if _is_kind_of(key.attribute, name)]
    return keys


def keys_on_the_way(question: str, facts: FactIndex) -> list[AttributeKey]:
    """Return the user's attributes that a question names to ask for something else.

    "Where does my manager live?" names the attribute "manager", whose value is the person whose
    home is asked for. "What is my home phone number?" names no home.
    """
    lowered = question.lower()
    # What follows each "my", and whether a verb must come after the noun.
    phrases = [
        (lowered[m.end() :], _AUXILIARY.search(lowered, 0, m.start()) is not None)
        for m in _POSSESSIVE.finditer(lowered)
    ]
    return [
        key
        for key in facts.by_key
        if key.subject == SELF
        and any(
            phrase.startswith(noun := key.attribute.lower())
            and (_WORD_END if verb else _NO_NOUN).match(phrase, len(noun))
            for phrase, verb in phrases
        )
    ]


@dataclass(frozen=True)
class LatestValue:
    """Puts newer statements of a value before older ones, where a question asks for the value.

    Only statements of one attribute of one person compete: those that facts state, and of the
    user's other turns those that a model takes for statements of it, where they match the question
    as well as what they pass.
    """

    classifier: AttributeClassifier
    model: AttributeModel | None = None

    def prepare(self) -> None:
        """Load the model, so that `reorder` need not while a lock is held."""
        if self.model is not None:
            self.model.load()

    def reorder(self, ranking: TurnRanking, turns: Ranking) -> Ranking:
        """Return the ranked turns, with the latest statements of what is asked for first.

        Only for questions that ask for the present (`Question.asks_for_present`).
        """
        question, facts = ranking.question, ranking.index.facts
        mask = ranking.masks[Granularity.TURN]
        if turns.parts.get("exact", np.zeros(1))[:1].max(initial=0.0) >= VERBATIM:
            return turns
        asked = self.classifier.attributes_asked(question.text) if facts.by_key else ()
        keys = matching_keys(asked, facts)
        table = ranking.index.tables[Granularity.TURN]
        for key in keys:
            stating = _visible_rows(mask, facts.turns(key))
            if key.subject == SELF and len(keys) == 1:
                probable = self._probable_statements(ranking, turns, asked, key)
                said_at, position = table.column("said_at"), table.column("position")
                together = {*stating, *probable}
                stating = sorted(together, key=lambda row: (said_at[row], position[row]))
            turns = newest_first(turns, stating, lift=True)
            for ending in facts.endings(key):
                rows = _visible_rows(mask, ending)
                if _asks_whether_it_holds(question, rows, table):
                    turns = newest_first(turns, rows, lift=False)
        if not keys and question.asks_of_user:
            probable = self._probable_statements(ranking, turns, asked, None)
            turns = newest_first(turns, probable, lift=True)
        on_the_way = [k for k in keys_on_the_way(question.text, facts) if k not in keys]
        return self._current_values_first(ranking, turns, on_the_way)

    def _current_values_first(
        self, ranking: TurnRanking, turns: Ranking, keys: Sequence[AttributeKey]
    ) -> Ranking:
        """Order turns about values of attributes: those about a current value first.

        Conflict resolution over two hops: "Where does my manager live?" is about who is the manager
        now, and what is stated of former ones follows, in the places that both have. A question
        that names a former one, such as "Where does my manager Stefan live?", is about that one.
        """
        mask, asked = ranking.masks[Granularity.TURN], set(ranking.question.terms)
        for key in keys:
            visible = [
                (value, rows)
                for value, ids in ranking.index.facts.values(key)
                if (rows := _visible_rows(mask, ids))
            ]
            newest = visible[-1][0] if visible else ""
            former = [v for v, _ in visible[:-1] if v.lower() != newest.lower()]
            of_former = set(tokenize(" ".join(former))) - set(tokenize(newest))
            if not former or asked & of_former:
                continue
            statements = [row for _, rows in visible for row in rows]
            turns = newest_first(turns, statements, lift=False)
            current, others = _names(newest), _names(" ".join(former))
            turns = self._mentions_first(ranking, turns, current - others, others - current)
        return turns

    def _mentions_first(
        self, ranking: TurnRanking, turns: Ranking, current: set[str], others: set[str]
    ) -> Ranking:
        """Put turns that contain a name before turns that contain only others.

        Names are compared as they are written: "The rose garden" is not about Rose.
        """
        if not current or not others:
            return turns
        table = ranking.index.tables[Granularity.TURN]
        texts = [table.text(row) for row in turns.rows[:_CONSIDERED].tolist()]
        first = [place for place, text in enumerate(texts) if _contains(text, current)]
        second = [
            place
            for place, text in enumerate(texts)
            if _contains(text, others) and not _contains(text, current)
        ]
        order = np.arange(len(turns.rows))
        order[sorted([*first, *second])] = [*first, *second]
        return _reordered(turns, order, turns.scores)

    def _probable_statements(
        self,
        ranking: TurnRanking,
        turns: Ranking,
        asked: Sequence[AttributeKey],
        key: AttributeKey | None,
    ) -> list[int]:
        """Return the rows of what may be the user's statements of what is asked for, oldest first.

        Turns that state attributes other than `key`, by the facts, are none of them; nor are those
        that state what is `asked` for with another qualifier, such as another phone number.

        Measured with the attributes of `eval updates`: without the condition that a statement must
        not pass turns that match the question's own words better, questions such as "What is my
        budget for the trip?" cost 6 points of NDCG@10 in LongMemEval.
        """
        if self.model is None:
            return []
        attributes = self.model.attributes_asked(ranking.vector)
        if max(attributes.values(), default=0.0) < _MIN_PROBABILITY or not len(turns.rows):
            return []
        best_name = max(attributes, key=lambda name: attributes[name])
        if best_name in _SEVERAL:
            return []
        table, names = ranking.index.tables[Granularity.TURN], self.model.names
        rows = turns.rows[:_CONSIDERED]
        probabilities = self.model.attribute_probabilities(table.vectors(rows))
        # Statements of an attribute that is merely possible are no answers, unless the best match
        # states it.
        possible = _SHARE_OF_BEST_ATTRIBUTE * attributes[best_name]
        first = dict(zip(names, probabilities[0], strict=True))
        attributes = {
            name: p
            for name, p in attributes.items()
            if p >= possible or (p >= _MIN_IF_STATED and first[name] >= _SURE)
        }
        weights = np.array([attributes.get(name, 0.0) for name in names], dtype=np.float32)
        likelihoods = probabilities @ weights
        likelihoods[~table.columns["from_user"][rows]] = 0
        likelihoods[table.columns["is_question"][rows]] = 0
        best = float(likelihoods.max())
        if best < _MIN_LIKELIHOOD:
            return []
        # A less likely turn counts too if there is nothing else that it states more likely.
        is_likeliest = weights[np.argmax(probabilities, axis=1)] > 0
        share = np.where(is_likeliest, _SHARE_IF_NOTHING_ELSE, _SHARE_OF_LIKELIEST)
        least = np.maximum(share * best, _MIN_BESIDE_FACT if key else 0.0)
        places = np.flatnonzero(likelihoods >= least)
        texts = self._own_texts(ranking, rows[places])
        places = np.array([p for p in places.tolist() if int(rows[p]) in texts], dtype=np.intp)
        stated = _keys_by_turn(ranking.index.facts)
        keys_of = [stated.get(table.ids[row], set()) for row in rows[places]]
        same = {key} if key else _keys_of_best(keys_of, likelihoods[places], asked)
        others = [_differ(k, asked) or bool(k and not k & same) for k in keys_of]
        places = places[~np.array(others, dtype=np.bool_)]
        if not len(places):
            return []
        columns = table.columns
        order = np.lexsort((columns["position"][rows[places]], columns["said_at"][rows[places]]))
        places = places[order]
        newest = int(places[-1])
        sure = max(attributes.values()) >= _SURE and likelihoods[newest] >= _SURE
        name = names[int(np.argmax(probabilities[newest] * weights))]
        latest = int(rows[newest])
        if self._matches_worse(ranking, latest, int(rows[0]), name, texts[latest], int(sure)):
            return []
        # Nothing comes before an older statement that matches the question's own words better:
        # "Which lens did I buy last?" is not about a tripod.
        fitting = [
            place == newest
            or (
                not self._matches_worse(ranking, row, int(rows[0]), name, texts[row], allowed=0)
                and not self._matches_worse(ranking, latest, row, name, texts[latest], allowed=0)
            )
            for place, row in zip(places.tolist(), rows[places].tolist(), strict=True)
        ]
        return [int(row) for row in rows[places[fitting]]]

    def _matches_worse(
        self, ranking: TurnRanking, row: int, other: int, name: str, text: str, allowed: int
    ) -> bool:
        """Return whether a turn lacks words of the question that another turn has.

        Words in which the attribute that the turn states is asked for do not count. No name may be
        lacking: "Which cities in Japan do I want to visit?" asks for no statement without Japan.
        Nor may what tells the thing apart ("my book club"), or restricts the question ("What do I
        drink in the morning?") unless the turn says that things have changed.

        Args:
            name: of the attribute that the turn states.
            text: of the turn.
            allowed: how many other words may be lacking.
        """
        table, literals = ranking.index.tables[Granularity.TURN], ranking.lexical.literals
        if len(literals.terms):
            contained = literals.frequencies(np.array([other, row], dtype=np.intp)) > 0
            if np.any(contained[:, 0] & ~contained[:, 1]):
                return True
        terms = set(table.words.terms(row))
        if not _stems(_NAME.findall(ranking.question.text)) <= terms:
            return True
        specific = set(ranking.question.rest) - _GENERIC
        # "Can I eat shrimp?" is answered by what is said of shrimp, however old.
        if _ASKS_WHETHER.match(ranking.question.text) and specific.isdisjoint(terms):
            return True
        if self.model is not None:
            specific -= self.model.framing(name)
        lacking = specific & set(table.words.terms(other)) - terms
        question = ranking.question.text
        if lacking & _stems(_NOUN_PHRASE.findall(question)):
            return True
        preposition = _PREPOSITION.search(question)
        restricting = lacking & _stems([question[preposition.end() :]] if preposition else [])
        # It does not say that things are no longer as they were.
        if restricting and not _CHANGE.search(text):
            return True
        return len(lacking - restricting) > allowed

    def _own_texts(self, ranking: TurnRanking, rows: Rows) -> dict[int, str]:
        """Return the texts of the turns in which the user speaks of themselves, by row."""
        table = ranking.index.tables[Granularity.TURN]
        turns = zip(rows.tolist(), table.turns(ranking.sources.scope, rows), strict=True)
        return {
            row: turn.text
            for row, turn in turns
            if turn.speaker is None and self.classifier.is_own(turn.text)
        }


def _asks_whether_it_holds(question: Question, rows: Sequence[int], table: Table) -> bool:
    """Return whether a question asks if one of several values still holds.

    "Rex died" answers "Do I have a dog?" better than "I have a dog called Rex". "What are my cats
    called?" is not answered by "Tofu ran away", nor "Can I eat shrimp?" by "I don't like coriander
    any more".

    Args:
        rows: of the turns that state and end the value, oldest first.
    """
    asked = set(question.rest) - _GENERIC
    return (
        len(rows) > 1
        and _ASKS_WHETHER.match(question.text) is not None
        and not asked.isdisjoint(table.words.terms(rows[0]))
    )


def _stems(phrases: Sequence[str]) -> set[str]:
    return {stem for phrase in phrases for stem in tokenize(phrase)}


def _names(value: str) -> set[str]:
    """The words of a value that are names: a person's first and last name, but no title."""
    return {word for word in _WORD.findall(value) if word[0].isupper()} - _TITLES


def _contains(text: str, names: set[str]) -> bool:
    """Return whether a text contains a name; of one without capitals, in lower case."""
    words = set(_WORD.findall(text))
    return not words.isdisjoint({name.lower() for name in names} if text.islower() else names)


def _differ(keys: set[AttributeKey], asked: Sequence[AttributeKey]) -> bool:
    """Return whether what a turn states has another qualifier than what is asked for.

    "What is my work phone number?" asks for no private phone number.
    """
    heads = {key.attribute.split()[-1] for key in asked}
    alike = [key.attribute for key in keys if key.attribute.split()[-1] in heads]
    return bool(alike) and not any(_is_kind_of(name, k.attribute) for name in alike for k in asked)


def _is_kind_of(name: str, other: str) -> bool:
    """Return whether an attribute is another one, with or without a qualifier."""
    return name == other or name.endswith(f" {other}")


def _keys_of_best(
    keys_of: Sequence[set[AttributeKey]], likelihoods: Vectors, asked: Sequence[AttributeKey]
) -> set[AttributeKey]:
    """Return the attributes, by the facts, of the best of the likely statements that has any.

    Args:
        keys_of: for each statement, in the order of the ranking.
        likelihoods: of stating what is asked for, shape (statements,).
        asked: what the question asks for by name.
    """
    likely = likelihoods >= max(_SURE * likelihoods.max(initial=0.0), _MIN_LIKELIHOOD)
    fit = (keys for keys, sure in zip(keys_of, likely, strict=True) if sure)
    return next((keys for keys in fit if keys and not _differ(keys, asked)), set())


def _keys_by_turn(facts: FactIndex) -> dict[str, set[AttributeKey]]:
    """The single-valued attributes that each turn states or ends."""
    keys: dict[str, set[AttributeKey]] = {}
    for key in facts.by_key:
        for turn in facts.turns(key):
            keys.setdefault(turn, set()).add(key)
    return keys


def _visible_rows(mask: VisibilityMask, turns: Sequence[str]) -> list[int]:
    """Replace the ids of turns by their rows; leave out what the question may not find."""
    row_of = mask.table.row_of
    rows = [row_of[i] for i in turns if i in row_of]
    visible = mask.at(np.array(rows, dtype=np.intp))
    return [row for row, is_visible in zip(rows, visible, strict=True) if is_visible]


def newest_first(ranking: Ranking, statements: Sequence[int], *, lift: bool) -> Ranking:
    """Order statements of one attribute newest first, in the places that they hold.

    Args:
        statements: rows, oldest first.
        lift: put the newest before everything else, also if it is not ranked yet.
    """
    if lift:
        ranking = _append(ranking, np.array(statements, dtype=np.intp))
    place = {int(row): n for n, row in enumerate(ranking.rows)}
    newest = [place[row] for row in reversed(statements) if row in place]
    if not newest:
        return ranking
    order = np.arange(len(ranking.rows))
    order[sorted(newest)] = newest
    scores = ranking.scores
    if lift:
        first = newest[:1]
        order = np.concatenate([first, order[~np.isin(order, first)]])
        rest = np.delete(scores, sorted(newest)[: len(first)])
        scores = np.concatenate([np.repeat(scores[:1], len(first)), rest])
    return _reordered(ranking, order, scores)


def _reordered(ranking: Ranking, order: Rows, scores: Floats) -> Ranking:
    """Return the rows in another order, with the scores of their new places."""
    parts = {name: values[order] for name, values in ranking.parts.items()}
    gain = scores - ranking.scores[order] + parts.get("currency", 0.0)
    return Ranking(ranking.rows[order], scores, {**parts, "currency": gain})


def _append(ranking: Ranking, rows: Rows) -> Ranking:
    """Append the rows that are not ranked, with the lowest score."""
    missing = rows[~np.isin(rows, ranking.rows)]
    if not len(missing):
        return ranking
    lowest = float(ranking.scores[-1]) if len(ranking.scores) else 0.0
    zeros = np.zeros(len(missing))
    parts = {name: np.concatenate([v, zeros]) for name, v in ranking.parts.items()}
    rest = ranking.parts.get("rest", np.zeros(len(ranking.rows)))
    parts["rest"] = np.concatenate([rest, zeros + lowest])
    return Ranking(
        np.concatenate([ranking.rows, missing]),
        np.concatenate([ranking.scores, zeros + lowest]),
        parts,
    )

"""Answering from what was found, and marking the answers."""

from __future__ import annotations

import logging
import re
import string
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentmem_retrievers import SearchResult

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from agentmem.formats.dialogue import DialogueQuestion

__all__ = ["Answerer", "exact_match", "judged_right", "normalized", "token_f1"]

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL | re.IGNORECASE)
_FIRST = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)
_VERDICT = re.compile(
    r"\b(yes|no|(?:not )?(?:correct|right|true)|incorrect|wrong|false)\b", re.IGNORECASE
)
_GOOD = frozenset({"yes", "correct", "right", "true"})

_log = logging.getLogger("agentmem")

_ANSWER = """\
Answer the question from these memories of earlier conversations, in as few words as possible. \
If they do not hold the answer, say so.

Memories, the best first:
{memories}

Today: {today}
Question: {question}
Answer:"""

_JUDGE = """\
Question: {question}
Right answer: {right}
Given answer: {given}

Does the given answer say the same as the right one, be it in other words or with more detail? \
Reply with one word, yes or no."""


def normalized(text: str) -> str:
    """Return a text in lower case without punctuation, articles and superfluous white space.

    As the evaluation of SQuAD compares answers (Rajpurkar et al., EMNLP 2016).
    """
    bare = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def exact_match(given: str, right: str) -> float:
    """Return 1.0 if two answers are the same once normalised, else 0.0."""
    return float(normalized(given) == normalized(right))


def token_f1(given: str, right: str) -> float:
    """Return the harmonic mean of precision and recall of the normalised words, in [0, 1].

    Two empty answers agree; an empty one and another do not.
    """
    words, wanted = normalized(given).split(), normalized(right).split()
    if not words or not wanted:
        return float(words == wanted)
    common = (Counter(words) & Counter(wanted)).total()
    return 2 * common / (len(words) + len(wanted))


def judged_right(verdict: str) -> bool | None:
    """Read a judge's verdict, however wordy it is; None if it says neither yes nor no.

    A yes or no that it begins with counts, else what it comes to at last.
    """
    text = _THOUGHT.sub(" ", verdict)
    begun = _FIRST.match(text)
    said = [begun[1]] if begun else _VERDICT.findall(text)
    return said[-1].lower() in _GOOD if said else None


@dataclass(frozen=True)
class Answerer:
    """Answers with a chat model, and marks the answers by their words and by a judge.

    Args:
        model: answers from the memories found.
        judge: says whether an answer is right; without one only words are compared.
    """

    model: BaseChatModel
    judge: BaseChatModel | None = None

    def __call__(self, question: DialogueQuestion, found: SearchResult) -> dict[str, float]:
        """Answer one question; empty where the data set tells no right answer.

        A model that fails does not end the evaluation: its answer counts as wrong.

        Returns:
            `f1`, `exact_match`, `failed` and with a judge `judge`, in [0, 1]. A verdict that
            says neither yes nor no counts as no.
        """
        if not question.answer:
            return {}
        try:
            given = self.answer(question.text, found)
            judged = self._judged(question, given)
        except Exception as error:
            _log.warning("question %s got no answer: %s", question.id, error)
            names = ["f1", "exact_match", *(["judge"] if self.judge else [])]
            return dict.fromkeys(names, 0.0) | {"failed": 1.0}
        return {
            "f1": token_f1(given, question.answer),
            "exact_match": exact_match(given, question.answer),
            **judged,
            "failed": 0.0,
        }

    def _judged(self, question: DialogueQuestion, given: str) -> dict[str, float]:
        if self.judge is None:
            return {}
        asked = _JUDGE.format(question=question.text, right=question.answer, given=given)
        verdict = str(self.judge.invoke(asked).text)
        return {"judge": float(judged_right(verdict) or False)}

    def answer(self, question: str, found: SearchResult) -> str:
        """Return the model's answer to a question from the memories found."""
        memories = "\n".join(
            f"- {hit.memory.said_at:%Y-%m-%d}, {hit.memory.speaker or hit.memory.role}: "
            f"{hit.memory.text}"
            for hit in found
        )
        prompt = _ANSWER.format(
            memories=memories, today=f"{found.asked_at:%Y-%m-%d}", question=question
        )
        return str(self.model.invoke(prompt).text).strip()

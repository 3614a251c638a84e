"""Answer questions from search results with a chat model, and score the answers."""

from __future__ import annotations

import logging
import re
import string
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from agentmem_retrievers import SearchResult

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from agentmem.formats.dialogue import DialogueQuestion

__all__ = ["Answerer", "exact_match", "memory_lines", "normalize", "parse_verdict", "token_f1"]

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL | re.IGNORECASE)
_FIRST = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)
_VERDICT = re.compile(
    r"\b(yes|no|(?:not )?(?:correct|right|true)|incorrect|wrong|false)\b", re.IGNORECASE
)
_YES = frozenset({"yes", "correct", "right", "true"})

_log = logging.getLogger("agentmem")

_ANSWER = """\
Answer the question from these memories of earlier conversations, in as few words as possible. \
If they do not hold the answer, say so.

Memories:
{memories}

Today: {today}
Question: {question}
Answer:"""

_JUDGE = """\
Question: {question}
Right answer: {right}
Given answer: {answer}

Does the given answer say the same as the right one, be it in other words or with more detail? \
Reply with one word, yes or no."""


def normalize(text: str) -> str:
    """Return a text in lower case without punctuation, articles and extra white space.

    SQuAD compares answers in this form (Rajpurkar et al., EMNLP 2016).

    >>> normalize("The  Beagle, an old one!")
    'beagle old one'
    """
    bare = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def exact_match(answer: str, reference: str) -> float:
    """Return 1.0 if two answers are equal when normalized, else 0.0."""
    return float(normalize(answer) == normalize(reference))


def token_f1(answer: str, reference: str) -> float:
    """Return the harmonic mean of precision and recall of the normalized words, in [0, 1].

    It is 1 for two empty answers, and 0 if only one is empty.
    """
    words, expected = normalize(answer).split(), normalize(reference).split()
    if not words or not expected:
        return float(words == expected)
    common = (Counter(words) & Counter(expected)).total()
    return 2 * common / (len(words) + len(expected))


def parse_verdict(verdict: str) -> bool | None:
    """Return whether a judge's verdict is yes; None if it is neither yes nor no.

    A yes or no at the start counts, else the last word that says one.
    """
    text = _THOUGHT.sub(" ", verdict)
    start = _FIRST.match(text)
    words = [start[1]] if start else _VERDICT.findall(text)
    return words[-1].lower() in _YES if words else None


def memory_lines(result: SearchResult) -> str:
    """Return the hits of a search as lines for a prompt, the best first."""
    return "\n".join(
        f"- {hit.memory.said_at:%Y-%m-%d}, {hit.memory.speaker or hit.memory.role}: "
        f"{hit.memory.text}"
        for hit in result
    )


@dataclass(frozen=True)
class Answerer:
    """Answers questions with a chat model, and scores the answers by words and by a judge.

    Args:
        model: answers from lines of memories.
        judge: decides whether an answer is right; None to compare only words.
    """

    model: BaseChatModel
    judge: BaseChatModel | None = None

    def __call__(
        self, question: DialogueQuestion, memories: str, today: datetime
    ) -> dict[str, float]:
        """Answer and score one question.

        If a model fails, the evaluation goes on and the answer counts as wrong.

        Args:
            memories: lines of memories, such as `memory_lines(result)` or the text of a `Context`.
            today: when the question is asked.

        Returns:
            `f1`, `exact_match`, `failed` and, with a judge, `judge`, in [0, 1]; empty if the data
            set has no answer. A verdict that is neither yes nor no counts as no.
        """
        if not question.answer:
            return {}
        try:
            answer = self.answer(question.text, memories, today)
            judgment = self._judge(question, answer)
        except Exception as error:
            _log.warning("question %s was not answered: %s", question.id, error)
            names = ["f1", "exact_match", *(["judge"] if self.judge else [])]
            return dict.fromkeys(names, 0.0) | {"failed": 1.0}
        return {
            "f1": token_f1(answer, question.answer),
            "exact_match": exact_match(answer, question.answer),
            **judgment,
            "failed": 0.0,
        }

    def _judge(self, question: DialogueQuestion, answer: str) -> dict[str, float]:
        if self.judge is None:
            return {}
        prompt = _JUDGE.format(question=question.text, right=question.answer, answer=answer)
        verdict = str(self.judge.invoke(prompt).text)
        return {"judge": float(parse_verdict(verdict) or False)}

    def answer(self, question: str, memories: str, today: datetime) -> str:
        """Return the model's answer to a question."""
        prompt = _ANSWER.format(memories=memories, today=f"{today:%Y-%m-%d}", question=question)
        return str(self.model.invoke(prompt).text).strip()

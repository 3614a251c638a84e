"""Broad questions about LoCoMo's conversations, generated from its annotations.

LoCoMo's own questions ask for details. Its observations, short statements that each name the turns
they come from, tell what was said on a day and about a theme.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentmem.evaluation.recall_budget import (
    ROUTED,
    AskedQuestion,
    ask_questions,
    score_budgets,
)
from agentmem.formats.dialogue import DialogueQuestion
from agentmem.formats.locomo import read_locomo
from agentmem_retrievers import SearchSettings, tokenize
from agentmem_retrievers.text.tokenize import content_words, stems_of

if TYPE_CHECKING:
    from agentmem.evaluation.cache import IngestCache
    from agentmem.evaluation.recall_budget import BudgetScore
    from agentmem.formats.dialogue import Dialogue
    from agentmem.progress import Progress

__all__ = ["broad_questions", "measure_broad"]

# A theme is a word that observations about a speaker have in so many sessions and turns, and that
# occurs in at most so many conversations: others, such as "plans", are said by everybody.
_MIN_SESSIONS, _MIN_TURNS, _MAX_CONVERSATIONS = 3, 4, 2
# Of a speaker, those with the most turns.
_MAX_THEMES = 8
_ROUTED = {**ROUTED, "without topics": SearchSettings(off=frozenset({"topics"}))}


@dataclass(frozen=True)
class _Observation:
    """A statement about a speaker, and the session and the turns that it comes from."""

    speaker: str
    text: str
    session: str
    turns: tuple[str, ...]


def broad_questions(path: Path) -> Iterator[Dialogue]:
    """Yield the conversations of a file with questions of the categories `day` and `theme`.

    The evidence are the turns of the observations of that day, or of those of the speaker that
    have the word of the theme; their statements are the answer.
    """
    conversations = json.loads(path.read_text(encoding="utf-8"))
    observations = [list(_observations(one)) for one in conversations]
    spread = Counter[str]()
    for known in observations:
        spread.update({stem for one in known for stem in _stems(one.text)})
    for dialogue, known in zip(read_locomo(path), observations, strict=True):
        questions = (*_of_days(dialogue, known), *_of_themes(dialogue, known, spread))
        yield replace(dialogue, questions=questions)


def measure_broad(
    dialogues: Iterable[Dialogue],
    cache: IngestCache,
    budgets: Sequence[int],
    progress: Progress,
) -> dict[str, list[BudgetScore]]:
    """Return the scores of each category of questions; see `recall_budget.score_budgets`."""
    asked = defaultdict[str, list[AskedQuestion]](list)
    for one in ask_questions(dialogues, cache, budgets=budgets, routed=_ROUTED, progress=progress):
        asked[one.question.category].append(one)
    return {name: score_budgets(known, budgets) for name, known in asked.items()}


def _observations(conversation: Mapping[str, Any]) -> Iterator[_Observation]:
    for key, by_speaker in conversation.get("observation", {}).items():
        for speaker, statements in by_speaker.items():
            for text, turns in statements:
                names = (turns,) if isinstance(turns, str) else tuple(turns)
                yield _Observation(speaker, text, key.removesuffix("_observation"), names)


def _of_days(
    dialogue: Dialogue, observations: Sequence[_Observation]
) -> Iterator[DialogueQuestion]:
    days = defaultdict[str, list[_Observation]](list)
    started = {session.id: session.started_at for session in dialogue.sessions}
    for one in observations:
        if (start := started.get(one.session)) is not None:
            days[f"{start.day} {start:%B %Y}"].append(one)
    for day, known in days.items():
        yield _question(dialogue, f"What did we talk about on {day}?", "day", known)


def _of_themes(
    dialogue: Dialogue, observations: Sequence[_Observation], spread: Mapping[str, int]
) -> Iterator[DialogueQuestion]:
    names = {term for one in observations for term in tokenize(one.speaker)}
    themes = defaultdict[tuple[str, str], list[_Observation]](list)
    words = defaultdict[str, Counter[str]](Counter)
    for one in observations:
        for stem, word in _stems(one.text).items():
            if stem not in names and spread[stem] <= _MAX_CONVERSATIONS:
                themes[one.speaker, stem].append(one)
                words[stem][word] += 1
    ranked = sorted(themes.items(), key=lambda item: (-len(_turns(item[1])), item[0]))
    asked = Counter[str]()
    for (speaker, stem), known in ranked:
        sessions = {one.session for one in known}
        if len(sessions) < _MIN_SESSIONS or len(_turns(known)) < _MIN_TURNS:
            continue
        if asked[speaker] < _MAX_THEMES:
            asked[speaker] += 1
            [(word, _)] = words[stem].most_common(1)
            text = f"Summarize what {speaker} said about {word}."
            yield _question(dialogue, text, "theme", known)


def _stems(text: str) -> dict[str, str]:
    words, language = content_words(text)
    return dict(zip(stems_of(words, language), words, strict=True))


def _turns(observations: Iterable[_Observation]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(turn for one in observations for turn in one.turns))


def _question(
    dialogue: Dialogue, text: str, category: str, observations: Sequence[_Observation]
) -> DialogueQuestion:
    return DialogueQuestion(
        id=f"{dialogue.owner}:{text}",
        text=text,
        answer=" ".join(one.text for one in observations),
        category=category,
        evidence_turns=_turns(observations),
    )

"""Questions find answers in the language that they are asked in, with the default model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from langchain_core.embeddings import Embeddings

from agentmem import InMemoryStore, MemoryController, Scope

STATEMENTS = {
    "german": [
        "Meine Tante wohnt in Leipzig.",
        "Meine Katzen heißen Mimi und Leo.",
        "Ich arbeite als Krankenpfleger in einer Klinik.",
        "Am Dienstag habe ich einen Termin beim Zahnarzt.",
    ],
    "french": [
        "Ma sœur habite à Lyon.",
        "Mon chien s'appelle Filou.",
        "Je travaille comme boulangère.",
        "J'ai rendez-vous chez le dentiste mardi.",
    ],
    "spanish": [
        "Mi hermano vive en Valencia.",
        "Mi gato se llama Luna.",
        "Trabajo como enfermera en un hospital.",
        "El martes tengo cita con el dentista.",
    ],
    "chinese": ["我最喜欢的水果是芒果。", "我的猫叫小白。", "我在上海工作。", "我妹妹住在北京。"],
    "japanese": [
        "来週の金曜日に大阪で友達のゆきと会う予定です。",
        "私の猫の名前はタマです。",
        "私は病院で看護師として働いています。",
        "妹は札幌に住んでいます。",
    ],
    "thai": [
        "หมาของฉันชื่อโมจิ",
        "พี่สาวของฉันอยู่ที่เชียงใหม่",
        "ฉันทำงานเป็นพยาบาลที่โรงพยาบาล",
        "ฉันชอบกินมะม่วง",
    ],
}
QUESTIONS = {
    "german": {
        "Wo wohnt meine Tante?": 0,
        "Wie heißt meine Katze?": 1,
        "Wann muss ich zum Zahnarzt?": 3,
    },
    "french": {
        "Où habite ma sœur ?": 0,
        "Comment s'appelle mon chien ?": 1,
        "Quand est mon rendez-vous chez le dentiste ?": 3,
    },
    "spanish": {
        "¿Dónde vive mi hermano?": 0,
        "¿Cómo se llama mi gato?": 1,
        "¿Cuándo es mi cita con el dentista?": 3,
    },
    "chinese": {"我最喜欢的水果是什么": 0, "我的猫叫什么名字": 1, "我妹妹住在哪里": 3},
    "japanese": {"大阪で誰と会いますか": 0, "猫の名前は何ですか": 1, "妹はどこに住んでいますか": 3},
    "thai": {"หมาของฉันชื่ออะไร": 0, "พี่สาวของฉันอยู่ที่ไหน": 1, "ฉันชอบกินอะไร": 3},
}


@pytest.fixture(scope="module")
def memory(embeddings: Embeddings) -> Iterator[MemoryController]:
    """One user who says everything in all six languages."""
    with MemoryController(
        InMemoryStore(), scope=Scope("ada"), embeddings=embeddings, linger=None
    ) as controller:
        for language, statements in STATEMENTS.items():
            controller.add(statements, session_id=language)
        yield controller


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        pytest.param(question, STATEMENTS[language][place], id=f"{language}-{place}")
        for language, questions in QUESTIONS.items()
        for question, place in questions.items()
    ],
)
def test_the_answer_comes_first(memory: MemoryController, question: str, answer: str) -> None:
    hits = memory.search(question, k=3, reinforce=False)
    assert hits[0].memory.text == answer

"""Words and stems of texts in many languages."""

from __future__ import annotations

import unicodedata

import pytest

from agentmem_retrievers.text.tokenize import (
    STOP_WORDS,
    content_words,
    is_content_word,
    language_of,
    tokenize,
)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Wo wohnt meine Tante?", "german"),
        ("Ich habe zwei Katzen.", "german"),
        ("J'ai acheté de l'eau à Paris.", "french"),
        ("Comment s'appelle mon chien ?", "french"),
        ("¿Dónde vive mi hermano?", "spanish"),
        ("Mi gato se llama Luna.", "spanish"),
        ("Dove abita mia sorella?", "italian"),
        ("Onde mora o meu irmão?", "portuguese"),
        ("Waar woont mijn broer?", "dutch"),
        ("Where does my brother live?", "english"),
        # One foreign word, or an English one that looks foreign, is no evidence.
        ("die hard", "english"),
        ("I live in Den Haag.", "english"),
        ("Was my cat sick?", "english"),
        ("Das Boot is my favourite film.", "english"),
        ("Release 3.10", "english"),
        ("", "english"),
    ],
)
def test_the_language_is_recognized(text: str, language: str) -> None:
    assert content_words(text)[1] == language


@pytest.mark.parametrize(
    ("question", "statement", "shared"),
    [
        ("Wie heißen meine Katzen?", "Meine Katze heißt Mimi.", {"katz"}),
        ("Où habite ma sœur ?", "Ma sœur a habité à Lyon.", {"sœur", "habit"}),
        ("¿Cómo se llaman mis perros?", "Mi perro se llama Paco.", {"llam", "perr"}),
        ("我最喜欢的水果是什么", "我最喜欢的水果是芒果。", {"喜欢", "水果"}),
        ("大阪で誰と会いますか", "大阪で友達のゆきと会う予定です。", {"大阪", "会"}),
        ("หมาของฉันชื่ออะไร", "หมาของฉันชื่อโมจิ", {"หม", "มา", "ชื"}),
        ("내 고양이 이름이 뭐야?", "내 고양이 이름은 나비야.", {"고양", "양이", "이름"}),
        ("मेरी बिल्ली का नाम", "मेरी बिल्ली मीठी है", {"बिल्ली"}),
    ],
)
def test_a_question_shares_terms_with_its_answer(
    question: str, statement: str, shared: set[str]
) -> None:
    assert shared <= {*tokenize(question)} & {*tokenize(statement)}


def test_forms_of_one_character_are_one_term() -> None:
    composed = "Das Möbelhaus ist groß."
    assert tokenize(unicodedata.normalize("NFD", composed)) == tokenize(composed)
    assert tokenize("\uff21partment \uff11\uff12") == tokenize("apartment 12")


def test_words_beside_characters_stay_whole() -> None:
    assert {"iphone15", "買"} <= {*tokenize("iPhone15を買った")}


def test_stop_words_are_those_of_the_language() -> None:
    assert tokenize("Was war das denn für ein Tag?") == ["denn", "tag"]
    # "die" is an article in German only.
    assert tokenize("The plants die.") == ["plant", "die"]
    assert is_content_word("was", "french")
    assert not is_content_word("was", "german")
    assert not is_content_word("の", "english")
    assert is_content_word("猫", "english")


def test_function_words_recognize_their_own_language() -> None:
    for language, words in STOP_WORDS.items():
        assert language_of(sorted(words)) == language

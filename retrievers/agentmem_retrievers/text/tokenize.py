"""Split text into content words, reduced to stems in the language of the text, and literals.

Literals are tokens that stand for one thing as they are written, such as 3.10, £45, C++ or -5.
Stemming and splitting at punctuation make `3.1` and `3.10`, `C++` and `C#`, `-5` and `5` alike;
literals match only themselves.

The language of a text is recognized by its function words. The texts are sentences, so a dozen
words have to do: function words are what short sentences of a language share, and they are the stop
words of its index as well.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from functools import cache

import Stemmer

__all__ = [
    "ENGLISH",
    "STOP_WORDS",
    "content_words",
    "has_content",
    "is_content_word",
    "language_of",
    "literals_in",
    "stems_of",
    "text_key",
    "tokenize",
    "words_in",
]

ENGLISH = "english"

# By Snowball's name of the language: its articles, pronouns, prepositions, auxiliaries and
# question words.
STOP_WORDS: Mapping[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        ENGLISH: (
            "a an the and or but if of to in on at by for with from as is are was were be been "
            "being am do does did done doing have has had having it its this that these those "
            "there here i me my mine you your yours he him his he she her hers they them their "
            "theirs we us our ours what which who whom whose when where why how will would can "
            "could shall should may might must not no so than then too very just about into over "
            "up down out off s t re ve ll d m don"
        ),
        "german": (
            "der die das den dem des ein eine einen einem einer eines und oder aber ich du er sie "
            "es wir ihr mich mir dich dir ihn ihm uns euch mein meine meinen meinem meiner meines "
            "dein deine deinen deinem deiner sein seine seinen seinem seiner ihre ihren ihrem "
            "ihrer unser unsere unseren unserem unserer ist sind bin bist war waren wurde wird "
            "werden habe hat haben hatte hatten kann kannst können soll muss nicht kein keine "
            "keinen in im an am auf aus bei beim mit nach von vom vor zu zum zur für über unter um "
            "durch gegen was wer wen wem wo wohin woher wann warum wie welche welcher welches "
            "welchen dass wenn weil als auch noch schon nur sehr so da dann"
        ),
        "french": (
            "le la les l un une des du de d et ou mais je j tu il elle on nous vous ils elles me m "
            "te t se s moi toi lui leur leurs mon ma mes ton ta tes son sa ses notre nos votre vos "
            "ce cet cette ces c est suis es sommes êtes sont était étais étaient été être ai as a "
            "avons avez ont avait avais avoir ne n pas plus en dans sur sous avec sans pour par au "
            "aux chez y que qu qui quoi quel quelle quels quelles où quand comment pourquoi combien"
        ),
        "spanish": (
            "el la los las lo un una unos unas del al de y o pero yo tú él ella nosotros ustedes "
            "ellos ellas me te se nos le les mí mi mis tu tus su sus nuestro nuestra nuestros "
            "nuestras este esta esto estos estas es soy eres somos son era eran fue fui está estoy "
            "están estaba ser estar he ha has hemos han había tengo tiene no en con sin por para "
            "sobre a que qué quién quiénes cuál cuáles dónde cuándo cómo cuánto cuánta cuántos "
            "cuántas donde cuando como porque muy también ya"
        ),
        "italian": (
            "il lo la i gli le un uno una del della dello dei degli delle al alla allo ai agli "
            "alle dal dalla nel nella nei nelle sul sulla di e o ma io tu lui lei noi voi loro mi "
            "ti si ci vi mio mia miei mie tuo tua tuoi tue suo sua suoi sue nostro nostra questo "
            "questa è sono sei siamo siete era erano essere ho hai ha abbiamo hanno aveva avere "
            "non in con per su da tra fra a che chi quale quali dove quando come perché quanto "
            "quanta quanti quante anche molto"
        ),
        "portuguese": (
            "o a os as um uma uns umas do da dos das no na nos nas ao à aos de e ou mas eu tu você "
            "ele ela nós vocês eles elas me te se lhe meu minha meus minhas teu tua seu sua seus "
            "suas nosso nossa este esta isto é sou és somos são era eram foi fui está estou estão "
            "estava ser estar tenho tem tinha não em com sem por para pelo pela sobre que quem "
            "qual quais onde quando como quanto quanta quantos quantas porque muito também já"
        ),
        "dutch": (
            "de het een en of maar ik jij je u hij zij ze wij we jullie mij me jou hem haar ons "
            "hen hun mijn jouw zijn onze is ben bent was waren wordt worden heb hebt heeft hebben "
            "had hadden kan moet niet geen in op aan met van voor naar uit bij door over onder om "
            "te tot wat wie waar wanneer waarom hoe welke welk dat die dit deze als ook nog al er"
        ),
    }.items()
}

# English words and parts of names among them: alone they say nothing about the language.
_HOMOGRAPHS = frozenset(
    "die das war hat am so da des den der man also an in im on me no he as es is la el le les lo "  # noqa: SIM905
    "los las de del di al un una come per do plus comment son ton tu sin pour par or sale dove con "
    "over door had van was been bent under dies sur ai noi mi mia tra fra os em e a o y u on sobre "
    "here once mine sera sole pas mes ma mon ti si ci".split()
)

# What only English sentences have, and what none has: most texts are told apart by these alone.
_OTHERS = frozenset[str]().union(*(w for name, w in STOP_WORDS.items() if name != ENGLISH))
_ONLY_ENGLISH = STOP_WORDS[ENGLISH] - _OTHERS
_FOREIGN = _OTHERS - STOP_WORDS[ENGLISH] - _HOMOGRAPHS


def language_of(words: Collection[str]) -> str:
    """Return the language whose function words a text has most of; English in doubt.

    Args:
        words: of the text, in lower case, apostrophes taken as spaces.

    Example:
        >>> language_of("wo wohnt meine tante".split()), language_of("beagle biscuit".split())
        ('german', 'english')
    """
    if len(words) <= 1:
        return ENGLISH
    distinct = frozenset(words)
    if distinct.isdisjoint(_FOREIGN) and not distinct.isdisjoint(_ONLY_ENGLISH):
        return ENGLISH
    best, most = ENGLISH, len(distinct & STOP_WORDS[ENGLISH])
    for language, function_words in STOP_WORDS.items():
        evidence = distinct & function_words
        if len(evidence) > most and (len(evidence) > 1 or not evidence <= _HOMOGRAPHS):
            best, most = language, len(evidence)
    return best


# Vowel signs and tone marks are no letters to Python, but belong to the words of Hebrew, Arabic,
# Indic scripts and Thai.
_MARKS = (
    "\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0903"
    "\u093a-\u094f\u0951-\u0957\u0962\u0963\u0981-\u0983\u09bc-\u09cd\u0a01-\u0a03\u0a3c-\u0a4d"
    "\u0a81-\u0a83\u0abc-\u0acd\u0b82\u0bbe-\u0bcd\u0c00-\u0c04\u0c3e-\u0c4d\u0c81-\u0c83"
    "\u0cbc-\u0ccd\u0d00-\u0d03\u0d3b-\u0d4d\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
)
_WORD = re.compile(rf"[^\W_][^\W_{_MARKS}]*(?:[{_MARKS}]+[^\W_]*)*(?:['\u2019][^\W_]+)*")
_APOSTROPHE = re.compile(r"['\u2019]")
# Scripts written without spaces (kana, Han, Hangul, Thai) are indexed as character bigrams, as in
# Lucene.
_HAN = "\u3400-\u9fff\uf900-\ufaff"
_UNSPACED = f"\u3040-\u30ff{_HAN}\uac00-\ud7af\u0e00-\u0e7f"
_HAS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_RUN = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_IS_HAN = re.compile(f"[{_HAN}]")

_OPENING, _CLOSING = "([{<\"'`*\u00ab\u201c\u201e\u2018", ")]}>\"'`*\u00bb\u201d\u2019.,;:!?\u2026"
# Hyphen, dashes and the minus sign all begin a negative number.
_MINUS = str.maketrans("\u2212\u2013\u2010\u2011", "----")
_POSSESSIVE = re.compile(r"['\u2019]s$")
_SYMBOL = re.compile(r"[+#@/\\_&%$\u00a3\u20ac\u00a5\u20b9=]")
# "#17" and "£45" are also 17 and 45; "-5" is not 5, nor is "3.10" 3 or 10.
_AMOUNT = re.compile(
    r"[#$\u00a3\u20ac\u00a5\u20b9](\d[\d.,]*)|(\d[\d.,]*)[%$\u00a3\u20ac\u00a5\u20b9]"
)


@cache
def _stemmer(language: str) -> Stemmer.Stemmer:
    # Cache size 0: PyStemmer's cache would keep deleted words alive as long as the process.
    return Stemmer.Stemmer(language, 0)


def content_words(text: str) -> tuple[list[str], str]:
    """Return the content words of a text in lower case, and the language that it is taken for.

    Stop words of that language are left out. Scripts without spaces become overlapping pairs of
    characters and, since many words are a single one, Han characters by themselves.

    Example:
        >>> content_words("Wo wohnt meine Tante?")
        (['wohnt', 'tante'], 'german')
        >>> content_words("猫が好き")[0]
        ['猫', '猫が', 'が好', '好', '好き']
    """
    lowered = text.lower()
    if not lowered.isascii():
        lowered = unicodedata.normalize("NFKC", lowered)
    tokens = _WORD.findall(lowered)
    has_unspaced = not lowered.isascii() and _HAS_UNSPACED.search(lowered) is not None
    language = language_of([part for word in tokens for part in _APOSTROPHE.split(word)])
    stop_words = STOP_WORDS[language]
    words: list[str] = []
    for word in tokens:
        if has_unspaced and _HAS_UNSPACED.search(word):
            words.extend(_bigrams(word))
            continue
        parts = _APOSTROPHE.split(word)
        # English drops the clitic behind, so that "Biscuit's" and "I'm" become "biscuit" and "i";
        # French and Italian have it before: "l'eau", "dell'anno".
        base = parts[0] if language == ENGLISH else max(parts, key=len)
        if base not in stop_words:
            words.append(base)
    return words, language


def _bigrams(word: str) -> list[str]:
    words: list[str] = []
    for run in _RUN.findall(word):
        if not _HAS_UNSPACED.match(run):
            words.append(run)
            continue
        for place, character in enumerate(run):
            if len(run) == 1 or _IS_HAN.match(character):
                words.append(character)
            if place + 1 < len(run):
                words.append(run[place : place + 2])
    return words


def is_content_word(word: str, language: str) -> bool:
    """Return whether a word of a text in a language is indexed as a word of its own.

    >>> is_content_word("tante", "german"), is_content_word("wo", "german")
    (True, False)
    """
    if len(word) == 1 and _HAS_UNSPACED.match(word):
        return _IS_HAN.match(word) is not None
    return word not in STOP_WORDS[language]


def has_content(word: str) -> bool:
    """Return whether a word by itself has content words: it is no English stop word and no mark.

    >>> has_content("porto"), has_content("is"), has_content("?"), has_content("\u732b")
    (True, False, False, True)
    """
    if word.isascii() and word.isalnum():
        # As `words_in` finds, at a tenth of its time: every token of a text is asked about.
        return word.lower() not in STOP_WORDS[ENGLISH]
    return bool(words_in(word))


def words_in(text: str) -> list[str]:
    """Return the content words of a text in lower case, without stop words.

    Example:
        >>> words_in("Biscuit's vet is in Porto")
        ['biscuit', 'vet', 'porto']
    """
    return content_words(text)[0]


def stems_of(words: Sequence[str], language: str = ENGLISH) -> list[str]:
    """Return the stem of each word (Snowball).

    Args:
        language: a name of Snowball's, see `content_words`.
    """
    stems: list[str] = _stemmer(language).stemWords(list(words))
    return stems


def tokenize(text: str) -> list[str]:
    """Return the stems of the content words of a text, in order, in the language of the text.

    Example:
        >>> tokenize("Where did my sisters move?")
        ['sister', 'move']
        >>> tokenize("Wo wohnen meine Schwestern?")
        ['wohn', 'schwest']
    """
    words, language = content_words(text)
    return stems_of(words, language)


def literals_in(text: str) -> list[str]:
    """Return the literals of a text: tokens with digits or symbols, as written and in lower case.

    Example:
        >>> literals_in("C++ 3.10 cost £45, not -5.")
        ['c++', '=C++', '3.10', '£45', '45', '-5']
    """
    literals: list[str] = []
    for chunk in text.translate(_MINUS).split():
        if chunk.isalpha():
            continue
        token = _POSSESSIVE.sub("", chunk.lstrip(_OPENING).rstrip(_CLOSING))
        has_digit = any(map(str.isdigit, token))
        if not has_digit and not (_SYMBOL.search(token) and any(map(str.isalpha, token))):
            continue
        folded = token.lower()
        literals.append(folded)
        if folded != token:
            literals.append(f"={token}")
        amount = _AMOUNT.fullmatch(token)
        if amount:
            literals.append(amount[1] or amount[2])
    return literals


def text_key(text: str) -> int:
    """Return a 64-bit hash of a text, the same however its white space is arranged; never 0."""
    digest = hashlib.blake2b(" ".join(text.split()).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1

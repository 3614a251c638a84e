"""What is commonly known of a person, and which of it a sentence speaks of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from agentmem_stores import Vectors

from ..embedding import Embedder
from ._statements import SPEAKER, Statement

__all__ = ["Attribute", "Attributes", "Match"]

# Similarity from which a question asks for an attribute; from which a statement speaks of one, the
# mean of the sentence's and its skeleton's and some of its value's; and from which it does when it
# is so far ahead of every other attribute.
_ASKED = 0.45
_CERTAIN, _LIKELY, _AHEAD = 0.45, 0.4, 0.08
# How much the value tells of the attribute beside the sentence: a nurse is a job.
_KIND = 0.25
# An attribute that is nearly as near is spoken of as well, as far as finding is concerned.
_TIED = 0.05
# "My bicycle lock is ...": an attribute that nobody thought of.
_OPEN = re.compile(r"\b(?:[Mm]y|[Oo]ur)\s+(?P<name>[a-z][a-z' -]{1,28}[a-z])\s+(?:is|are)\s")


@dataclass(frozen=True)
class Attribute:
    """Something that can be said of a person.

    Attributes:
        section: where it stands in a portrait.
        one: whether it has one value at a time, so that a newer one takes the older one's place.
        examples: sentences that speak of it; what matters is their sense, not their words.
        values: what it might be.
    """

    name: str
    section: str
    one: bool
    examples: tuple[str, ...] = ()
    values: str = ""


@dataclass(frozen=True)
class Match:
    """The attribute that a statement speaks of, and those that come close to it."""

    attribute: Attribute
    also: tuple[str, ...] = ()


def _of(section: str, one: bool, **told: str) -> list[Attribute]:
    """Read attributes, each told as its examples, a bar, and values such as it has."""
    found = []
    for name, text in told.items():
        examples, _, values = text.partition(" | ")
        sentences = tuple(f"{sentence}." for sentence in examples.split(". "))
        found.append(Attribute(name.replace("_", " "), section, one, sentences, values))
    return found


INVENTORY = [
    *_of(
        "person", True,
        name="My name is Robin. People call me Robin | Robin, Alex, Kim",
        age="I am thirty years old. I turned forty | thirty, 41 years",
        birthday="My birthday is on the 3rd of May. I was born in July | 3 May, July 14",
        relationship="I am single. I got divorced. I am married to Anna. I am dating someone "
        "| single, married, engaged, divorced",
        religion="I am a Buddhist. I go to church | Buddhist, Catholic, Muslim",
    ),
    *_of(
        "work", True,
        job="I work as an engineer. My job is being a teacher. I got hired as a cook. "
        "I make my living as a driver. They made me a manager | engineer, teacher, cook, driver",
        employer="I work for this company. I was hired by a firm. My employer is this company. "
        "I get my pay from this company | company, firm, Siemens, Google",
        studies="I study biology at the university. I go to college for a degree "
        "| biology, history, engineering degree",
        boss="My boss is called Miller. My new manager is a woman | Mr Miller, Mrs Jones",
    ),
    *_of(
        "places", True,
        home="I live in a city. I moved to another town. My home is in this place. "
        "My address is in this street. My aunt lives in that city "
        "| Paris, London, Chicago, a village",
        hometown="I grew up in a village. I was born and raised in that country "
        "| Sweden, a small village",
        favourite_place="My favourite place is the beach. I like going to this park best "
        "| the beach, the park, the museum",
    ),
    *_of(
        "contact", True,
        phone_number="My phone number is 3141592. You can call me on this number. "
        "Reach me by phone at this number | 555 3141, 0171 592653",
        email="My email address is a@b.org. Write to me by mail at this address | a@b.org",
    ),
    *_of(
        "people", False,
        pet="I have a dog. My cat is called Tom. I adopted a puppy | dog, cat, parrot",
        children="I have two kids. My daughter was born | two kids, a baby girl",
        friend="My best friend is Kim. I made a new friend | Kim, Sam",
    ),
    *_of(
        "people", True,
        doctor="My doctor is Dr. Smith. I am a patient of this physician | Dr. Smith, physician",
        dentist="My dentist is Dr. Brown. I go to this dentist with my teeth. "
        "This doctor treats my teeth | Dr. Brown, dentist",
    ),
    *_of(
        "preferences", True,
        favourite_food="My favourite food is pizza. The dish I love to eat most is soup. "
        "I like eating this meal best | pizza, soup, pasta, curry",
        favourite_drink="My favourite drink is tea. I prefer coffee to drink | tea, coffee, beer",
        diet="I am a vegetarian. I eat vegan. I stopped eating meat | vegetarian, vegan, no sugar",
        favourite_colour="My favourite colour is blue. I like the color green best "
        "| blue, green, pink",
        favourite_music="My favourite band is Queen. I listen mostly to jazz | Queen, jazz, opera",
        favourite_film="My favourite movie is Alien. My favourite show on TV is this series "
        "| Alien, Star Wars, a comedy",
        favourite_author="My favourite author is Kafka | Kafka, Jane Austen",
    ),
    *_of(
        "pursuits", True,
        book="I am reading a book. The novel I am reading is by Tolstoy | War and Peace, a novel",
        sport="I play tennis. I took up running as a sport. I train at football. "
        "My workout is swimming. I go to the club for football "
        "| tennis, running, football, swimming",
        instrument="I play the piano. I practise the guitar. My instrument is the violin "
        "| piano, guitar, violin",
        language="I am learning Spanish. I take a language course in French. I study German. "
        "I signed up for lessons in this language | Spanish, French, German",
    ),
    *_of(
        "pursuits", False,
        hobby="My hobby is gardening. In my free time I paint | gardening, painting, knitting",
        goal="My goal is to run a marathon. My dream is to become a doctor | run a marathon",
        project="I am working on a project | a new project",
    ),
    *_of(
        "things", True,
        car="I drive a Ford. I bought a new car. My car is a BMW. I own this vehicle "
        "| Ford, BMW, Tesla",
        bank="My bank is Barclays. I have my account at this bank. "
        "I keep my money with this bank | Barclays, Citibank, savings bank",
        computer="I use a laptop. My phone is an iPhone | laptop, iPhone, MacBook",
    ),
    *_of(
        "routines", True,
        time_to_get_up="I get up at six in the morning. My alarm clock rings at seven. "
        "I wake up early at five | 6:00, 7 o'clock",
        bedtime="I go to bed at ten in the evening. I fall asleep at midnight | 22:30, midnight",
        commute="I go to work by train. I commute by bicycle | by train, by bicycle, by bus",
        gym="My gym is this one. I work out at this gym | gym, fitness studio",
    ),
    *_of(
        "health", False,
        allergy="I am allergic to nuts | nuts, pollen, cats",
        illness="I was diagnosed with asthma. I have got a bad back | asthma, diabetes, back pain",
    ),
]  # fmt: skip


@dataclass(frozen=True)
class Attributes:
    """Tells attributes by the sense of sentences, as an embedder has it."""

    embedder: Embedder

    @cached_property
    def _known(self) -> tuple[Vectors, list[int], Vectors]:
        """Embeddings of all examples, where those of each attribute begin, and of values."""
        texts = [text for attribute in INVENTORY for text in attribute.examples]
        starts = np.cumsum([0, *(len(a.examples) for a in INVENTORY[:-1])]).tolist()
        found = self.embedder.documents([*texts, *(a.values for a in INVENTORY)])
        return found[: len(texts)], starts, found[len(texts) :]

    def similarities(self, vectors: Vectors) -> Vectors:
        """How near sentences are to every attribute, shape (sentences, attributes)."""
        examples, starts, _ = self._known
        near: Vectors = np.maximum.reduceat(vectors @ examples.T, starts, axis=1)
        return near

    def asked(self, question: Vectors) -> tuple[str, ...]:
        """The attributes that a question asks for, the likeliest first; usually one or none.

        Args:
            question: its embedding, shape (dimension,).
        """
        near = self.similarities(question[np.newaxis])[0]
        least = max(_ASKED, float(near.max()) - _TIED)
        order = np.argsort(-near, kind="stable")
        return tuple(INVENTORY[i].name for i in order if near[i] >= least and INVENTORY[i].one)

    def match(
        self, found: Sequence[Statement], texts: Vectors, skeletons: Vectors, values: Vectors
    ) -> list[Match | None]:
        """Say what each statement speaks of; None for nothing that is known of people.

        Args:
            texts: the statements' embeddings, shape (statements, dimension).
            skeletons: those of the statements without their values, of the same shape.
            values: those of the values alone, of the same shape.
        """
        near = (self.similarities(texts) + self.similarities(skeletons)) / 2
        near = near + _KIND * (values @ self._known[2].T)
        return [_match(statement, row) for statement, row in zip(found, near, strict=True)]


def _match(statement: Statement, near: Vectors) -> Match | None:
    order = np.argsort(-near, kind="stable")
    best, second = float(near[order[0]]), float(near[order[1]])
    if best >= _CERTAIN or (best >= _LIKELY and best - second >= _AHEAD):
        also = [INVENTORY[i].name for i in order[1:4] if best - near[i] <= _TIED]
        return Match(INVENTORY[order[0]], tuple(also))
    if statement.attribute:
        return Match(Attribute(statement.attribute, "other", True))
    named = _OPEN.search(statement.text) if statement.subject == SPEAKER else None
    return Match(Attribute(named["name"], "other", True)) if named else None

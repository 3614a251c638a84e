"""What the generated users of `eval updates` talk about, and in which words."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ASIDES", "ATTRIBUTES", "PEOPLE", "REPLIES", "Attribute", "Phrasing"]


@dataclass(frozen=True)
class Phrasing:
    """Ways to tell a value, with a place for it, and ways to ask for it."""

    told: tuple[str, ...]
    asked: tuple[str, ...]


@dataclass(frozen=True)
class Attribute:
    """Something of a user that changes.

    Attributes:
        known: words that may be looked at while the search is improved.
        held_out: words that are kept aside, to see whether it got better with others too.
        others: what is told of other people, with places for who and for the value.
    """

    name: str
    values: tuple[str, ...]
    known: Phrasing
    held_out: Phrasing
    others: tuple[str, ...]


ATTRIBUTES = (
    Attribute(
        "job",
        ("baker", "nurse", "land surveyor", "translator", "welder", "librarian", "florist"),
        Phrasing(
            ("I work as a {} now.", "I have just started a new job as a {}."),
            ("What is my job?", "What do I work as?"),
        ),
        Phrasing(
            ("They hired me: from Monday on I am employed as a {}.", "I earn my living as a {}."),
            ("What do I do for a living?", "Which occupation am I employed in?"),
        ),
        ("{} works as a {}.", "{} found a job as a {}."),
    ),
    Attribute(
        "city",
        ("Lisbon", "Oslo", "Montreal", "Nairobi", "Krakow", "Valparaiso", "Sapporo"),
        Phrasing(
            ("I live in {} now.", "We have moved to {}."),
            ("Where do I live?", "Which city do I live in?"),
        ),
        Phrasing(
            ("My new home is in {}, all boxes are unpacked.", "I settled down in {} at last."),
            ("Where is my home?", "In which city have I settled down?"),
        ),
        ("{} lives in {}.", "{} has moved to {}."),
    ),
    Attribute(
        "phone",
        ("555 0134", "555 0178", "555 0192", "555 0117", "555 0163", "555 0149"),
        Phrasing(
            ("My phone number is {} now.", "I have a new phone number, {}."),
            ("What is my phone number?", "Which number can I be called on?"),
        ),
        Phrasing(
            ("You can reach me by phone on {} from today.", "Please call me on {} in future."),
            ("How can I be reached by phone?", "On which number should people call me?"),
        ),
        ("The phone number of {} is {}.", "{} can be called on {}."),
    ),
    Attribute(
        "car",
        ("Skoda", "Volvo", "Fiat", "Toyota", "Renault", "Mazda"),
        Phrasing(
            ("I drive a {} now.", "I bought a {} as my new car."),
            ("Which car do I drive?", "What kind of car do I have?"),
        ),
        Phrasing(
            ("The car in my garage is a {} now.", "I sold the old car and go to work in a {}."),
            ("What make is the car in my garage?", "In which car do I go to work?"),
        ),
        ("{} drives a {}.", "{} bought a {} as a new car."),
    ),
    Attribute(
        "favourite dish",
        ("ramen", "lasagne", "falafel", "goulash", "paella", "pierogi"),
        Phrasing(
            ("My favourite dish is {} now.", "These days I like {} better than any other dish."),
            ("What is my favourite dish?", "Which dish do I like best?"),
        ),
        Phrasing(
            ("No food tastes as good to me as {} lately.", "I could eat {} every day by now."),
            ("What do I like to eat most?", "Which food could I eat every day?"),
        ),
        ("The favourite dish of {} is {}.", "{} could live on {}."),
    ),
    Attribute(
        "sport",
        ("rowing", "fencing", "climbing", "badminton", "judo", "archery"),
        Phrasing(
            ("I have taken up {} as my sport.", "My sport is {} now."),
            ("Which sport do I do?", "What is my sport?"),
        ),
        Phrasing(
            ("Every Tuesday I go to {} training now.", "I joined a club for {}."),
            ("What training do I go to?", "Which kind of sports club am I in?"),
        ),
        ("{} has taken up {}.", "The sport of {} is {}."),
    ),
    Attribute(
        "dentist",
        ("Okafor", "Lindqvist", "Moreau", "Tanaka", "Petrov", "Alvarez"),
        Phrasing(
            ("My dentist is Dr. {} now.", "I changed to another dentist, Dr. {}."),
            ("Who is my dentist?", "Which dentist do I go to?"),
        ),
        Phrasing(
            ("Dr. {} looks after my teeth from now on.", "For my teeth I see Dr. {} now."),
            ("Who looks after my teeth?", "Which doctor do I see for my teeth?"),
        ),
        ("The dentist of {} is Dr. {}.", "{} goes to Dr. {} for the teeth."),
    ),
    Attribute(
        "language",
        ("Swahili", "Finnish", "Korean", "Portuguese", "Greek", "Welsh"),
        Phrasing(
            ("I am learning {} now.", "I began to learn a new language, {}."),
            ("Which language am I learning?", "What language do I learn?"),
        ),
        Phrasing(
            ("My evening class is in {} this term.", "I study {} vocabulary every morning now."),
            ("What language is my evening class in?", "Which language do I study?"),
        ),
        ("{} is learning {}.", "{} speaks {} very well."),
    ),
)

PEOPLE = (
    "My brother", "My sister", "My neighbour", "My colleague", "My aunt", "My oldest friend",
    "Our landlord", "My cousin",
)  # fmt: skip

# What is said besides, and tells nothing of the attributes.
ASIDES = (
    "The rain has not stopped since the morning.",
    "I slept badly, the neighbours had a party.",
    "Can you suggest a film for tonight?",
    "I finally repaired the shelf in the hall.",
    "The meeting took twice as long as planned.",
    "I lost my umbrella on the bus again.",
    "How long does an egg have to boil?",
    "We watched the meteor shower from the roof.",
    "The printer is out of paper, as always.",
    "I read about an old lighthouse today.",
    "My plants need more light, I think.",
    "Could you remind me what a haiku is?",
    "The train was late by forty minutes.",
    "I found a coin from 1932 in the garden.",
    "We played cards until midnight.",
    "I want to write more letters by hand.",
)

REPLIES = (
    "Thank you for telling me.",
    "That is good to know.",
    "I see. How did that go?",
    "All right, tell me more if you like.",
    "Sounds like quite a day.",
    "Noted. Is there anything I can do?",
)

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
        (
            "baker",
            "nurse",
            "land surveyor",
            "translator",
            "welder",
            "librarian",
            "florist",
        ),
        Phrasing(
            (
                "I work as a {} now.",
                "I have just started a new job as a {}.",
                "The company has made me a {}.",
            ),
            (
                "What is my job?",
                "What do I work as?",
                "As what do I earn my money?",
            ),
        ),
        Phrasing(
            (
                "They hired me: from Monday on I am employed as a {}.",
                "I earn my living as a {}.",
                "They hired me as a {} last week.",
                "I earn my living as a {} these days.",
                "My work as a {} began this month.",
            ),
            (
                "What do I do for a living?",
                "Which occupation am I employed in?",
                "How do I earn my living?",
                "What is my profession?",
            ),
        ),
        (
            "{} works as a {}.",
            "{} found a job as a {}.",
        ),
    ),
    Attribute(
        "city",
        (
            "Lisbon",
            "Oslo",
            "Montreal",
            "Nairobi",
            "Krakow",
            "Valparaiso",
            "Sapporo",
        ),
        Phrasing(
            (
                "I live in {} now.",
                "We have moved to {}.",
                "My new address is in {}.",
            ),
            (
                "Where do I live?",
                "Which city do I live in?",
                "In which city is my home?",
            ),
        ),
        Phrasing(
            (
                "My new home is in {}, all boxes are unpacked.",
                "I settled down in {} at last.",
                "My home is in {} since this month.",
                "{} is where I live now.",
                "We packed everything and settled in {}.",
            ),
            (
                "Where is my home?",
                "In which city have I settled down?",
                "Where is my home?",
                "In which town have I settled?",
            ),
        ),
        (
            "{} lives in {}.",
            "{} has moved to {}.",
        ),
    ),
    Attribute(
        "phone",
        (
            "555 0134",
            "555 0178",
            "555 0192",
            "555 0117",
            "555 0163",
            "555 0149",
        ),
        Phrasing(
            (
                "My phone number is {} now.",
                "I have a new phone number, {}.",
                "Please write down my new number, {}.",
            ),
            (
                "What is my phone number?",
                "Which number can I be called on?",
                "How can I be called?",
            ),
        ),
        Phrasing(
            (
                "You can reach me by phone on {} from today.",
                "Please call me on {} in future.",
                "You can reach me at {} from now on.",
                "Please call me on {} instead.",
                "My mobile has a new number: {}.",
            ),
            (
                "How can I be reached by phone?",
                "On which number should people call me?",
                "How can I be reached by phone?",
                "What number do I have?",
            ),
        ),
        (
            "The phone number of {} is {}.",
            "{} can be called on {}.",
        ),
    ),
    Attribute(
        "car",
        (
            "Skoda",
            "Volvo",
            "Fiat",
            "Toyota",
            "Renault",
            "Mazda",
        ),
        Phrasing(
            (
                "I drive a {} now.",
                "I bought a {} as my new car.",
                "My car is a {} now.",
            ),
            (
                "Which car do I drive?",
                "What kind of car do I have?",
                "What car is mine?",
            ),
        ),
        Phrasing(
            (
                "The car in my garage is a {} now.",
                "I sold the old car and go to work in a {}.",
                "There is a {} in my garage now.",
                "I traded my car in for a {}.",
                "I get around in a {} these days.",
            ),
            (
                "What make is the car in my garage?",
                "In which car do I go to work?",
                "What am I driving these days?",
                "What is my car?",
            ),
        ),
        (
            "{} drives a {}.",
            "{} bought a {} as a new car.",
        ),
    ),
    Attribute(
        "favourite dish",
        (
            "ramen",
            "lasagne",
            "falafel",
            "goulash",
            "paella",
            "pierogi",
        ),
        Phrasing(
            (
                "My favourite dish is {} now.",
                "These days I like {} better than any other dish.",
                "I love {} most of all dishes now.",
            ),
            (
                "What is my favourite dish?",
                "Which dish do I like best?",
                "What is the dish I love most?",
            ),
        ),
        Phrasing(
            (
                "No food tastes as good to me as {} lately.",
                "I could eat {} every day by now.",
                "The meal I love most is {} by now.",
                "I have come to prefer {} over everything else on the table.",
                "{} has become the food I enjoy most.",
            ),
            (
                "What do I like to eat most?",
                "Which food could I eat every day?",
                "What food do I enjoy most?",
                "What do I like to eat best?",
            ),
        ),
        (
            "The favourite dish of {} is {}.",
            "{} could live on {}.",
        ),
    ),
    Attribute(
        "sport",
        (
            "rowing",
            "fencing",
            "climbing",
            "badminton",
            "judo",
            "archery",
        ),
        Phrasing(
            (
                "I have taken up {} as my sport.",
                "My sport is {} now.",
                "I go to the club for {} now.",
            ),
            (
                "Which sport do I do?",
                "What is my sport?",
                "What sport have I taken up?",
            ),
        ),
        Phrasing(
            (
                "Every Tuesday I go to {} training now.",
                "I joined a club for {}.",
                "I train {} twice a week now.",
                "I gave up my old sport and now do {}.",
                "For exercise I do {} these days.",
            ),
            (
                "What training do I go to?",
                "Which kind of sports club am I in?",
                "How do I keep fit?",
                "What do I train?",
            ),
        ),
        (
            "{} has taken up {}.",
            "The sport of {} is {}.",
        ),
    ),
    Attribute(
        "dentist",
        (
            "Okafor",
            "Lindqvist",
            "Moreau",
            "Tanaka",
            "Petrov",
            "Alvarez",
        ),
        Phrasing(
            (
                "My dentist is Dr. {} now.",
                "I changed to another dentist, Dr. {}.",
                "I go to Dr. {} with my teeth now.",
            ),
            (
                "Who is my dentist?",
                "Which dentist do I go to?",
                "Which doctor do I go to with my teeth?",
            ),
        ),
        Phrasing(
            (
                "Dr. {} looks after my teeth from now on.",
                "For my teeth I see Dr. {} now.",
                "For my teeth I see Dr. {} these days.",
                "Dr. {} looks after my teeth now.",
                "I am a patient at the dental practice of Dr. {} now.",
            ),
            (
                "Who looks after my teeth?",
                "Which doctor do I see for my teeth?",
                "Who looks after my teeth?",
                "What is the name of my dentist?",
            ),
        ),
        (
            "The dentist of {} is Dr. {}.",
            "{} goes to Dr. {} for the teeth.",
        ),
    ),
    Attribute(
        "language",
        (
            "Swahili",
            "Finnish",
            "Korean",
            "Portuguese",
            "Greek",
            "Welsh",
        ),
        Phrasing(
            (
                "I am learning {} now.",
                "I began to learn a new language, {}.",
                "I have signed up for a course of {}.",
            ),
            (
                "Which language am I learning?",
                "What language do I learn?",
                "Which language have I begun to learn?",
            ),
        ),
        Phrasing(
            (
                "My evening class is in {} this term.",
                "I study {} vocabulary every morning now.",
                "I take lessons in {} these days.",
                "I study {} in the evenings now.",
                "My evening course is in {} now.",
            ),
            (
                "What language is my evening class in?",
                "Which language do I study?",
                "Which language am I studying?",
                "What do I take language lessons in?",
            ),
        ),
        (
            "{} is learning {}.",
            "{} speaks {} very well.",
        ),
    ),
    Attribute(
        "employer",
        (
            "Northwind",
            "Globex",
            "Initech",
            "Umbra",
            "Lumen",
            "Vertigo",
        ),
        Phrasing(
            (
                "I work for {} now.",
                "I have joined {} as an employee.",
                "The firm I work for is {} now.",
            ),
            (
                "Which company do I work for?",
                "Who is my employer?",
            ),
        ),
        Phrasing(
            (
                "My new employer is {}.",
                "{} pays my salary now.",
                "I signed a contract with {} and have my desk there.",
            ),
            (
                "Where am I employed?",
                "Who pays my salary?",
            ),
        ),
        (
            "{} works for {}.",
            "{} has joined {}.",
        ),
    ),
    Attribute(
        "favourite colour",
        (
            "teal",
            "crimson",
            "ochre",
            "violet",
            "amber",
            "indigo",
        ),
        Phrasing(
            (
                "My favourite colour is {} now.",
                "These days I like {} more than any other colour.",
                "I love {} most of all colours now.",
            ),
            (
                "What is my favourite colour?",
                "Which colour do I like best?",
            ),
        ),
        Phrasing(
            (
                "{} is the colour that pleases me most by now.",
                "The colour I prefer is {} these days.",
                "No colour suits me better than {} lately.",
            ),
            (
                "Which colour do I prefer?",
                "What colour pleases me most?",
            ),
        ),
        (
            "The favourite colour of {} is {}.",
            "{} paints everything in {}.",
        ),
    ),
    Attribute(
        "bank",
        (
            "Sparda",
            "Monzo",
            "Triodos",
            "Rabo",
            "Nordea",
            "Kiwi",
        ),
        Phrasing(
            (
                "My bank is {} now.",
                "I have moved my account to {}.",
                "I have my money at {} now.",
            ),
            (
                "Which bank do I use?",
                "What is my bank?",
            ),
        ),
        Phrasing(
            (
                "I do my banking with {} these days.",
                "My savings are with {} now.",
                "I closed the old account and opened one at {}.",
            ),
            (
                "Where is my account?",
                "With whom do I do my banking?",
            ),
        ),
        (
            "The bank of {} is {}.",
            "{} has an account at {}.",
        ),
    ),
    Attribute(
        "time to get up",
        (
            "5:30",
            "6:15",
            "6:40",
            "7:10",
            "7:45",
            "8:20",
        ),
        Phrasing(
            (
                "I get up at {} every day now.",
                "My alarm rings at {} now.",
                "I have begun to get up at {}.",
            ),
            (
                "At what time do I get up?",
                "What time does my alarm ring?",
            ),
        ),
        Phrasing(
            (
                "I am out of bed at {} these days.",
                "My day begins at {} now.",
                "I wake up at {} on working days now.",
            ),
            (
                "At what time do I wake up?",
                "What time does my day begin?",
            ),
        ),
        (
            "{} gets up at {}.",
            "{} has an alarm set to {}.",
        ),
    ),
    Attribute(
        "book",
        (
            "Middlemarch",
            "Moby-Dick",
            "Dracula",
            "Emma",
            "Walden",
            "Candide",
        ),
        Phrasing(
            (
                "I am reading {} now.",
                "I have started a new book, {}.",
                "The book I read is {} now.",
            ),
            (
                "Which book am I reading?",
                "What book have I started?",
            ),
        ),
        Phrasing(
            (
                "The book on my bedside table is {} now.",
                "{} is what I read before going to sleep these days.",
                "I am in the middle of the novel {} at the moment.",
            ),
            (
                "Which book lies on my bedside table?",
                "Which novel am I in the middle of?",
            ),
        ),
        (
            "{} is reading {}.",
            "{} has given me no peace about {}.",
        ),
    ),
    Attribute(
        "instrument",
        (
            "cello",
            "oboe",
            "banjo",
            "harp",
            "accordion",
            "trumpet",
        ),
        Phrasing(
            (
                "I play the {} now.",
                "My instrument is the {} now.",
                "I have begun to play the {}.",
            ),
            (
                "Which instrument do I play?",
                "What is my instrument?",
            ),
        ),
        Phrasing(
            (
                "I practise the {} every evening now.",
                "I swapped my old instrument for a {}.",
                "My music teacher is showing me how to play the {} these days.",
            ),
            (
                "Which instrument do I practise?",
                "What does my music teacher show me?",
            ),
        ),
        (
            "{} plays the {}.",
            "{} has bought a {}.",
        ),
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

"""What is commonly known of a person."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["ELSE", "INVENTORY", "SAID", "Attribute"]


@dataclass(frozen=True)
class Attribute:
    """Something that can be said of a person.

    Attributes:
        section: where it stands in a portrait.
        one: whether it has one value at a time, so that a newer one takes the older one's place.
        examples: sentences that speak of it; what matters is their sense, not their words.
        values: what it might be.
        form: what its values look like: `name`, `number`, `word`, which is like `values`, or
            `one`, such a word for what is counted, or `role`, for what somebody is.
    """

    name: str
    section: str
    one: bool
    examples: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    form: str = "word"


# What people speak of that says nothing of them: a value is not to be more like these.
ELSE = (
    "idea", "event", "journey", "experience", "kitchen", "studio", "project", "class", "trip",
    "photo", "picture", "friends", "people", "dinner", "party", "morning", "weather",
    "industry", "company", "community", "conversation", "walk", "lunch", "room", "building",
    "shelter", "collar", "love", "joy", "motivation", "progress", "promotion", "while", "group",
    "game", "story", "details", "skills", "hospital", "office", "news", "question", "plan",
    "music", "song", "feelings", "activities", "equipment", "trails", "track", "tournament",
    "gym", "park", "exercise", "training", "leader", "recipes", "problem", "jersey", "employee",
    "patient", "member", "customer", "fan", "beginner", "playdate", "percentage", "break",
    "week", "season", "success", "feeling", "nature", "scenery", "concert",
)  # fmt: skip

# What has to stand in a sentence for it to say something of an attribute, or of those whose names
# begin with it: much is near a favourite, but a favourite is said to be one.
SAID = {
    name: re.compile(rf"\b(?:{words})", re.IGNORECASE)
    for name, words in {
        "favourite": r"favou?rite|best\b|most\b|more than|better than|nothing|prefer|hooked|"
        r"obsessed|addicted|crazy about|go-to|get enough|always (?:order|choose|pick|wear|eat|"
        r"drink)|live on|beats|could (?:eat|drink)|every (?:single )?day|number one|by far",
        "name": r"my name|call me|(?:i'm|i am) [A-Z]|name's",
        "home": r"live|living|moved?\b|moving|based|address|home|house|apartment|flat\b|settled|"
        r"rent|place|relocat|neighbou?rhood|street",
        "hometown": r"grew|born|raised|hometown|come from|came from|originally|(?:i'm|i am) from",
        "employer": r"work|job|hired|joined|employ|company|firm|salary|wages|office|boss|position|"
        r"paid|contract|started at",
        "children": r"(?:i|we) (?:have|got)|(?:i|we)'ve got|born",
        "friend": r"friend (?:is|called|named)|new friend",
        "book": r"read|book|novel|chapter|page",
        "language": r"learn|stud|speak|course|lesson|class|language|practi|teach|grammar|vocab",
        "allergy": r"allerg|intoleran",
        "gym": r"gym|studio|work out",
        "doctor": r"doctor|physician|patient|dr\b",
        "boss": r"boss|manager|report to",
    }.items()
}


def _of(section: str, one: bool, **told: str) -> list[Attribute]:
    """Read attributes, each told as examples, a bar, the form of its values, and some values."""
    found = []
    for name, text in told.items():
        examples, _, kinds = text.partition(" | ")
        sentences = tuple(f"{sentence}." for sentence in examples.split(". "))
        form, _, values = kinds.partition(": ")
        known = tuple(values.split(", "))
        found.append(Attribute(name.replace("_", " "), section, one, sentences, known, form))
    return found


INVENTORY = [
    *_of(
        "person", True,
        name="My name is Robin. People call me Robin | name: Robin, Alex, Kim",
        age="I am thirty years old. I turned forty | word: thirty, 41 years, 27",
        birthday="My birthday is on the 3rd of May. I was born in July | number: 3 May, July 14",
        relationship="I am single. I got divorced. I am married to Anna. I am dating someone "
        "| word: single, married, engaged, divorced, a single parent",
        religion="I am a Buddhist. I go to church | word: Buddhist, Catholic, Muslim, atheist",
    ),
    *_of(
        "work", True,
        job="I work as an engineer. My job is being a teacher. I got hired as a cook. "
        "I make my living as a driver. They made me a manager. I retrained as a plumber "
        "| role: engineer, teacher, cook, driver, manager, doctor, plumber, accountant, artist, "
        "shop assistant, gardener, journalist, office clerk",
        employer="I work for this company. I was hired by a firm. My employer is this company. "
        "I get my pay from this company. I started working at this company "
        "| name: Siemens, Google, this company, the firm",
        studies="I study biology at the university. I go to college for a degree "
        "| word: biology, history, engineering degree, medicine, law",
        boss="My boss is called Miller. My new manager is a woman | name: Mr Miller, Mrs Jones",
    ),
    *_of(
        "places", True,
        home="I live in a city. I moved to another town. My home is in this place. "
        "My address is in this street. My aunt lives in that city. We rent a house in that town "
        "| name: Paris, London, Chicago, Tokyo, Cairo, Bavaria",
        hometown="I grew up in a village. I was born and raised in that country "
        "| name: Sweden, Naples, Texas",
        favourite_place="My favourite place is the beach. I like going to this park best "
        "| word: the beach, the park, the museum, the mountains",
    ),
    *_of(
        "contact", True,
        phone_number="My phone number is 3141592. You can call me on this number. "
        "Reach me by phone at this number. Text me on this mobile number "
        "| number: 555 3141, 0171 592653",
        email="My email address is a@b.org. Write to me by mail at this address | number: a@b.org",
    ),
    *_of(
        "people", False,
        pet="I have a dog. My cat is called Tom. I adopted a puppy "
        "| one: dog, cat, parrot, puppy, hamster, beagle, tomcat",
        children="I have two kids. My daughter was born "
        "| one: two kids, a baby girl, son, daughter, three children",
        friend="My best friend is Kim. I made a new friend | name: Kim, Sam",
    ),
    *_of(
        "people", True,
        doctor="My doctor is Dr. Smith. I am a patient of this physician | name: Dr. Smith",
        dentist="My dentist is Dr. Brown. I go to this dentist with my teeth. "
        "This doctor treats my teeth | name: Dr. Brown, dentist",
    ),
    *_of(
        "preferences", True,
        favourite_food="My favourite food is pizza. The dish I love to eat most is soup. "
        "I like eating this meal best. I could eat noodles every day "
        "| word: pizza, soup, pasta, curry, sushi, stew, noodles, dumplings, tacos, pancakes",
        favourite_drink="My favourite drink is tea. I prefer coffee to drink "
        "| word: tea, coffee, beer, wine, lemonade, whisky",
        diet="I am a vegetarian. I eat vegan. I stopped eating meat "
        "| word: vegetarian, vegan, no sugar, low carb diet",
        favourite_colour="My favourite colour is blue. I like the color green best "
        "| word: blue, green, pink, yellow, turquoise, dark red, purple, beige, orange",
        favourite_music="My favourite band is Queen. I listen mostly to jazz "
        "| word: Queen, jazz, opera, rock music, hip hop, the Beatles",
        favourite_film="My favourite movie is Alien. My favourite show on TV is this series "
        "| name: Alien, Star Wars, Casablanca",
        favourite_author="My favourite author is Kafka | name: Kafka, Jane Austen",
    ),
    *_of(
        "pursuits", True,
        book="I am reading a book. The novel I am reading is by Tolstoy. "
        "I have begun this novel by Tolstoy. The book that I read before I sleep is this novel "
        "| name: War and Peace, Ulysses, Harry Potter, Don Quixote",
        sport="I play tennis. I took up running as a sport. I train at football. "
        "My workout is swimming. I go to the club for football. I keep fit by swimming "
        "| word: tennis, running, football, swimming, yoga, karate, volleyball, hockey, cycling, "
        "shooting, surfing",
        instrument="I play the piano. I practise the guitar. My instrument is the violin "
        "| word: piano, guitar, violin, drums, flute, saxophone, organ, ukulele",
        language="I am learning Spanish. I take a language course in French. I study German. "
        "I signed up for lessons in this language "
        "| word: Spanish, French, German, Japanese, Arabic, Russian, Norwegian, Hindi",
    ),
    *_of(
        "pursuits", False,
        hobby="My hobby is gardening. In my free time I paint "
        "| word: gardening, painting, knitting, photography, hiking, reading, fishing, pottery",
        goal="My goal is to run a marathon. My dream is to become a doctor "
        "| word: run a marathon, become a doctor, my own business",
    ),
    *_of(
        "things", True,
        car="I drive a Ford. I bought a new car. My car is a BMW. I own this vehicle "
        "| name: Ford, BMW, Tesla, Mercedes, Honda, Opel, pickup truck",
        bank="My bank is Barclays. I have my account at this bank. "
        "I keep my money with this bank. My wages are paid into an account at this bank "
        "| name: Barclays, Citibank, savings bank, bank",
        computer="I use a laptop. My phone is an iPhone | name: iPhone, MacBook, ThinkPad",
    ),
    *_of(
        "routines", True,
        time_to_get_up="I get up at six in the morning. My alarm clock rings at seven. "
        "I wake up early at five | number: 6:00, 7 o'clock",
        bedtime="I go to bed at ten in the evening. I fall asleep at midnight "
        "| number: 22:30, midnight",
        commute="I go to work by train. I commute by bicycle "
        "| word: by train, by bicycle, by bus, subway",
        gym="My gym is this one. I work out at this gym | name: gym, fitness studio",
    ),
    *_of(
        "health", False,
        allergy="I am allergic to nuts. I cannot eat eggs because of my allergy "
        "| word: nuts, pollen, cats, eggs, milk, penicillin",
        illness="I was diagnosed with asthma. I have got a bad back "
        "| word: asthma, diabetes, back pain, migraine, depression",
    ),
]  # fmt: skip

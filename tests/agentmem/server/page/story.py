"""A year of fictional conversations, which the tests and the screenshots of the page show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from agentmem import Granularity, MemoryController
from agentmem.testing import ManualClock

NOW = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)

# The start of each session, and what was said: by the user, and by the assistant after a ">".
SESSIONS: dict[str, tuple[str, list[str]]] = {
    "a-beagle": (
        "2025-12-06T10:05",
        [
            "We adopted a beagle called Biscuit from the shelter in Sintra.",
            "> Congratulations! How old is she?",
            "Two years. She is afraid of buses and loves cheese.",
            "Her vet is Dr. Moura, next to the station.",
        ],
    ),
    "first-loaf": (
        "2026-01-11T08:40",
        [
            "My first sourdough came out flat as a tile.",
            "> Was the starter bubbly before you used it?",
            "Not really. I keep the starter in the fridge and feed it on Sundays.",
            "I bake bread every Saturday morning now, before Biscuit wakes up.",
        ],
    ),
    "harbour-job": (
        "2026-02-03T19:20",
        [
            "I work as a translator at a shipping company in Lisbon.",
            "The contracts are dull, but the harbor view from the office is lovely.",
            "My colleague Nuno sails to the Azores every summer.",
        ],
    ),
    "peanuts": (
        "2026-02-21T13:02",
        [
            "I am allergic to peanuts, so please never suggest satay.",
            "> Noted: no peanuts in any recipe.",
            "Sesame is fine, I put it on the sourdough.",
        ],
    ),
    "move": (
        "2026-04-18T21:15",
        [
            "I live in Lisbon, but the rent is going up again.",
            "We looked at a flat in Porto with a small garden for Biscuit.",
            "The garden has an old lemon tree.",
        ],
    ),
    "porto": (
        "2026-06-02T18:45",
        [
            "I moved to Porto on Saturday. I live in Porto now.",
            "> How did Biscuit take the journey?",
            "She slept all the way and barked at the first bus in Porto.",
            "The lemon tree in the garden is full of fruit.",
        ],
    ),
    "sister": (
        "2026-06-28T12:10",
        [
            "My sister Clara is getting married in September in Coimbra.",
            "I promised to bake the bread for Clara's wedding.",
            "Sourdough for eighty guests needs a bigger oven.",
        ],
    ),
    "garden": (
        "2026-07-19T09:30",
        [
            "I planted tomatoes and basil in the garden.",
            "Snails ate half of the basil within a week.",
            "> Copper tape around the pots keeps snails away.",
            "The copper tape works, the basil in the garden is back.",
        ],
    ),
    "new-job": (
        "2026-09-01T20:00",
        [
            "I left the shipping company. I work as a baker at a small bakery in Porto.",
            "My shift starts at four in the morning.",
            "They let me bake my own sourdough in the big oven.",
        ],
    ),
    "wedding": (
        "2026-09-21T11:25",
        [
            "Clara's wedding was wonderful, the bread was gone before the soup.",
            "Nuno sailed up from Lisbon and danced until three.",
            "Biscuit carried the rings on her collar.",
        ],
    ),
    "vet": (
        "2026-10-17T17:40",
        [
            "Biscuit hurt her paw on the beach at Matosinhos.",
            "The new vet in Porto put a blue bandage on Biscuit's paw.",
            "> Should I remind you to change the bandage?",
            "Yes, please. The vet wants to see her again on Friday.",
        ],
    ),
    "autumn": (
        "2026-11-14T08:15",
        [
            "Biscuit's paw has healed, she runs on the beach again.",
            "We picked the last tomatoes of the garden.",
            "I want to learn how to bake rye bread this winter.",
        ],
    ),
}

# What was looked up, and when: recalls strengthen what they find.
QUESTIONS = [
    ("2026-01-20T09:00", "What is my dog called?"),
    ("2026-03-02T18:00", "When do I feed the sourdough starter?"),
    ("2026-03-30T12:00", "What must I not eat?"),
    ("2026-05-09T10:00", "What is my dog called?"),
    ("2026-07-04T10:00", "What is Biscuit afraid of?"),
    ("2026-08-15T10:00", "When do I feed the sourdough starter?"),
    ("2026-10-02T10:00", "What is my dog called?"),
]


def tell(memory: MemoryController, clock: ManualClock) -> None:
    """Tell the story, ask the questions at their times, and leave the clock at `NOW`."""
    sessions = [(_at(start), "tell", name) for name, (start, _) in SESSIONS.items()]
    questions = [(_at(when), "ask", question) for when, question in QUESTIONS]
    for moment, kind, text in sorted(sessions + questions):
        clock.set(moment)
        if kind == "ask":
            memory.search(text, k=1)
        else:
            memory.add_many({text: _messages(moment, SESSIONS[text][1])})
    clock.set(NOW)
    memory.consolidate()
    _edit_by_hand(memory)


def _messages(start: datetime, lines: list[str]) -> list[dict[str, object]]:
    return [
        {
            "role": "assistant" if line.startswith("> ") else "user",
            "content": line.removeprefix("> "),
            "timestamp": start + timedelta(minutes=2 * number),
        }
        for number, line in enumerate(lines)
    ]


def _edit_by_hand(memory: MemoryController) -> None:
    """Pin, edit and archive one memory each, as somebody would on the page."""
    turns = memory.get_all(granularity=Granularity.TURN, limit=None)
    by_text = {turn.text: turn for turn in turns}
    memory.pin(by_text["I am allergic to peanuts, so please never suggest satay."].id)
    starter = by_text["Not really. I keep the starter in the fridge and feed it on Sundays."]
    memory.update(
        starter.id,
        text="I keep the starter in the fridge and feed it on Wednesdays.",
        timestamp=datetime(2026, 9, 12, 9, 0, tzinfo=UTC),
    )
    for text in (
        "The contracts are dull, but the harbor view from the office is lovely.",
        "Snails ate half of the basil within a week.",
    ):
        memory.archive(by_text[text].id)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)

"""Facts that end: what was said before does not hold any more, and what differs stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from agentmem import InMemoryStore, MemoryController, Scope
from tests.torture._embedding import WordEmbeddings

START = datetime(2024, 3, 6, 10, tzinfo=UTC)

# What is said on consecutive days, what must be gone then, and what must be known.
CHANGES: list[tuple[list[str], list[str], list[str]]] = [
    (["I live in Madrid.", "We moved away from Madrid."], ["Madrid"], []),
    (["I live in Madrid.", "We left Madrid for good."], ["Madrid"], []),
    (["I live in Madrid.", "I've moved to Porto."], ["Madrid"], ["Porto"]),
    (["I live in Madrid.", "I don't live there anymore."], ["Madrid"], []),
    (["I live in Madrid.", "I moved out of Madrid last week."], ["Madrid"], []),
    (["I live in Madrid.", "Actually I live in Malaga, not Madrid."], ["Madrid"], ["Malaga"]),
    (["I work at Northwind.", "I no longer work at Northwind."], ["Northwind"], []),
    (["I work at Northwind.", "I got fired from Northwind."], ["Northwind"], []),
    (["I work at Northwind.", "I was laid off yesterday."], ["Northwind"], []),
    (["I work at Northwind.", "I've left Northwind."], ["Northwind"], []),
    (["I work at Northwind.", "I resigned from Northwind on Monday."], ["Northwind"], []),
    (["I work at Northwind as a nurse.", "I quit my job."], ["Northwind", "nurse"], []),
    (["I work at Northwind.", "I don't work there any more."], ["Northwind"], []),
    (["I work as a welder.", "I'm not a welder any more."], ["welder"], []),
    (["I work as a welder.", "I retired."], ["welder"], []),
    (["I work as a welder.", "I stopped working as a welder."], ["welder"], []),
    (["I drive a red Volvo.", "I sold my car."], ["Volvo"], []),
    (["I drive a red Volvo.", "I don't have a car anymore."], ["Volvo"], []),
    (["I drive a red Volvo.", "I gave away the Volvo."], ["Volvo"], []),
    (["I drive a red Volvo.", "We got rid of the Volvo."], ["Volvo"], []),
    (["I drive a red Volvo.", "I crashed the Volvo, it's gone."], ["Volvo"], []),
    (["I have a cat called Tom.", "Tom passed away."], ["Tom"], []),
    (["I have a cat called Tom.", "We had to put Tom down."], ["Tom"], []),
    (["I have a cat called Tom.", "My cat died."], ["Tom"], []),
    (["I have a cat called Tom.", "Our cat Tom died last night."], ["Tom"], []),
    (["I have a cat called Tom.", "Tom ran away."], ["Tom"], []),
    (["I have a cat called Tom.", "My neighbour's cat Tom died."], [], ["Tom"]),
    (["I have a cat called Tom.", "Her cat Tom died."], [], ["Tom"]),
    (["I have two cats.", "I have no pets."], ["two cats"], []),
    (["I have two cats.", "I have no idea."], [], ["two cats"]),
    (["I have a cat called Tom.", "I don't have a cat any more."], ["Tom"], []),
    (["I have a dog called Rex and a cat named Tom.", "Rex died yesterday."], ["Rex"], ["Tom"]),
    (["I'm allergic to nuts.", "It turns out I'm not allergic to nuts."], ["nuts"], []),
    (
        ["I'm allergic to nuts and pollen.", "I'm no longer allergic to pollen."],
        ["pollen"],
        ["nuts"],
    ),
    (["I'm allergic to eggs.", "I outgrew my egg allergy."], ["egg"], []),
    (["I'm a vegetarian.", "I'm not a vegetarian anymore."], ["vegetarian"], []),
    (["I'm a vegetarian.", "I stopped being a vegetarian."], ["vegetarian"], []),
    (["I'm a vegetarian.", "I've become a vegan."], ["vegetarian"], ["vegan"]),
    (["I play tennis.", "I gave up tennis."], ["tennis"], []),
    (["I play tennis.", "I don't play tennis any more."], ["tennis"], []),
    (["I play tennis.", "I've stopped playing tennis."], ["tennis"], []),
    (["I play tennis.", "I quit tennis last month."], ["tennis"], []),
    (["I play the piano.", "I no longer play the piano."], ["piano"], []),
    (["My girlfriend is called Mia.", "Mia and I broke up."], ["Mia"], []),
    (["My girlfriend is called Mia.", "We broke up."], ["Mia"], []),
    (["My girlfriend is called Mia.", "I broke up with Mia."], ["Mia"], []),
    (["My girlfriend is called Mia.", "My girlfriend and I split up."], ["Mia"], []),
    (["I'm married to Leo.", "We got divorced."], ["married", "Leo"], []),
    (["I'm married.", "I'm divorced now."], ["married"], ["divorced"]),
    (["My phone number is 555-0100.", "My new phone number is 555-0177."], ["0100"], ["0177"]),
    (
        ["My phone number is 555-0100.", "My phone number has changed to 555-0177."],
        ["0100"],
        ["0177"],
    ),
    (["My phone number is 555-0100.", "My old number 555-0100 no longer works."], ["0100"], []),
    (
        ["My yoga class is on Thursdays.", "Actually it's Tuesdays, not Thursdays."],
        ["Thursday"],
        ["Tuesday"],
    ),
    (["My favourite colour is green.", "My favourite colour is red now."], ["green"], ["red"]),
    (["My favourite colour is green.", "Green is no longer my favourite colour."], ["green"], []),
    (["My name is Ana Petrov.", "I'm not called Petrov any more."], ["Petrov"], []),
    (["I'm learning Spanish.", "I stopped learning Spanish."], ["Spanish"], []),
    (["My boss is called Petra.", "My new boss is Jonas."], ["Petra"], ["Jonas"]),
    (["I study law at Leiden University.", "I dropped out."], ["law"], []),
    (["I study law at Leiden University.", "I graduated last week."], ["law"], []),
    (["My sister Anna lives in Rome.", "My colleague Anna lives in Paris."], [], ["Rome", "Paris"]),
    (["My brother Tom lives in Leeds.", "My brother Ben lives in York."], [], ["Leeds", "York"]),
    (["I live in Oslo.", "My sister lives in Rome."], [], ["Oslo", "Rome"]),
    (["I live in Oslo.", "I'm moving to Rome next month."], ["Rome"], ["Oslo"]),
    (["I live in Oslo.", "I visited Rome."], ["Rome"], ["Oslo"]),
    (["I work as a baker.", "My husband quit his job."], [], ["baker"]),
    (["I have a car, a red Volvo.", "My brother sold his Volvo."], [], ["Volvo"]),
    (["My wife works at Hooli.", "My wife quit Hooli."], ["Hooli"], []),
    (["My mother lives in Bath.", "My mother died."], ["Bath"], []),
    (["I have two kids.", "I have three kids now."], ["two"], ["three"]),
    (["I'm 34.", "I turned 35 today."], ["34"], ["35"]),
    (
        ["My work phone number is 555-0100.", "My private phone number is 555-0199."],
        [],
        ["0100", "0199"],
    ),
    (["I live in Oslo.", "We bought a holiday home in Crete."], [], ["Oslo"]),
    (["I smoke.", "I quit smoking."], ["smok"], []),
    (["I love sushi.", "I don't like sushi any more."], ["sushi"], []),
    (["I'm a member of the Green Party.", "I left the Green Party."], ["Green"], []),
    (["I have an iPhone 12.", "I sold my iPhone."], ["iPhone"], []),
    (["I speak Dutch.", "I live in Oslo.", "No, I don't live in Oslo."], ["Oslo"], ["Dutch"]),
    (["My wifi password is abc-1.", "My wifi password is xyz-2 now."], ["abc-1"], []),
    (["I have a dog called Rex.", "Rex is my dog."], [], ["Rex"]),
    (["I have a dog called Rex.", "Rex is not my dog any more, he lives with my ex."], ["Rex"], []),
    (["I'm single.", "I'm in a relationship now."], ["single"], ["relationship"]),
]


@pytest.fixture
def memory() -> Iterator[MemoryController]:
    with MemoryController(
        InMemoryStore(WordEmbeddings.spec),
        scope=Scope("ada"),
        embeddings=WordEmbeddings(),
        clock=lambda: START + timedelta(days=60),
        linger=None,
    ) as controller:
        yield controller


def tell(memory: MemoryController, texts: list[str]) -> list[str]:
    ids = []
    for day, text in enumerate(texts):
        [turn] = memory.add(text, session_id=f"s{day}", timestamp=START + timedelta(days=day))
        memory.end_session(f"s{day}")
        ids.append(turn.id)
    return ids


@pytest.mark.parametrize(("texts", "gone", "known"), CHANGES, ids=lambda v: " / ".join(v))
def test_facts_follow_what_is_said(
    memory: MemoryController, texts: list[str], gone: list[str], known: list[str]
) -> None:
    tell(memory, texts)
    facts = [f"{f.subject} {f.attribute} {f.value}" for f in memory.facts()]
    shown = " | ".join([*facts, *(line.text for line in memory.profile())])
    assert [word for word in gone if word in shown] == []
    assert [word for word in known if word not in shown] == []


def test_an_ending_has_its_turn_as_source_and_is_deleted_with_it(memory: MemoryController) -> None:
    _, sold = tell(memory, ["I drive a red Volvo.", "I sold the Volvo."])
    assert memory.facts() == []
    [car] = memory.facts(superseded=True)
    assert (car.value, car.until) == ("red Volvo", START + timedelta(days=1))
    [ending] = car.superseded_by
    assert memory.get(ending).sources == (sold,)
    [then] = memory.facts(as_of=START + timedelta(hours=1))
    assert then.value == "red Volvo"
    memory.delete(sold)
    assert [fact.value for fact in memory.facts()] == ["red Volvo"]
    assert memory.check().ok


def test_two_people_of_one_name_are_told_apart(memory: MemoryController) -> None:
    tell(memory, ["My sister Anna lives in Rome.", "My colleague Anna lives in Paris."])
    homes = {fact.subject: fact.value for fact in memory.facts(attribute="home")}
    assert homes == {"sister Anna": "Rome", "colleague Anna": "Paris"}


def test_the_only_sister_is_meant_by_sister(memory: MemoryController) -> None:
    tell(memory, ["My sister Anna lives in Rome.", "My sister moved to Oslo."])
    [home] = memory.facts(attribute="home")
    assert (home.subject, home.value) == ("sister Anna", "Oslo")


def test_secrets_are_facts_and_no_lines_of_the_profile(memory: MemoryController) -> None:
    tell(memory, ["My bank password is hunter2.", "My name is Ada."])
    assert len(memory.facts()) == 2
    assert [line.text for line in memory.profile()] == ["name: Ada"]


def test_pinned_lines_come_first(memory: MemoryController) -> None:
    tell(memory, ["My name is Ada.", "I'm allergic to nuts."])
    assert memory.profile()[0].text == "name: Ada"

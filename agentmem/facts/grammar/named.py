"""Attributes that are called by their names: "My work phone number is ...", "Call me Kit"."""

from __future__ import annotations

import re
from collections.abc import Callable

from agentmem.facts.attributes import attribute_name, base_name
from agentmem.facts.grammar.claims import SPEAKER, Claim
from agentmem.facts.grammar.person import BEING, languages
from agentmem.facts.grammar.possessions import car, kind_of_pet, named_pets
from agentmem.facts.grammar.predicate import Predicate
from agentmem.facts.grammar.pursuits import liked
from agentmem.facts.grammar.rule import Read, complete, employer, fact, job, place
from agentmem.facts.lexicon import MONTH, PET, RELATION, UNNAMED_MANY
from agentmem.facts.patterns import any_of, before, pattern, strip_prefix, words
from agentmem.facts.values import date_in, is_common, listed, name_in, number_in, phone_in

__all__ = ["MY", "called", "mine", "named"]

# --- Values by attribute ------------------------------------------------------------------------

# Reads the value of an attribute of a name.
_Valued = Callable[[Predicate, str, str], list[Claim]]

_NO_VALUE = pattern(
    any_of(
        """
        that when where how what why because if so very too really quite pretty always being
        getting going coming about_to not unknown none a_secret private confidential missing broken
        gone wrong down up out it this those these there here something someone in_danger
        in_trouble in_the_mail running on_fire on_hold on_strike full empty closed changing
        confusing important long short weird hard
        """
    )
    + r"\b|to\b(?! )"
)
_NAME_END = (
    r",| (?:and|but|by the way|btw|from|for short|with|although|now|these days|since|again)\b"
    r"(?! (?-i:[A-Z][a-z]+$))| - "
)
_CALLED = "(?:called|named) "


def _name(p: Predicate, name: str, value: str) -> list[Claim]:
    match = name_in(before(_NAME_END, value), p.clause)
    return fact(p, "name" if name == "full name" else name, match) if len(name.split()) < 3 else []


def _who(p: Predicate, name: str, value: str) -> list[Claim]:
    raw = strip_prefix(_CALLED, value)
    first = before(r",| (?:and|who|at|in|from|now|these days)\b", raw)
    return fact(p, name, name_in(first, p.clause, certain=raw != value))


def _contact(p: Predicate, name: str, value: str) -> list[Claim]:
    email = re.match(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", value)
    if base_name(name) == "email":
        return fact(p, name, email.group() if email else None)
    return fact(p, name, phone_in(value))


def _birthday(p: Predicate, name: str, value: str) -> list[Claim]:
    day = date_in(strip_prefix("(?:actually )?(?:on|in) ", value))
    month = pattern(rf"(?:in )?({MONTH})").fullmatch(value.strip(" .!"))
    return fact(p, name, day or (month[1] if month else None)) if name == "birthday" else []


def _age(p: Predicate, name: str, value: str) -> list[Claim]:
    number = re.match(r"\d{1,3}\b", value)
    return fact(p, name, number.group() if number else None)


def _address(p: Predicate, name: str, value: str) -> list[Claim]:
    street = re.match(r"(?:at )?(?P<v>(?=[^,]*\d)[\w .'-]+(?:, ?[\w .'-]+){0,3})", value)
    if street:
        return fact(p, name, street["v"])
    return place("home")(p, value[3:]) if value.startswith("in ") else []


def _job(p: Predicate, _: str, value: str) -> list[Claim]:
    value = strip_prefix("(?:to be|being|that of) ", value)
    return job(p, value) if not re.match(r"(?:in|at|to)\b", value) else []


def _place(p: Predicate, name: str, value: str) -> list[Claim]:
    where = re.sub(r"^(?:in|at|on|near) ", "", value)
    named = where != value or base_name(name) not in ("home", "office", "workplace")
    return place(name)(p, where) if named else []


def _hobby(p: Predicate, _: str, value: str) -> list[Claim]:
    match = liked(p, re.sub(r"^(?:to|include) ", "", value))
    return [Claim(claim.subject, ("hobby",), claim.value) for claim in match]


def _being(p: Predicate, name: str, value: str) -> list[Claim]:
    return BEING.of(Predicate(p.subject, "be", value, p.clause), (base_name(name),))


def _goal(p: Predicate, name: str, value: str) -> list[Claim]:
    pointing = re.search(r"\b(?:this|that|it|these|them)\b", value)
    short = value.startswith("to ") and len(value.split()) <= 15
    return fact(p, name, value[3:]) if short and not pointing else []


# "$1,200.50 a month", "$1,000 to $1,500"
_MORE_AMOUNT = pattern(
    r" ?(?:an?|per|/) ?(?:year|month|hour|week|day)\b| ?(?:to|-|\u2013) "
    r"?[$\u20ac\u00a3]?\d[\d.,]*\b"
)


def _amount(p: Predicate, name: str, value: str) -> list[Claim]:
    amount = number_in(value)
    after = value.partition(amount)[2] if amount else ""
    if amount and (more := _MORE_AMOUNT.match(after)):
        return fact(p, name, amount + more.group())
    return fact(p, name, amount) if amount and complete(after) else []


def _measure(p: Predicate, name: str, value: str) -> list[Claim]:
    certain = name in ("height", "weight") or re.search("best|fast|record|pb", name)
    return _amount(p, name, value) if certain else []


# What has a digit or is written in capitals.
_NO_WORD = ("number", "pin", " id", "code", "locker", "plate", "size", "combination")


def _code(p: Predicate, name: str, value: str) -> list[Claim]:
    value = value.strip("'\" .")
    if len(value.split()) > 4 or is_common(value.split()[0]):
        return []
    wordy = len(value.split()) <= 2 and not name.endswith(_NO_WORD)
    return fact(p, name, value) if wordy or re.search(r"\d|^[A-Z-]+$", value) else []


_DAY = "(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?)"
_WEEKLY = pattern(
    rf"(?:on|at|every) (?P<v>{_DAY}(?:(?: and |, ){_DAY})*(?: (?:at )?\d{{1,2}}(?::\d\d)? ?(?:am|"
    rf"pm)?)?)"
)


def _weekday(p: Predicate, name: str, value: str) -> list[Claim]:
    match = _WEEKLY.match(value)
    return fact(p, name, match["v"]) if match and " " in name else []


# "My favourite part was ..." is of something.
_NO_FAVOURITE = words(
    "part thing moment memory scene time aspect bit line quote example option feature idea point "
    "thought guess suggestion advice week weekend result feeling way word far favourite favorite "
    "one"
)
_FAVOURITE_END = (
    r" (?:because|since|but|so|which|that|and (?:i|it|my))\b|, (?:so|but|he|she|it|they)\b|[;(]"
)
_NOT_NOW = pattern(r" (?:now|these days|at the moment|by far|though)$")
_NO_THING = pattern(
    r".*\b(?:it|them|i|you|we|probably|definitely the one)\b|"
    r"(?:the one|one|when|from|by|with|for|all)\b"
)


def _favourite(p: Predicate, name: str, value: str) -> list[Claim]:
    value = _NOT_NOW.sub("", before(_FAVOURITE_END, value).strip(" ,'\""))
    vague = name.split()[-1] in _NO_FAVOURITE or re.search(r" (?:about|of|it)\b", name)
    short = 1 <= len(value.split()) <= 6 and not _NO_THING.match(value)
    return fact(p, name, value) if short and not vague else []


def _reads(read: Read) -> _Valued:
    return lambda p, _, value: read(p, value)


# By the base of an attribute, or by its last words.
_VALUED: dict[str, _Valued] = {
    base: read
    for bases, read in (
        ("name|full name|nickname|first name|last name|middle name|maiden name", _name),
        ("phone number|email", _contact),
        ("birthday", _birthday),
        ("age", _age),
        ("address", _address),
        ("job", _job),
        ("employer", _reads(employer)),
        ("home|hometown|birthplace|office|school|gym|workplace|bank", _place),
        ("doctor|dentist|therapist|boss|manager", _who),
        ("car", _reads(car)),
        ("hobby|interests", _hobby),
        ("language", _reads(languages)),
        ("diet|religion|nationality|relationship", _being),
        ("goal", _goal),
        ("height|weight|time|best|pb", _measure),
        (
            "salary|income|rent|mortgage|wage|hourly rate|monthly budget|weekly budget|yearly "
            "budget|annual budget",
            _amount,
        ),
        (
            "password|passcode|pin|pin code|code|username|user name|account number|"
            "membership number|license plate|plate|locker number|combination|hint|iban|"
            "passport number|policy number|ticket number|room number|flat number|customer number|"
            "apartment number|seat number|locker|blood type|size|zip code|postcode|gamertag|handle|"
            "screen name|time zone|pronouns|star sign|zodiac sign|resting heart rate|wifi password",
            _code,
        ),
        (
            "lesson|lessons|class|classes|appointment|meeting|practice|rehearsal|training|checkup|"
            "exam|interview",
            _weekday,
        ),
    )
    for base in bases.split("|")
}


def _valued(owner: str, name: str, value: str, clause: str) -> list[Claim]:
    """Read the value of an attribute that is called by its name."""
    p = Predicate(owner, "be", "", clause)
    value = strip_prefix("(?:now|currently|still|also|actually|just|:) ", value).strip()
    if _NO_VALUE.match(value):
        return []
    if name.startswith("favourite "):
        return _favourite(p, name, value)
    parts = name.split()
    tails = (_VALUED.get(" ".join(parts[begin:])) for begin in range(len(parts)))
    read = _VALUED.get(base_name(name)) or next(filter(None, tails), None)
    return read(p, name, value) if read else []


# --- "My X is Y" ------------------------------------------------------------------------------

_PHRASE = r"(?P<phrase>(?:[\w&/-]+ ){0,5}?[\w&/-]+)"
_SIBLING = r"(?:(?:older|younger|big|little|twin|other|best|ex)[ -])*"
MY = re.compile(
    rf"(?:my|our) (?:(?:{RELATION}) and my )?"
    rf"(?:(?P<who>{_SIBLING}{RELATION}(?: (?-i:[A-Z])\w+)?|(?P<pet>{PET}))'s )?{_PHRASE}"
    r"(?:'s| is| are| has changed to| has become)(?P<not>n't)? (?P<value>.+)$",
    re.IGNORECASE,
)
_PET = pattern(rf"(?:[\w-]+ ){{0,3}}{PET}")
_RELATIVE = pattern(rf"(?:[\w-]+ ){{0,2}}{RELATION}")
# "My former employer", "my dream job" are not what is so now.
_NOT_CURRENT = pattern(
    r".*\b(?:ideal|dream|perfect|imaginary|fake|made-up|old|former|previous|ex|late|last(?! name)|"
    r"first(?! name)|next|other|future|original|today's|second(?! name)|childhood)\b"
)


def mine(match: re.Match[str], clause: str, over: str) -> list[Claim]:
    """Read "My work phone number is ...", "My sister's name is ...".

    Args:
        over: the value without "any more" and "not", where the clause denies it; "" elsewhere.
    """
    phrase = match["phrase"].lower().replace("e mail", "email")
    value = match["value"].strip()
    if _NOT_CURRENT.match(phrase):
        return []
    if pet := match["pet"]:
        name = name_in(value, clause) if phrase == "name" else None
        return named_pets([name], pet.lower()) if name else []
    owner = _owner(match["who"] or SPEAKER, clause)
    if owner and phrase in ("name", "first name") and owner.islower():
        name = name_in(value, clause)
        return [Claim(SPEAKER, (owner,), name)] if name else []
    if owner.islower() and owner.split()[-1] in UNNAMED_MANY:
        return []
    relative = _RELATIVE.fullmatch(phrase) is not None and phrase not in _VALUED
    if over:
        return [] if relative and not over[0].isupper() else _denied(owner, phrase, over)
    if _PET.fullmatch(phrase):
        kind = phrase.split()[-1]
        names = _names(before(r" (?:and (?:he|she|it)|who|because|after)\b|,", value), clause)
        return named_pets(names, kind_of_pet(kind) if " are " in match.group() else kind)
    if relative:
        return _relative(owner, phrase, value, clause)
    return _valued(owner, attribute_name(phrase), value, clause)


def _owner(who: str, clause: str) -> str:
    """Return "sister" or "sister Anna"."""
    relation, _, name = who.rpartition(" ")
    named = relation and name[0].isupper() and not clause.isupper()
    return f"{relation.lower()} {name}" if named else who.lower()


def _denied(owner: str, phrase: str, value: str) -> list[Claim]:
    name = attribute_name(phrase)
    if pattern(r"(?:working|valid|active|gone)\b").match(value):
        return [Claim(owner, (name,), "", ends=True)]
    called = strip_prefix(_CALLED, value)
    return [Claim(owner, (name,) if called == value else ("pet", phrase), called, ends=True)]


def _names(value: str, clause: str) -> list[str]:
    """Return the names of pets: "Nimbus", "called Bo and Ash"."""
    raw = strip_prefix(_CALLED, value)
    names = []
    for item in listed(raw):
        name = name_in(item, clause, certain=raw != value)
        if name is None:
            break
        names.append(name)
    return names


def _relative(owner: str, phrase: str, value: str, clause: str) -> list[Claim]:
    """ "My best friend is called Lou", "our landlord is Mr. Fox"; verbs are read elsewhere."""
    raw = strip_prefix(_CALLED, value)
    first = before(r" (?:and|who|now|these days)\b|,", raw)
    name = name_in(first, clause, certain=raw != value)
    # "My new friend is Dutch Mike": of many friends none is told apart.
    new_friend = "new" in phrase and "friend" in phrase
    relation = strip_prefix("(?:new|current|dear|good|lovely) ", phrase)
    return [Claim(owner, (relation,), name)] if name and not new_friend else []


# --- Other clauses ----------------------------------------------------------------------------

# "Call me back", "call me crazy" name nobody.
_NO_CALL_NAME = any_of(
    """
    later back crazy tomorrow on at old anytime today soon monday tuesday wednesday
    thursday friday saturday sunday christmas names lazy stupid weird nuts mad biased
    again during after by him her an strange selfish silly the maybe please sir naive paranoid picky
    sentimental nerdy boring out up in cheap it skeptical impressed interested curious
    """
)
_CALL_ME_END = (
    r" (?:for short|instead|now|btw|please|if|by the way|anyway|too|and|but|because|at|from|when)\b"
)
_NUMBER = r"(?P<v>\+?\d[\d ()./-]{4,}\d)$"


def _call_name(p: Predicate, rest: str) -> list[Claim]:
    return fact(p, "name", name_in(before(_CALL_ME_END, rest), p.clause))


def _reached(p: Predicate, rest: str) -> list[Claim]:
    return _contact(p, "email", rest) or _contact(p, "phone number", rest)


_CLAUSES = tuple(
    (pattern(form), read)
    for form, read in (
        (
            r"(?:i think |but |and |just |please |you can |you may |feel free to |they |people |"
            r"everyone |everybody |my friends |friends |folks |most people |my family |most )*"
            rf"(?:just |all |also |usually )?calls? me (?!{_NO_CALL_NAME}\b)"
            r"(?P<v>[^\W\d_][\w .'-]*?)(?:,.*)?$",
            _call_name,
        ),
        (r"(?:i )?took my (?:husband|wife|spouse|partner)'s name:? ?(?P<v>(?-i:[A-Z]).*)$",
         _call_name),
        (r"(?:the|my|our) (?:new |current )?(?:flat|apartment|house|place|home|room|studio|condo)"
         r" (?:is|'s) (?:now |right |located )?(?:in|at|on) (?P<v>.+)$", place("home")),
        (r"(?P<v>(?-i:[A-Z])[\w' ,.-]*?) (?:is|'s) (?:where (?:i|we) live(?: now)?|(?:now )?"
         r"(?:my|our) (?:new )?home(?: now| base)?|home(?: now)?|officially home)$",
         place("home")),
        (r"(?:(?:it's|it is|today (?:is|was)|was) )?(?:my )?first (?:day|week) (?:at|with) "
         r"(?P<v>(?-i:[A-Z])[\w&. -]*?)(?: today| yesterday| and .*)?$", employer),
        (r"(?P<v>(?-i:[A-Z])[\w&. -]*?) (?:pays (?:me|my (?:salary|wages))|employs me)(?: now)?$",
         employer),
        (r"(?:you can |please |just )*(?:reach|call|text|phone|contact|ring) (?:me|us) "
         r"(?:by phone |now |please )*(?:on|at|under) (?P<v>.+)$", _reached),
        (rf".*\bmy new (?:phone )?number,? {_NUMBER}", _reached),
    )
)  # fmt: skip


def called(clause: str) -> list[Claim]:
    """Read what needs no "my X is": "Call me Kit", "You can reach me on ..."."""
    for form, read in _CLAUSES:
        if match := form.match(clause):
            return read(Predicate(SPEAKER, "be", "", clause), match["v"])
    return []


_CHANGED = pattern(
    rf"i (?:have |'ve |just |recently )*(?:changed|switched|updated) my {_PHRASE}"
    r"(?: from .+?)? to (?P<value>.+)$"
)
_TO_SAVE = pattern(
    r"(?:please )?(?:note|save|store|put|write|list)(?: down)? (?P<value>.+?)(?: down)? as my "
    rf"{_PHRASE}$"
)
_IS_MY = pattern(rf"(?P<value>.+?) (?:is|are) (?:my|our) {_PHRASE}$")
_POINTING = pattern(r"(?:this|that|it|he|she|they|those|these|which|what|one)\b|.*\b(?:i|we|you)\b")
_MY_RELATIVE = pattern(rf"(?:new |current )?((?:(?:best|other|older|younger) )?{RELATION})")


def named(clause: str) -> list[Claim]:
    """Read "Blue is my favourite colour", "I changed my number to ...", "Save ... as my email"."""
    changed = _CHANGED.match(clause) or _TO_SAVE.match(clause)
    match = changed or _IS_MY.match(clause)
    if match is None or (not changed and _POINTING.match(match["value"])):
        return []
    name, value = attribute_name(match["phrase"].lower()), match["value"].strip()
    if changed or name.startswith("favourite ") or name in ("name", "email", "phone number"):
        return _valued(SPEAKER, name, value, clause)
    relation = _MY_RELATIVE.fullmatch(match["phrase"].lower())
    who = name_in(value, clause, certain=False) if relation else None
    return [Claim(SPEAKER, (relation[1],), who)] if relation and who else []

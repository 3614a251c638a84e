"""Attributes that are called by their names: "My work phone number is ...", "Call me Kit"."""

from __future__ import annotations

import re
from dataclasses import replace

from agentmem.facts.attributes import attribute_name, base_name
from agentmem.facts.grammar.person import BEING, languages
from agentmem.facts.grammar.possessions import CAR_PHRASE, car, kind_of_pet, named_pets
from agentmem.facts.grammar.predicate import OVER, SPEAKER, Predicate, without_over
from agentmem.facts.grammar.pursuits import liked
from agentmem.facts.grammar.readers import complete, employer, fact, job, place, text
from agentmem.facts.grammar.rule import END, NAME_END, Claim, Rule, Rules
from agentmem.facts.lexicon import MONTH, PET, PETS, RELATION, TOLD_APART, UNNAMED_MANY
from agentmem.facts.patterns import any_of, before, pattern, strip_prefix
from agentmem.facts.values import date_in, is_common, listed, name_in, number_in

__all__ = ["called", "mine"]

# --- Values by attribute ------------------------------------------------------------------------

_EMPTY = any_of("""
    that when where how what why because if so very too really quite pretty always being getting
    going coming about_to not unknown none a_secret private confidential missing broken gone wrong
    down up out it this those these there here something someone in_danger in_trouble in_the_mail
    running on_fire on_hold on_strike full empty closed changing confusing important long short
    weird hard
""")
_NO_VALUE = pattern(rf"(?:(?:now|currently|still|also|actually|just|:) )?{_EMPTY}\b|to\b(?! )")
_CALLED = "(?:called|named) "


def _itself(p: Predicate, rest: str) -> list[Claim]:
    """Take the value of the attribute that the clause names."""
    return fact(p, p.verb, rest)


def _name(p: Predicate, rest: str) -> list[Claim]:
    name = "name" if p.verb in ("", "full name") else p.verb
    value = name_in(before(NAME_END, rest), p.clause)
    return fact(p, name, value) if len(name.split()) < 3 else []


def _birthday(p: Predicate, rest: str) -> list[Claim]:
    month = pattern(MONTH).fullmatch(rest.strip(" .!"))
    day = date_in(rest) or (month.group() if month else None)
    return fact(p, p.verb, day) if p.verb == "birthday" else []


def _hobby(p: Predicate, rest: str) -> list[Claim]:
    return [replace(c, attributes=("hobby",)) for c in liked(replace(p, verb="be"), rest)]


# "$1,200.50 a month", "$1,000 to $1,500"
_MORE_AMOUNT = pattern(
    r" ?(?:an?|per|/) ?(?:year|month|hour|week|day)\b| ?(?:to|-|\u2013) "
    r"?[$\u20ac\u00a3]?\d[\d.,]*\b"
)


def _amount(p: Predicate, rest: str) -> list[Claim]:
    amount = number_in(rest)
    after = rest.partition(amount)[2] if amount else ""
    if amount and (more := _MORE_AMOUNT.match(after)):
        return fact(p, p.verb, amount + more.group())
    return fact(p, p.verb, amount) if amount and complete(after) else []


def _measure(p: Predicate, rest: str) -> list[Claim]:
    certain = p.verb in ("height", "weight") or re.search("best|fast|record|pb", p.verb)
    return _amount(p, rest) if certain else []


# What has a digit or is written in capitals.
_NO_WORD = ("number", "pin", " id", "code", "locker", "plate", "size", "combination")


def _code(p: Predicate, rest: str) -> list[Claim]:
    value = rest.strip("'\" .")
    if len(value.split()) > 4 or is_common(value.split()[0]):
        return []
    wordy = len(value.split()) <= 2 and not p.verb.endswith(_NO_WORD)
    return fact(p, p.verb, value) if wordy or re.search(r"\d|^[A-Z-]+$", value) else []


# "My favourite part was ..." is of something.
_NO_FAVOURITE = pattern(
    r".* (?:about|of|it)\b|.*\b(?:part|thing|moment|memory|scene|time|aspect|bit|line|quote|"
    "example|option|feature|idea|point|thought|guess|suggestion|advice|week|weekend|result|feeling|way|"
    "word|far|favou?rite|one)$"
)
_FAVOURITE_END = (
    r" (?:because|since|but|so|which|that|and (?:i|it|my))\b|, (?:so|but|he|she|it|they)\b|[;(]|"
    r",? (?:now|these days|at the moment|by far|though)$"
)
_NO_THING = pattern(
    r".*\b(?:it|them|i|you|we|probably|definitely the one)\b|"
    r"(?:the one|one|when|from|by|with|for|all)\b"
)


def _favourite(p: Predicate, rest: str) -> list[Claim]:
    value = before(_FAVOURITE_END, rest).strip(" ,'\"")
    short = 1 <= len(value.split()) <= 6 and not _NO_THING.match(value)
    return fact(p, p.verb, value) if short and not _NO_FAVOURITE.match(p.verb) else []


_DAY = "(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?)"
_WEEKLY = (
    rf"(?:on|at|every) (?P<v>{_DAY}(?:(?: and |, ){_DAY})*(?: (?:at )?\d{{1,2}}(?::\d\d)? ?(?:am|"
    rf"pm)?)?)"
)
_EMAIL = r"(?P<v>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
_PHONE = r"(?P<v>(?=(?:\D*\d){5})\+?\(?\d[\d ()./-]{3,20}\d)"
_PLACES = "home hometown birthplace office school gym workplace bank"

# fmt: off
# By the base of an attribute, or by its last words.
_VALUED = Rules((
    Rule("favourite", "", _favourite),
    Rule("name full_name nickname first_name last_name middle_name maiden_name", "", _name),
    Rule("phone_number", _PHONE, _itself),
    Rule("email", _EMAIL, _itself),
    Rule("birthday", "(?:actually )?(?:(?:on|in) )?...", _birthday),
    Rule("age", r"(?P<v>\d{1,3})\b", _itself),
    Rule("address", r"(?:at )?(?P<v>(?=[^,]*\d)[\w .'-]+(?:, ?[\w .'-]+){0,3})", _itself),
    Rule("address", "in ...", place("home")),
    Rule("job", r"(?!(?:in|at|to be in)\b)(?:(?:to be|being|that of) )?...", job),
    Rule("employer", "", employer),
    Rule(_PLACES, "(?:in|at|on|near) ...", lambda p, rest: place(p.verb)(p, rest)),
    Rule("hometown birthplace school gym bank", "", lambda p, rest: place(p.verb)(p, rest)),
    Rule("car", CAR_PHRASE, car),
    Rule("hobby interests", "(?:(?:to|include) )?...", _hobby),
    Rule("language", "", languages),
    Rule("diet religion nationality relationship", "",
         lambda p, _: BEING.of(replace(p, verb="be"), (base_name(p.verb),))),
    Rule("goal", r"to (?P<v>(?!.*\b(?:this|that|it|these|them)\b)\S+(?: \S+){0,13})$", _itself),
    Rule("height weight time best pb", "", _measure),
    Rule("salary income rent mortgage wage hourly_rate monthly_budget weekly_budget yearly_budget "
         "annual_budget", "", _amount),
    Rule("password passcode pin pin_code code username user_name account_number membership_number "
         "license_plate plate locker_number combination hint iban passport_number policy_number "
         "ticket_number room_number flat_number customer_number apartment_number seat_number "
         "locker blood_type size zip_code postcode gamertag handle screen_name time_zone pronouns "
         "star_sign zodiac_sign resting_heart_rate wifi_password", "", _code),
    Rule("lesson lessons class classes appointment meeting practice rehearsal training checkup "
         "exam interview", _WEEKLY, lambda p, rest: _itself(p, rest) if " " in p.verb else []),
))
# fmt: on


def _valued(owner: str, name: str, value: str, clause: str) -> list[Claim]:
    """Read the value of an attribute that is called by its name."""
    if _NO_VALUE.match(value):
        return []
    value = strip_prefix("(?:now|currently|still|also|actually|just|:) ", value)
    p = Predicate(owner, name, value, clause)
    parts = name.split()
    tails = (" ".join(parts[begin:]) for begin in range(len(parts)))
    base = parts[0] if parts[0] == "favourite" else base_name(name)
    return next(filter(None, (_VALUED.read(p, key) for key in (base, *tails))), [])


# --- "My X is Y" ------------------------------------------------------------------------------

_PHRASE = r"(?P<phrase>(?:[\w&/-]+ ){0,5}?[\w&/-]+)"
_MY = re.compile(
    rf"(?:my|our) (?:(?:{RELATION}) and my )?(?:(?P<who>(?:{TOLD_APART}[ -])*{RELATION}"
    rf"(?: (?-i:[A-Z])\w+)?|(?P<pet>{PET}))'s )?{_PHRASE}"
    r"(?:'s| is| are| has changed to| has become)(?P<not>n't)? (?P<value>.+)$",
    re.IGNORECASE,
)
_PET = pattern(rf"(?:(?!{RELATION}\b)[\w-]+ ){{0,3}}{PET}")
_RELATIVE = pattern(rf"(?:[\w-]+ ){{0,2}}{RELATION}")
_FORMER = pattern(rf"(?:former|previous|ex|old|late)[- ](?P<v>{RELATION})")
# "My former employer", "my dream job" are not what is so now.
_NOT_CURRENT = pattern(
    r".*\b(?:ideal|dream|perfect|imaginary|fake|made-up|old|former|previous|ex(?=[ -])|late|"
    r"last(?! name)|first(?! name)|next|other|future|original|today's|second(?! name)|childhood)\b"
)


def mine(clause: str) -> list[Claim] | None:
    """Read "My work phone number is ...", "My sister's name is ..."; None for other clauses."""
    match = _MY.match(clause)
    if match is None:
        return None
    owner, phrase, value = _parts(match, clause)
    if owner.rpartition(" ")[2] in UNNAMED_MANY | PETS:
        return []
    if former := _FORMER.fullmatch(phrase):
        return [replace(c, ends=True) for c in _relative(owner, former["v"], value, clause)]
    if _NOT_CURRENT.match(phrase):
        return []
    if over := _over(match["not"], value):
        return _denied(owner, phrase, over)
    if _PET.fullmatch(phrase):
        names = _names(before(END, value), clause)
        return named_pets(names, kind_of_pet(phrase.split()[-1]))
    if _RELATIVE.fullmatch(phrase):
        return _relative(owner, phrase, value, clause)
    return _valued(owner, attribute_name(phrase.replace("e mail", "email")), value, clause)


def _over(negation: str | None, value: str) -> str:
    """Return what "My X is no longer Y", "My X isn't Y any more" denies; else ""."""
    over = OVER.search(value)
    ends = over and over.group().lower() in ("no longer", "no more")
    rest = strip_prefix("not ", value)
    return without_over(rest) if negation or rest != value or ends else ""


def _parts(match: re.Match[str], clause: str) -> tuple[str, str, str]:
    """Return whose attribute it is ("sister", "sister Anna"), its phrase and its value."""
    who, phrase, value = match["who"] or SPEAKER, match["phrase"].lower(), match["value"].strip()
    relation, _, name = who.rpartition(" ")
    if relation and name[0].isupper() and not clause.isupper():
        return f"{relation.lower()} {name}", phrase, value
    who = (match["pet"] or who).lower()
    if who and phrase in ("name", "first name"):
        # "My sister's name is Ania": my sister is called Ania.
        return SPEAKER, who, f"called {value}"
    return who, phrase, value


def _denied(owner: str, phrase: str, value: str) -> list[Claim]:
    if _RELATIVE.fullmatch(phrase) and not value[0].isupper():
        return []
    name = attribute_name(phrase)
    if pattern(r"(?:working|valid|active|gone)\b").match(value):
        return [Claim(owner, (name,), "", ends=True)]
    called = strip_prefix(_CALLED, value)
    return [Claim(owner, (name,) if called == value else ("pet", phrase), called, ends=True)]


def _names(value: str, clause: str) -> list[str]:
    """Return the names of pets: "Nimbus", "called Bo and Ash"."""
    raw = strip_prefix(_CALLED, value)
    names = (name_in(item, clause, certain=raw != value) for item in listed(raw))
    return [name for name in names if name]


def _relative(owner: str, phrase: str, value: str, clause: str) -> list[Claim]:
    """ "My best friend is called Lou", "our landlord is Mr. Fox"; verbs are read elsewhere."""
    raw = strip_prefix(_CALLED, value)
    name = name_in(before(NAME_END, raw), clause, certain=raw != value)
    # "My new friend is Dutch Mike": of many friends none is told apart.
    new_friend = "new" in phrase and "friend" in phrase
    relation = strip_prefix("(?:new|current|dear|good|lovely) ", phrase)
    return [Claim(owner, (relation,), name)] if name and not new_friend else []


# --- Other clauses ----------------------------------------------------------------------------

# "Call me back", "call me crazy" name nobody.
_NO_CALL_NAME = (
    "(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|christmas|names|nuts|mad|again|during|after|by|"
    "him|her|an|the|sir|please|paranoid|picky)"
)
_REACH = (
    "(?:you can |please |just )*(?:reach|call|text|phone|contact|ring) (?:me|us) "
    "(?:by phone |now |please )*(?:on|at|under) "
)
_COMPANY = r"(?P<v>(?-i:[A-Z])[\w&. -]*?)"

# fmt: off
_CLAUSES = Rules((
    Rule("", r"(?:i think |but |and |just |please |you can |you may |feel free to |they |people |"
         r"everyone |everybody |my friends |friends |folks |most people |my family |most )*"
         rf"(?:just |all |also |usually )?calls? me (?!{_NO_CALL_NAME}\b)(?=[^\W\d_])...", _name),
    Rule("", r"(?:i )?took my (?:husband|wife|spouse|partner)'s name:? ?(?P<v>(?-i:[A-Z]).*)$",
         _name),
    Rule("", "(?:the|my|our) (?:new |current )?(?:flat|apartment|house|place|home|room|studio|"
         "condo) (?:is|'s) (?:now |right |located )?(?:in|at|on) ...", place("home")),
    Rule("", r"(?P<v>(?-i:[A-Z])[\w' ,.-]*?) (?:is|'s) (?:where (?:i|we) live(?: now)?|(?:now )?"
         r"(?:my|our) (?:new )?home(?: now| base)?|home(?: now)?|officially home)$",
         place("home")),
    Rule("", "(?:(?:it's|it is|today (?:is|was)|was) )?(?:my )?first (?:day|week) (?:at|with) "
         rf"{_COMPANY}(?: today| yesterday| and .*)?$", employer),
    Rule("", rf"{_COMPANY} (?:pays (?:me|my (?:salary|wages))|employs me)(?: now)?$", employer),
    Rule("", _REACH + _EMAIL, text("email")),
    Rule("", _REACH + _PHONE, text("phone number")),
))
# fmt: on
_CHANGED = pattern(
    rf"i (?:have |'ve |just |recently )*(?:changed|switched|updated) my {_PHRASE}"
    r"(?: from .+?)? to (?P<value>.+)$"
)
_TO_SAVE = pattern(
    r"(?:please )?(?:note|save|store|put|write|list)(?: down)? (?P<value>.+?)(?: down)? as my "
    rf"{_PHRASE}$"
)
_IS_MY = pattern(
    r"(?!(?:this|that|it|he|she|they|those|these|which|what|one)\b|.*\b(?:i|we|"
    r"you)\b)(?P<value>.+?) (?:is|are) (?:my|our) (?P<phrase>favou?rite .+|(?:\w+ )??(?:name|"
    rf"e-?mail|number|{RELATION}))(?:$|,| (?:and|who|from|now)\b)"
)


def called(clause: str) -> list[Claim]:
    """Read "Call me Kit", "You can reach me on ...", "Blue is my favourite colour"."""
    if claims := _CLAUSES.read(Predicate(SPEAKER, "", clause, clause)):
        return claims
    match = _CHANGED.match(clause) or _TO_SAVE.match(clause) or _IS_MY.match(clause)
    return mine(f"my {match['phrase']} is {match['value']}") or [] if match else []

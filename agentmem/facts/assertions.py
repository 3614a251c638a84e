"""What a message asserts in its author's own voice, clause by clause.

A message holds much that its author does not claim: quotations, pasted mail and transcripts,
texts to be written or translated, fiction, questions, conditions. Extraction reads only what is
left when all of that is taken out, so a rule of the grammar never has to think of it. In doubt a
clause is dropped: a missing fact is better than a false one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agentmem.digest.sentences import split
from agentmem.facts.patterns import pattern

__all__ = ["Clause", "clauses", "normalize", "own_text", "without_lead"]


# One character for one, so that offsets stay the same.
_PLAIN = str.maketrans(
    "\u2019\u2018\u02bc\uff07\u201c\u201d\u201e\u00ab\u00bb\u00a0", '\'\'\'\'""""" '
)


@dataclass(frozen=True)
class Clause:
    """One claim of a message's author.

    Attributes:
        text: the clause without conjunctions and fillers in front; plain apostrophes.
        sentence: the sentence that holds it.
        subject: who was spoken of in the clause before, where this one leaves the subject out
            ("I work as a baker and live in Lyon"); "" where it has its own.
    """

    text: str
    sentence: str
    subject: str = ""


def normalize(text: str) -> str:
    """Return a text with plain apostrophes, quotation marks and spaces, of the same length."""
    return text.translate(_PLAIN)


# --- Which lines and sentences are the author's own -------------------------------------------

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
# "CANDIDATE: My name is Priya", "From: Carol", "[10:31] Tom: hi", "alicia: easy!"
_LABEL = re.compile(
    r"^\W*(?:\[?\d{1,2}:\d{2}[^\]\s]*\]?\s*[-,]?\s*)?"
    r"(?P<label>[^\W\d][\w.@'&()/-]*(?: [\w.@'&()/-]+){0,3})\s*:(?:\s|$)"
)
# Labels under which people go on speaking for themselves.
_OWN_LABEL = pattern(
    r"(?:p\.?s\.?|btw|by the way|fyi|note|nb|correction|(?:quick )?update|reminder|edit|(?:fun "
    ")?fact|(?:(?:big|good|bad|great|sad|other) )?news|about me|confession|also|one more thing|"
    "question|basically|(?:my |some |a bit of )?(?:info|context|background|situation)(?: about "
    "me)?|the thing is|(?:just )?to be clear|disclaimer|(?:quick |short )?intro(?:duction)?|"
    "remember(?: this)?|for later|hi|hello|hey|ok(?:ay)?|so|well)"
)
_SALUTATION = pattern(r"^\s*(?:dear|to whom it may)\b(?! (?:assistant|ai|diary)\b)")
_GREETED = pattern(r"^\s*(?:hi|hello|hey|good morning|good evening)\b[^.!?\n]{0,40},\s*$")
# Nobody greets in the middle of a message, so what follows is another one.
_HELLO = pattern(r"^\s*(?:hi|hello|hey|dear)\b(?! (?:again|there|assistant)\b)")
_TEXT = (
    "(?:e-?mail|letter|text|review|transcript|message|article|post|paragraph|passage|poem|essay|"
    "excerpt|draft|story|bio|profile|tweet|comment|lyrics|code|chat|testimonial|statement|reply|"
    "note|dialog(?:ue)?|conversation|sentence|quote|script|caption)s?"
)
# "What do you make of this message?" is followed by the message.
_ABOUT_TEXT = pattern(
    rf"\b(?:this|these|the following|that) (?:\w+ )?(?:{_TEXT}|minutes)\b[^.!?]*[.:?]\s*$|"
    rf"\b{_TEXT} (?:is )?below\b"
)
_SIGN_OFF = pattern(
    r"^\s*(?:best|kind|warm|many thanks|cheers|sincerely|regards|yours|love|xoxo|thanks|"
    r"thank you|with (?:best|kind|warm))(?: \w+){0,3},?\s*$"
)
_QUOTE_LINE = re.compile(r"^\s*(?:>|\||#{1,6}\s|[-*\u2022\u2013]\s|\d{1,3}[.)]\s|-{3,}|={3,})")
# What comes next is somebody else's text, or one that the assistant is to work on or make up.
_POLITE = (
    r"(?:(?:please|pls|ok|okay|so|now|then|and|also|hey|hi|great|thanks|cool)[,!.]?\s+)*(?:(?:can|"
    r"could|would|will) you\s+(?:please\s+|help me\s+(?:to\s+)?|also\s+|just\s+)*|(?:i want|i need|"
    r"i'd like|i would like) (?:you to|help(?: (?:with|to|me))?)\s+|i(?:'m| am) (?:trying to|going "
    r"to|about to|asking you to)\s+|(?:help|let) me\s+(?:to\s+)?|let's\s+|kindly\s+|please\s+)?"
)
_TASK = pattern(
    rf"^\W*{_POLITE}(?:write(?! down my\b)|writing|draft(?:ing)?|compose|re-?writ\w*|translat\w+|"
    r"summari[sz]\w*|proofread\w*|(?:para|re)phras\w*|polish|reword|shorten|simplify|edit(?:\w* "
    "(?:this|my))?|(?:correct|improve|complete|finish) (?:this|the|my|these)|turn (?:this|it|that|"
    r"the following)\b.{0,30}\binto|make .{0,30}\b(?:out of|from) this|tl;?dr|fix (?:this|my|the "
    "(?:grammar|tone|style|wording|spelling|punctuation))|(?:check|read|review) (?:this|the "
    "(?:following|grammar)|my (?:text|grammar|essay|letter|cv|resume|e-?mail))|(?:generate|create|"
    rf"make up|make me|invent|produce|give me|come up with)\b.{{0,60}}\b(?:{_TEXT}|stories|song|"
    "alias|identity|backstory|biography|speech|monologue|persona|character|examples?|response|"
    r"toast|ad|scenes?|sketch|joke|haiku|role-?play)|tell me (?:a|another) (?:\w+ )?(?:story|joke|"
    "tale)|(?:answer|reply|respond)(?: to)? (?:this|the|my|him|her|them)|analy[sz]e|classify|"
    "extract|format|convert|expand|continue|act (?:as|like)|play the|role-?play|pretend|imagine|"
    "suppose|assume|repeat|say|fill in|parse|transcribe|grade|score|what does .{0,40} mean|how "
    "(?:do|would|can|should) (?:i|you|we) (?:say|translate|phrase|write|respond|reply)|here(?:'s| "
    rf"is| are)\b.{{0,60}}\b(?:{_TEXT}|minutes|interview|sample|example|resume|cv|log|abstract|"
    r"speech|document|prompt))\b"
)
_PASTED = pattern(
    rf"\b(?:the following|below|(?:this|that|the|an|my|a|following) (?:{_TEXT}|minutes)\b[^.!?]*"
    r":\s*$)|\b(?:says?|said|wrote|writes|reads|read|goes|texted|posted|told me|asked|answered|"
    r"replied|quot(?:e|ing|ed)|titled|lyrics|line|caption|template|script)\s*:|^\W*rat(?:ed|ing)\b.*\bstars?\b"
)
_FICTION = pattern(
    r"\b(?:role-?play\w*|pretend\w*|imagine (?:that )?(?:i|you|we|a|being)|in (?:my|the|this|a) "
    r"(?:story|novel|book|game|dream|film|movie|screenplay|fanfic|play|scenario|campaign)\b|my "
    "(?:character|protagonist|hero|heroine|avatar|alter ego|oc|persona|narrator)|(?:let's|let us) "
    r"(?:say|assume|imagine|play|suppose|pretend)|hypothetical\w*|from now on,? you|you (?:are|"
    "will be|'re going to be) (?:now )?(?:an?|my|the) [a-z]|as (?:the|a) (?:narrator|character)|"
    r"once upon a time|fiction\w*|in character|d&d|dungeon|npc|screenplay|sample sentence|for "
    r"example|e\.g\.|quiz|riddle|for (?:this|the|an?) (?:exercise|scene|sketch|scenario|skit|role|"
    r"improv)\b|say that i'?m|call it fiction|song lyrics|(?:the|a|this) (?:song|poem|quote|"
    r"saying) (?:goes|says))\b|^\W*you are (?:an?|my|the|now) |^\W*(?:for|in) (?:the|my|our|this|"
    r"a) (?:\w+ )?(?:play|musical|film|movie|pageant),? i\b"
)
_JOKE = pattern(
    r"\b(?:just kidding|only kidding|just joking|only joking|jk|not really|april fools?|"
    "said no ?(?:one|body) ever|i'm lying|that was a lie|yeah,? right|as if!|in my dreams|"
    r"i wish!)|^\W*(?:great|wonderful|fantastic|brilliant|lovely), i (?:just |really )?love\b|"
    r"(?:^|\s)/s\b|\bnot!\s*$|\b(?:oh (?:yeah|great|sure)|sure),? because\b"
)
# "I took my husband's name: Brandt"
_MY_THING = pattern(r"\b(?:my|our) [\w' -]{2,40}$")
_OWN_AGAIN = pattern(r"^\W*(?:by the way|btw|on another note|speaking of (?:me|myself))\b")


def own_text(text: str) -> list[str]:
    """Return the sentences of a message that its author speaks for themselves, questions too."""
    text = _without_quotations(_CODE.sub(" ", normalize(text)))
    if _JOKE.search(text):
        return []
    lines = [line for line in text.split("\n") if line.strip()]
    labels = [m for line in lines if (m := _LABEL.match(line)) and not _is_own_label(m["label"])]
    ends = any(_SIGN_OFF.match(line) or _SALUTATION.match(line) for line in lines[1:])
    if ends or len(labels) > 1:
        lines = lines[:1]
    sentences: list[str] = []
    for number, line in enumerate(lines):
        if _QUOTE_LINE.match(line) or _SALUTATION.match(line):
            break
        if number and (_GREETED.match(line) or _HELLO.match(line)):
            break
        label = _LABEL.match(line)
        if label:
            if not _is_own_label(label["label"]):
                long = len(label["label"].split()) > 2 and not line.rstrip().endswith(":")
                if _TASK.match(line) or _PASTED.search(line) or number or not long:
                    break
                continue
            line = line[label.end() :]
        if _take(line, sentences, alone=len(lines) == 1) or _ABOUT_TEXT.search(line):
            break
    return sentences


# Somebody's words in quotation marks, over as many sentences as they take.
_QUOTATION = re.compile(r'(?<!\d)"([^"]{1,1500}?)"')
_REMOVED = "\u2042"
# 'I'm a nurse,' my roommate announced.
_SINGLE_QUOTED = re.compile(
    r"(?:^|(?<=[\s(:]))'(?=\S)[^\"\n]{6,600}?[,.!?]'(?=[\s.,)]|$)", re.MULTILINE
)


def _without_quotations(text: str) -> str:
    def removed(quoted: re.Match[str]) -> str:
        return _REMOVED if _is_speech(quoted[1]) else quoted.group()

    text = _SINGLE_QUOTED.sub(_REMOVED, _QUOTATION.sub(removed, text))
    odd = re.search(r'(?<![\d])"[^"]*\Z', text) if text.count('"') % 2 else None
    return text[: odd.start()] + _REMOVED if odd else text


def _is_own_label(label: str) -> bool:
    return _OWN_LABEL.fullmatch(label.strip()) is not None


def _take(line: str, sentences: list[str], *, alone: bool) -> bool:
    """Collect a line's own sentences; return whether what follows is not the author's."""
    foreign = False
    for sentence in split(line):
        foreign = foreign and not (alone and _OWN_AGAIN.match(sentence))
        # "I got this message. Hi, I'm Dan": a greeting in the middle is somebody else's.
        greeting = sentences and _HELLO.match(sentence) and _ABOUT_TEXT.search(sentences[-1])
        begins = foreign or greeting or _FICTION.search(sentence) or _TASK.match(sentence)
        if begins or _PASTED.search(sentence):
            foreign = True
            continue
        head, colon, _ = sentence.partition(": ")
        if colon and not _is_own_label(head) and not _MY_THING.search(head):
            # What follows a colon may be anybody's.
            sentence = head + "."
        sentences.append(sentence)
    return foreign or line.rstrip().endswith(":")


# --- What a sentence claims -------------------------------------------------------------------

_MEANT = "(?:i (?:mean|meant)(?: to say)?|make (?:that|it)|i should say|it's)"
_OOPS = (
    "(?:sorry|oops|wait|no|scratch that|correction|pardon|my bad|hang on|hold on|or rather|rather|"
    "argh|ugh|er|uh|well,? actually)"
)
_ACTUALLY = "actually,? (?:make that|i mean)(?= (?-i:[A-Z]))"
# "Paris, sorry, I mean Lyon", "Paris - scratch that - Lyon"
_SLIP = pattern(
    r"^(?P<before>.*?\S)[,.!]?\s*(?:\.\.\.|[-\u2013\u2014])?\s*(?:(?:no[,.]? )?(?:oh "
    f")?{_OOPS}[,.!:]? (?:(?:no|sorry|wait)[,.]? )*{_MEANT}|i (?:mean|meant)(?: to say)?|make that|"
    "scratch that|no wait|oops|or rather|sorry|correction|wait,? no|well,? actually|"
    rf"{_ACTUALLY})[,.:!]? (?P<new>\S.*)$"
)
_CUE_FIRST = pattern(
    rf"^\W*(?:oh |ah |no,? |ops,? )*(?:{_OOPS}\b[,.!:]? (?:(?:no|sorry|wait),? )*{_MEANT}|"
    rf"{_ACTUALLY})\b"
)
_ACTUALLY_FIRST = pattern(rf"^\W*{_ACTUALLY}\b")
_HEAD = pattern(
    r"^(?P<head>.*\b(?:in|at|on|is|are|am|to|called|named|call me|as an?|an?|the|from|for|'m|'s|"
    r"by|of)\s+)(?P<value>\S.*)$"
)
# "I met Tom, I mean Tim"
_NAME_LAST = re.compile(r"(?P<head>.*\b[a-z']+ )(?P<value>[A-Z]\w*(?: [A-Z]\w*)*)$")
# "I'm a nurse, I mean Doctor", "I'm allergic to nuts, I mean Peanuts": after other words the
# capital tells that it is something else.
_ANY_CASE = pattern(r"(?:(?:'m|\b(?:am|is|as)) an?|\b(?:to|from|in|at|called|named))\s+$")
_NO_SLIP = pattern(r"\w+ing\b|.*\b(?:my|our|your|his|her|their)\b")


def _is_upper(text: str) -> bool:
    return text[:1].isupper()


def _fits(head: re.Match[str], new: str) -> bool:
    """Whether this may have been said instead of that: "visiting my brother" is no "Boston"."""
    alike = _is_upper(head["value"]) == _is_upper(new) or _ANY_CASE.search(head["head"])
    return bool(alike) and not _NO_SLIP.match(head["value"])


def _corrected(sentence: str) -> str:
    """Put what somebody meant in the place of what they said by mistake."""
    slip = _SLIP.match(sentence)
    if slip is None:
        return sentence
    before, new = slip["before"].rstrip(" ,.-"), slip["new"]
    if re.match(r"(?:i|i'm|my|we|our|it's|he|she|they)\b", new, re.IGNORECASE):
        return new
    new = re.sub(r"^(?:in|at|on|to|from) +", "", new, flags=re.IGNORECASE)
    head = _HEAD.match(before)
    if head is None or not _fits(head, new):
        head = _NAME_LAST.match(before) if _is_upper(new) else None
    if head is None:
        return sentence
    article = re.search(r"\ban?\s+$", head["head"], re.IGNORECASE)
    return head["head"] + (re.sub(r"^an?\s+", "", new) if article else new)


_QUOTED = re.compile(r"(?<![\w])'([^']{12,}?)'(?!\w)")
# "He goes, I'm a doctor"
_REPORTED = pattern(
    r"\b(?:he|she|they|everyone|[a-z]+) (?:goes|says|said|was like|were like|is like|"
    r"went),? (?:like,? )?(?:i|i'm|i've|we|my)\b|\b(?:goes|says|said|replied|answered|shouted),\s|"
    r",\s(?:he|she|they|my \w+|[a-z]+) (?:said|says|told me|replied|answered|wrote|announced|"
    r"shouted|yelled)\W*$|"
    # "Call me Ishmael, says the book"
    r",\s(?:said|says|goes|wrote|replied|answered) (?:he|she|they|(?:the|my|our|his|"
    r"her|their|an?) (?:\w+ ){0,2}\w+|(?-i:[A-Z])\w+)\W*$"
)
# Of all reports, only those of tests and doctors are taken for the author's own words.
_CONFIRMED = pattern(
    r"^\W*(?:(?:the|my|an?|our) )?(?:doctor|allergist|gp|dermatologist|vet|(?:blood |allergy |"
    "skin )?tests?|(?:test )?results?) (?:has |have )?(?:just )?(?:says?|said|told me|confirms?|"
    r"confirmed|shows?|showed|found)(?: that)? (?=i(?:'m| am|'ve| have| no longer)\b)"
)
_SPEECH = pattern(r"\b(?:i|i'm|i've|my|me|we|our)\b|[.!?,]$")


def _is_speech(quoted: str) -> bool:
    """Whether somebody says what is quoted: it is no title."""
    return _SPEECH.search(quoted.strip()) is not None or len(quoted.split()) > 8


def _quotes(sentence: str) -> bool:
    """Whether a sentence quotes what somebody says."""
    said = any(_is_speech(quoted[1]) for quoted in _QUOTED.finditer(sentence))
    return said or _REMOVED in sentence or _REPORTED.search(sentence) is not None


_ASKING = (
    "(?:who|what|what's|when|where|why|how|which|do|does|did|is|are|can|could|would|will|should|"
    "have|any|may)"
)
_ASKS = pattern(
    rf"^\W*(?:so |and |but |ok(?:ay)?,? |hey,? |hi,? |also,? )*(?:{_ASKING}|whose|am|was|were|"
    "shall|has|had|might|(?:is|are|do|does|did|ca|wo|would|should)n't|guess)\\b(?! (?:what|not)\\b)"
)
_COMMANDS = pattern(r"\W*(?:guess what|is|can't|don't|won't)\b")
# Where a question hangs on a statement: "I'm a vegan, what can I cook?"
_ASKS_AFTER = pattern(
    rf"(?:[,;]|\s+-+)\s*(?:so |and |but |then )?(?={_ASKING}\b)|\s+(?:and|so|but)\s+(?=(?:(?:i "
    rf")?(?:was )?wonder\w*|was wondering|i'd like|need|(?!have|any|may|will){_ASKING})\b)"
)
_CAN_YOU = r"(?:can|could|would|will) you (?:please )?"
_RHETORICAL = pattern(
    rf"^\W*(?:{_CAN_YOU}(?=(?:note|save|store|put|write|list)\b.* as my\b)|"
    rf"(?:{_CAN_YOU}(?:note|save|store|remember|jot down|write down)(?: down)?(?: that)?,?\s+|"
    r"(?:did you know|did i (?:\w+ )?(?:tell|mention)(?: you)?|(?:can|would|will) you "
    r"believe(?: it)?|guess what|you know what|have you heard|have i (?:told|mentioned)(?: you)?)"
    r"[,:!?]?(?: that)?\s+)(?=(?:i|we|my|our)\b))"
)
# "After the move I work in Rome" claims what "I work in Rome" does.
_AFTER = pattern(r"^\W*after\b(?! (?:i|we)\b)[^.?!]*?,?\s+(?=(?:i|we)(?:'\w+)?\s)")
_LEAD = pattern(
    r"^\W*(?:(?:well|oh|hey|hi|hello|hiya|so|and|but|also|or|then|anyways?|honestly|actually|btw|"
    "by the way|yes|yeah|yep|yup|nope|no|ok|okay|sure|thanks(?: a lot)?|thank you(?: so much| very "
    "much)?|wow|haha|hmm|fyi|(?:please )?(?:note|remember|know)(?: that)?|just so you know|(?:i "
    ")?(?:just )?(?:should|must|have to|wanted to|want to|'d like to) (?:mention|add|say|tell you|"
    "let you know|admit|confess|share)(?: that)?|as you (?:may |might )?(?:know|remember)|for "
    "(?:context|the record|your information)|you should know(?: that)?|you know|to be (?:honest|"
    "clear|fair)|in fact|basically|personally|sadly|unfortunately|fortunately|luckily|finally|"
    "(?:good|great|big|bad) news|guess what|(?:it )?turns out(?: that)?|speaking of which|on "
    "another note|because|since|as|cause|although|though|while|even though|given that|these days|"
    "nowadays|currently|at the moment|right now|(?:as of )?(?:now|today)|recently|lately|of course|"
    "certainly|absolutely|definitely|indeed|besides|plus|additionally|furthermore|in addition|"
    "(?:nice|pleased) to meet you|good (?:morning|evening|afternoon|day)|greetings|(?:hi|hello|"
    "hey) (?:there|again|everyone|all|friend|my friend|ai|ai companion|assistant)|ai companion|"
    "(?:i'm )?sorry|(?:as )?for me|(?:as|like) i (?:said|mentioned)|i mentioned(?: that)?|it's "
    "true(?: that)?|i can tell you(?: that)?|believe it or not|fun fact|update|correction|i(?:'m| "
    "am) (?:happy|glad|lucky|proud|sad|sorry|pleased|excited|thrilled|delighted|grateful|thankful) "
    r"(?:that|to (?:say|tell you|report|announce|share)(?: that)?))\b(?![\w'])[\s,.:!\-]*)+(?=\S)"
)
# "and the piano" is another object, "and the piano is old" another clause.
_SUBJECTS = (
    r"(?:(?:i|we|my|our|it|he|she|they|you|there|this|that|his|her)\b|the\b(?=(?:\s+\S+){1,4}?\s+(?"
    r":is|are|was|were|has|have|had|will|can|does|do|did|would|isn't)\b))"
)
_VERBS = (
    r"(?:(?:also|now|currently|just|recently|still|really|usually|mostly)\s+)*(?:am|live|lives|"
    "work|works|have|has|own|owns|speak|speaks|drive|drives|play|plays|(?:love|loves|like|"
    r"likes)(?= (?:to|the|my|it|a|an|\w+ing)\b)|enjoy|enjoys|study|studies|was born|grew up|moved|"
    "prefer|adopted|got|bought|started|joined|run|teach|teaches|collect|is|are|work(?:ing|ed) as|"
    r"don't|doesn't|can't|cannot|never|hate|hates|dislike|quit|sold|left|stopped)\b"
)
_JOINT = pattern(
    r"\s*;\s+|\s+[-\u2013\u2014]+\s+|\s*\.\.\.\s*|,\s+(?=(?:but|so|because|since|although|though|"
    r"while|which|who|whose|where|when|if|unless|yet|as)\b)|,?\s+(?=(?:and|but|so|because|since|"
    r"although|though|while|whereas|yet|cause|cuz)\s+(?:(?:now|then|today|these days|"
    rf"currently)\s+)?{_SUBJECTS})|,\s+(?=(?:{_SUBJECTS}|the\b)(?!\s+[a-z]+ (?:too|either)\b))|"
    rf",\s+(?=(?:now|today|currently|these days)\s+{_SUBJECTS})|,?\s+(?=(?:and|but)\s+{_VERBS})|"
    r"\s+(?=(?:because|if|unless|until|whenever|even though|so that|in case)\s)|,\s+(?=(?:nice|"
    r"pleased|good|great|glad|lovely) to meet you)|(?<!\bis)(?<!'s)\s+(?=(?:who|which|whose|"
    r"where)\s)|(?<=\w)!\s+|\s+\((?=\w)|\)"
)
_DEPENDENT = pattern(
    "^(?:and |but |so )*(?:if|unless|when|whenever|until|till|before|after|once|while i was|where|"
    "which|who|whose|whom|whether|as if|as though|than|in case|suppose|supposing|assuming|"
    r"provided|even if|by the time|had i|were i|should i|so that)\b"
)
# A condition or a time in front governs the whole sentence.
_GOVERNED = pattern(
    r"^\W*(?:and |but |so |well,? |maybe |perhaps |hopefully |ideally |one day|some ?day|"
    "last (?:year|week|month|summer|winter|night|time)|years ago|back (?:in|when|then)|at (?:the|"
    r"that) time|in (?:19|20)\d\d|as a (?:kid|child|boy|girl|teen\w*|student|young)|growing up|"
    "when i was|in (?:college|high school|school|university)|during (?:my|the)|before|until|"
    r"for (?:an? )?(?:\w+ )?(?:example|instance)|if|unless|suppose|supposing|assuming|imagine|"
    "had i|were i|should i|let's|in theory|in an ideal|next (?:week|month|year|summer|spring|fall|"
    "autumn|winter)|tomorrow|soon|(?:some people|people|everyone)(?! (?:just |"
    r"usually )?calls? me)|according|apparently|rumou?r|they say|(?:once|whenever|after)\b)"
)
_PLAIN_CONJUNCTION = pattern(r"^\W*(?:and|but|so|well),?\s+")


def without_lead(text: str) -> str:
    """Return a text without the conjunctions and fillers in front."""
    return _LEAD.sub("", text, count=1).strip(" ,")


def clauses(sentences: Iterable[str]) -> list[Clause]:
    """Return what an author's own sentences claim, in order: no questions or conditions."""
    joined: list[str] = []
    for sentence in sentences:
        # "I live in Paris. Sorry, I mean Lyon."
        if joined and _CUE_FIRST.match(sentence) and not joined[-1].endswith("?"):
            both = f"{joined[-1].rstrip('.! ')}, {sentence.lstrip()}"
            # "I called my boss. Actually, I mean Ann" leaves what is said before as it is.
            if _corrected(both) != both or not _ACTUALLY_FIRST.match(sentence):
                joined[-1] = both
                continue
        joined.append(sentence)
    return [clause for sentence in joined for clause in _clauses(sentence)]


def _clauses(sentence: str) -> Iterator[Clause]:
    if len(sentence) > 600:
        return
    claim = _corrected(_CONFIRMED.sub("", sentence, count=1))
    if _quotes(claim):
        return
    claim = _AFTER.sub("", claim, count=1)
    if asked := _RHETORICAL.match(claim):
        claim = claim[asked.end() :].replace("?", ".")
    if claim.rstrip("\"') ").endswith("?"):
        claim = _before_question(claim)
    elif _ASKS.match(claim) and not _COMMANDS.match(claim):
        return
    stripped = _PLAIN_CONJUNCTION.sub("", claim)
    if _GOVERNED.match(stripped):
        return
    subject = ""
    for part in filter(None, map(str.strip, _JOINT.split(claim))):
        if _DEPENDENT.match(part):
            # "If I lived in Rome and had a dog, ..." is a condition as far as it goes.
            subject = "\0"
            continue
        clause = without_lead(part)
        if cleft := _CLEFT.fullmatch(clause):
            clause = f"{cleft['said']} {cleft['what']}{cleft['tail']}"
        if not clause:
            continue
        first = pattern(_SUBJECTS).match(clause)
        if first or subject != "\0":
            yield Clause(clause.rstrip(" .!,\"'\u2026"), sentence, "" if first else subject)
        subject = first.group().lower() if first else subject


# "It's Hooli that I work for now".
_CLEFT = pattern(
    r"it(?:'s| is) (?P<what>(?-i:[A-Z])[\w&.' -]*?) (?:that )?(?P<said>(?:i|we)\b.* (?:for|at|in|"
    r"with))(?P<tail> now| these days| at the moment|)\W*"
)


def _before_question(sentence: str) -> str:
    """What is claimed before a sentence goes over to asking; "" where it asks from the start."""
    parts = [] if _ASKS.match(sentence) else _ASKS_AFTER.split(sentence, maxsplit=1)
    return parts[0] + "." if len(parts) > 1 else ""

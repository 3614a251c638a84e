"""Recognize a conversation that a client sends again, by the sequence of its messages.

Clients of stateless chat APIs send the whole conversation, or its last messages, with every
request. Their messages often have no ids, or new ids each time, and what comes first may have been
cut, edited or summarized since.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Hashable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher

__all__ = ["align", "is_whole", "match_end", "text_digest"]

# A list of messages is a session's whole history if it has more messages than this and as many of
# its first turns. One exchange alone may be said again.
_SAME_START = 2
# Turns of the start among which the second message is looked for: clients leave out tool calls.
START = 8
# Messages that a history has in common with the end of a session, if what comes before has changed,
# and if nothing follows. An exchange of fewer may be said again.
_SAME_END = 2
_SAME_END_ALONE = 3


def text_digest(text: str) -> str:
    """Return a digest that is the same for texts that differ in nothing visible."""
    plain = unicodedata.normalize("NFC", "\n".join(text.split("\r\n")).strip())
    return hashlib.sha256(plain.encode()).hexdigest()[:32]


def is_whole(turns: Sequence[Hashable], messages: Sequence[Hashable]) -> bool:
    """Return whether messages are a session's history from its beginning, perhaps of a branch.

    Args:
        turns: keys of the first turns of the session, in order; equal keys are equal messages.
        messages: keys of the messages.

    >>> is_whole(["hi", "hello", "tea?"], ["hi", "hello", "coffee?"])
    True
    >>> is_whole(["hi", "hello", "tea?"], ["hi", "hello"])
    False
    """
    if len(messages) <= _SAME_START or not turns or turns[0] != messages[0]:
        return False
    return messages[1] in turns[1:START]


def match_end(
    turns: Sequence[Hashable], messages: Sequence[Hashable], views: Iterable[Sequence[int]]
) -> dict[int, int]:
    """Match messages that are a session's history from some point on.

    Messages may start with the session's last turns. If they start with something else, such as
    a summary, they must have at least two of these, and go on after them.

    Args:
        turns: keys of the last turns of the session, in order, at least as many as messages.
        messages: keys of the messages.
        views: the indexes of the turns that a client may know, such as all of them, or those of
            runs that did not fail.

    Returns:
        The indexes of turns by the indexes of messages; empty for messages that are no history.

    >>> match_end(["tea?", "please", "sugar?"], ["please", "sugar?", "no"], [[0, 1, 2]])
    {0: 1, 1: 2}
    >>> match_end(["tea?", "please", "milk?"], ["(summary)", "please", "milk?", "no"], [[0, 1, 2]])
    {1: 1, 2: 2}
    >>> match_end(["tea?", "please", "(failed)"], ["please", "milk?"], [[0, 1, 2], [0, 1]])
    {0: 1}
    """
    for numbers in views:
        for start, length in _ends([turns[n] for n in numbers], messages):
            goes_on = start + length < len(messages)
            if start == 0 or length >= _SAME_END_ALONE or (length >= _SAME_END and goes_on):
                end = numbers[len(numbers) - length :]
                after = align(turns[end[-1] + 1 :], messages[start + length :])
                return {
                    **align(turns[: end[0]], messages[:start]),
                    **{start + n: turn for n, turn in enumerate(end)},
                    **{start + length + m: end[-1] + 1 + t for m, t in after.items()},
                }
    return {}


def _ends(turns: Sequence[Hashable], messages: Sequence[Hashable]) -> Iterator[tuple[int, int]]:
    """Yield start and length of the runs of messages that end as the session ends, latest first."""
    for last in range(len(messages) - 1, -1, -1):
        length = 0
        while length <= min(last, len(turns) - 1) and (
            messages[last - length] == turns[-1 - length]
        ):
            length += 1
        if length:
            yield last - length + 1, length


def align(turns: Sequence[Hashable], messages: Sequence[Hashable]) -> dict[int, int]:
    """Match messages with turns in order, each turn with one message.

    >>> align(["hi", "hello", "tea?", "no", "bye"], ["hi", "hello", "coffee?", "bye", "bye"])
    {0: 0, 1: 1, 3: 4}
    """
    matcher = SequenceMatcher(None, turns, messages, autojunk=False)
    blocks = matcher.get_matching_blocks()
    return {block.b + n: block.a + n for block in blocks for n in range(block.size)}

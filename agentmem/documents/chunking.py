"""Cut a document into chunks that the embedder reads whole, along its sections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from agentmem.documents.reading import DocumentText

__all__ = ["Chunk", "chunks_of"]

# Ends of paragraphs first, then of lines, sentences and words.
_SEPARATORS = ["\n\n", "\n", ". ", "? ", "! ", "; ", " ", ""]
# A breadcrumb has at most this share of a chunk's tokens.
_MAX_CRUMB = 0.25
_BETWEEN = " > "


@dataclass(frozen=True)
class Chunk:
    """A passage of a document.

    Attributes:
        text: the breadcrumb in a line of its own, and the passage.
        section: the breadcrumb: the titles of the sections it is in, outermost first.
        page: its page, from 1; None where there are no pages.
        start, end: where the passage is in the document's text, in characters.
    """

    text: str
    section: str
    page: int | None
    start: int
    end: int


def chunks_of(
    document: DocumentText, title: str, max_tokens: int, count_tokens: Callable[[str], int]
) -> list[Chunk]:
    """Return the chunks of a document in order.

    No chunk crosses a heading or a page. Each has at most `max_tokens` tokens with its breadcrumb,
    which is shortened from the left where it would take more than a quarter.
    """
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    # The splitter counts the same pieces again and again.
    count = lru_cache(maxsize=1 << 14)(count_tokens)
    chunks: list[Chunk] = []
    for section in document.sections:
        headings = list(section.headings)
        if title and headings[:1] != [title]:
            headings.insert(0, title)
        crumb = _breadcrumb(headings, int(max_tokens * _MAX_CRUMB), count)
        # The tokens of the two may be a few more than the sum.
        room = max(max_tokens - (count(crumb) + 2 if crumb else 0), 1)
        splitter = RecursiveCharacterTextSplitter(
            chunk_size=room,
            chunk_overlap=0,
            length_function=count,
            separators=_SEPARATORS,
            keep_separator="end",
            strip_whitespace=False,
        )
        body = document.text[section.start : section.end]
        start = section.start
        for piece in splitter.split_text(body):
            at = document.text.index(piece, start)
            start = at + len(piece)
            stripped = piece.strip()
            if stripped:
                begin = at + piece.index(stripped)
                text = f"{crumb}\n{stripped}" if crumb else stripped
                chunks.append(
                    Chunk(text, _BETWEEN.join(headings), section.page, begin, begin + len(stripped))
                )
    assert all(one.end <= other.start for one, other in pairwise(chunks))
    return chunks


def _breadcrumb(headings: list[str], max_tokens: int, count: Callable[[str], int]) -> str:
    """Return the titles as one line; the innermost ones if all are too long."""
    for first in range(len(headings)):
        crumb = _BETWEEN.join(headings[first:])
        if count(crumb) <= max_tokens:
            return crumb
    return ""

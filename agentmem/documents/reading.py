"""Read Markdown, text, HTML, PDF and DOCX as one text, divided into sections under headings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentmem import arguments
from agentmem.folders import expand_home
from agentmem_stores import (
    DataFormatError,
    EmptyTextError,
    MissingExtraError,
    StoreUnavailableError,
)
from agentmem_stores.records import clean_text

if TYPE_CHECKING:
    from bs4.element import Tag
    from pypdf import PdfReader

__all__ = [
    "SUFFIXES", "DocumentText", "Section", "is_document_path", "read_document", "read_file",
    "read_text",
]  # fmt: skip

# Longer files are not documents but data; reading one takes minutes and gigabytes.
MAX_BYTES = 256 * 2**20
# A longer title or heading is a paragraph that looks like one.
MAX_TITLE = 200
_MAX_PATH = 4096

_HEADING = re.compile(r"h([1-6])")
_SPACES = re.compile(r"[^\S\n]+")
# Elements without visible text of the document, and elements that begin a new line.
_SKIPPED = frozenset(
    ["script", "style", "template", "noscript", "nav", "head", "svg", "iframe", "object"]
)
_BLOCKS = frozenset(
    [
        "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption",
        "figure", "footer", "form", "header", "hr", "li", "main", "ol", "p", "pre", "section",
        "table", "td", "th", "tr", "ul",
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Section:
    """A part of a document's text.

    Attributes:
        start, end: character offsets in the text; the heading itself is outside.
        headings: titles of the sections that it is in, outermost first.
        page: its page, from 1; None where there are no pages.
    """

    start: int
    end: int
    headings: tuple[str, ...] = ()
    page: int | None = None


@dataclass(frozen=True)
class DocumentText:
    """The text of a document, and how it is divided."""

    text: str
    sections: Sequence[Section]
    title: str = ""


@dataclass
class _Writer:
    """Puts a text together piece by piece, and notes where sections begin."""

    pieces: list[str] = field(default_factory=list)
    length: int = 0
    sections: list[Section] = field(default_factory=list)
    headings: tuple[tuple[int, str], ...] = ()
    start: int = 0
    page: int | None = None

    def add(self, text: str) -> None:
        self.pieces.append(text)
        self.length += len(text)

    def end_section(self) -> None:
        """End the section that began last."""
        if self.length > self.start:
            titles = tuple(title for _, title in self.headings)
            self.sections.append(Section(self.start, self.length, titles, self.page))
        self.start = self.length

    def heading(self, level: int, title: str) -> None:
        """Begin a section under a heading."""
        self.end_section()
        title = " ".join(title.split())[:MAX_TITLE]
        if title:
            self.add(f"{title}\n\n")
            outer = tuple(each for each in self.headings if each[0] < level)
            self.headings = (*outer, (level, title))
        self.start = self.length

    def document(self, title: str) -> DocumentText:
        self.end_section()
        return DocumentText(
            "".join(self.pieces), self.sections, " ".join(title.split())[:MAX_TITLE]
        )


def is_document_path(value: str) -> bool:
    """Return whether a string names a file rather than being a document's text.

    >>> is_document_path("notes.md"), is_document_path("I moved to Porto.")
    (True, False)
    """
    if "\n" in value or "\0" in value or len(value) > _MAX_PATH:
        return False
    path = Path(value)
    try:
        return path.suffix.lower() in SUFFIXES or path.is_file()
    except OSError:
        return False


def read_file(path: Path) -> DocumentText:
    """Read a file by its suffix; an unknown suffix is read as text.

    Raises:
        StoreUnavailableError: the file cannot be read.
        DataFormatError: it is damaged, encrypted, too large or not UTF-8, or has no text.
        MissingExtraError: reading DOCX needs `python-docx`.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataFormatError(f"{path} is larger than {MAX_BYTES // 2**20} MiB; split it")
        data = path.read_bytes()
    except OSError as error:
        raise StoreUnavailableError(f"cannot read {path}: {error.strerror or error}") from error
    read = SUFFIXES.get(path.suffix.lower(), _read_plain)
    document = read(data, str(path))
    if not document.text.strip():
        raise DataFormatError(f"{path} contains no text")
    return document


def read_text(text: str) -> DocumentText:
    """Read a text given as such; headings are those of Markdown.

    Raises:
        EmptyTextError: there is nothing but white space.
    """
    text = clean_text(text)[0]
    if not text.strip():
        raise EmptyTextError("the document is empty")
    return _markdown(text)


def read_document(
    path_or_text: str | PathLike[str], *, title: str | None, source: str | None
) -> tuple[DocumentText, str, str]:
    """Read a file, or a text given as such; return it with its title and its source.

    Raises:
        EmptyTextError, StoreUnavailableError, DataFormatError: as `read_file` and `read_text`.
    """
    if isinstance(path_or_text, str) and not is_document_path(path_or_text):
        document = read_text(path_or_text)
        title = title or document.title or document.text.strip()[:60].splitlines()[0]
        return document, title, source or title
    path = expand_home(Path(arguments.path_like("path_or_text", path_or_text)))
    document = read_file(path)
    return document, title or document.title or path.stem, source or str(path.absolute())


def _decoded(data: bytes, name: str) -> str:
    try:
        return clean_text(data.decode("utf-8-sig"))[0]
    except UnicodeDecodeError as error:
        raise DataFormatError(
            f"{name} is not UTF-8 (byte {error.start}); convert it, for example with iconv"
        ) from None


def _read_plain(data: bytes, name: str) -> DocumentText:
    text = _decoded(data, name)
    return DocumentText(text, [Section(0, len(text))])


def _read_markdown(data: bytes, name: str) -> DocumentText:
    return _markdown(_decoded(data, name))


def _markdown(text: str) -> DocumentText:
    from markdown_it import MarkdownIt

    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    tokens = MarkdownIt().parse(text)
    sections: list[Section] = []
    headings: tuple[tuple[int, str], ...] = ()
    start, title = 0, ""
    for n, token in enumerate(tokens):
        if token.type != "heading_open" or token.map is None or token.level:
            continue
        # markdown-it-py counts lines by \n alone.
        begin, end = (_line_start(text, starts, line) for line in token.map)
        titles = tuple(each for _, each in headings)
        if text[start:begin].strip():
            sections.append(Section(start, begin, titles))
        level, name = int(token.tag[1]), " ".join(tokens[n + 1].content.split())[:MAX_TITLE]
        title = title or name
        headings = (*(each for each in headings if each[0] < level), (level, name))
        start = end
    if text[start:].strip() or not sections:
        # A document of headings alone is one section, so that it can be found.
        whole = not sections and not text[start:].strip()
        titles = tuple(each for _, each in headings)
        sections.append(Section(0 if whole else start, len(text), () if whole else titles))
    return DocumentText(text, sections, title)


def _line_start(text: str, starts: Sequence[int], line: int) -> int:
    return starts[line] if line < len(starts) else len(text)


def _read_html(data: bytes, name: str) -> DocumentText:
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(_decoded(data, name), "html.parser")
    writer = _Writer()
    _walk(soup, writer)
    title = soup.title.get_text() if soup.title else ""
    first = soup.find(_HEADING)
    return writer.document(title or (first.get_text() if first else ""))


def _walk(root: Tag, writer: _Writer) -> None:
    """Write the text of an HTML element in order; not recursive, since pages nest without limit."""
    from bs4.element import Comment, NavigableString, Tag

    stack: list[Any] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, Tag):
            match = _HEADING.fullmatch(node.name)
            if node.name in _SKIPPED:
                continue
            if match:
                writer.heading(int(match[1]), node.get_text(" "))
                continue
            children: list[Any] = list(node.children)
            if node.name in _BLOCKS:
                children = ["\n", *children, "\n"]
            stack += reversed(children)
        elif isinstance(node, NavigableString):
            if not isinstance(node, Comment):
                writer.add(_SPACES.sub(" ", node.replace("\n", " ")))
        else:
            writer.add(node)


def _read_pdf(data: bytes, name: str) -> DocumentText:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(BytesIO(data))
        is_locked = bool(reader.is_encrypted and not reader.decrypt(""))
        document = DocumentText("", ()) if is_locked else _pages(reader)
    except (PyPdfError, ValueError, KeyError, IndexError, TypeError, AttributeError,
            RecursionError, OverflowError, NotImplementedError) as error:  # fmt: skip
        # A damaged file fails in pypdf wherever its objects do not fit.
        raise DataFormatError(f"{name} is not a readable PDF: {error}") from error
    if is_locked:
        raise DataFormatError(f"{name} is encrypted; save it without a password first")
    if not document.sections:
        raise DataFormatError(
            f"{name} has no text layer, so it is probably scanned; recognize its text first, for "
            "example with `ocrmypdf`"
        )
    return document


def _pages(reader: PdfReader) -> DocumentText:
    writer, titles = _Writer(), dict(_outline(reader))
    for number, page in enumerate(reader.pages, start=1):
        writer.page = number
        writer.headings = titles.get(number, writer.headings)
        text = clean_text(page.extract_text() or "")[0]
        if text.strip():
            writer.add(f"{text}\n\n")
        writer.end_section()
    return writer.document(str((reader.metadata and reader.metadata.title) or ""))


def _outline(reader: PdfReader) -> Iterator[tuple[int, tuple[tuple[int, str], ...]]]:
    """Yield the page of each bookmark of a PDF with the headings that hold from there on."""
    stack: list[tuple[int, Any]] = [(1, entry) for entry in reversed(reader.outline)]
    headings: tuple[tuple[int, str], ...] = ()
    while stack:
        level, entry = stack.pop()
        if isinstance(entry, list):
            stack += [(level + 1, each) for each in reversed(entry)]
            continue
        page = reader.get_destination_page_number(entry)
        if page is None or page < 0:
            continue
        title = " ".join(str(entry.title).split())[:MAX_TITLE]
        headings = (*(each for each in headings if each[0] < level), (level, title))
        yield page + 1, headings


def _read_docx(data: bytes, name: str) -> DocumentText:
    try:
        import docx
        from docx.table import Table
    except ImportError:
        raise MissingExtraError(
            f"reading {name} needs python-docx: pip install 'ebbinghaus-agentmem[docx]'"
        ) from None
    writer = _Writer()
    try:
        document = docx.Document(BytesIO(data))
        for block in document.iter_inner_content():
            if isinstance(block, Table):
                for row in block.rows:
                    writer.add(" | ".join(cell.text for cell in row.cells) + "\n")
                continue
            style = str(block.style.name) if block.style is not None else ""
            level = style.removeprefix("Heading ")
            if style == "Title" or (level.isdigit() and level != style):
                writer.heading(int(level) if level.isdigit() else 0, block.text)
            elif block.text.strip():
                writer.add(f"{clean_text(block.text)[0]}\n\n")
        title = document.core_properties.title
    except Exception as error:
        # python-docx lets errors of zipfile and lxml through, whatever they are.
        raise DataFormatError(f"{name} is not a readable DOCX file: {error}") from error
    first = next((s.headings[0] for s in writer.sections if s.headings), "")
    return writer.document(title or first)


SUFFIXES: dict[str, Callable[[bytes, str], DocumentText]] = {
    ".md": _read_markdown,
    ".markdown": _read_markdown,
    ".txt": _read_plain,
    ".text": _read_plain,
    ".html": _read_html,
    ".htm": _read_html,
    ".pdf": _read_pdf,
    ".docx": _read_docx,
}

"""Documents: read, cut along headings, found with their provenance, replaced and deleted."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from agentmem import (
    DataFormatError,
    EmptyTextError,
    Granularity,
    InMemoryStore,
    MemoryController,
    MemoryNotFoundError,
    Scope,
    StoreUnavailableError,
)
from agentmem.documents.chunking import chunks_of
from agentmem.documents.reading import read_file, read_text
from agentmem.embedding.embedder import Embedder, estimate_tokens
from agentmem.testing import ManualClock
from tests.agentmem.langchain.conftest import WordEmbeddings

HANDBOOK = """\
# Handbook

Welcome to the house.

## Kitchen

The oven heats to 250 degrees. The dishwasher needs salt once a month.

### Coffee

Descale the machine with citric acid.

## Garden

```
# this is code, not a heading
```

The key of the shed hangs behind the door.
"""


class CountingEmbeddings(WordEmbeddings):
    """Counts the texts that it embeds."""

    def __init__(self) -> None:
        super().__init__()
        self.embedded: list[str] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.embedded += texts
        return super().embed_documents(texts)


@pytest.fixture
def embeddings() -> CountingEmbeddings:
    return CountingEmbeddings()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def memory(embeddings: CountingEmbeddings, clock: ManualClock) -> Iterator[MemoryController]:
    store = InMemoryStore(Embedder(embeddings).spec)
    with MemoryController(
        store, scope=Scope("ada"), embeddings=embeddings, clock=clock, linger=None
    ) as memory:
        yield memory


def write_pdf(path: Path, pages: list[str], *, password: str | None = None) -> Path:
    """Write a PDF with a text layer, a line for each line of a page; no text for an empty page."""
    writer = PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for text in pages:
        page = writer.add_blank_page(width=600, height=800)
        lines = "".join(f"({line}) Tj 0 -14 Td " for line in text.splitlines())
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 11 Tf 40 760 Td {lines}ET".encode() if text else b"")
        page[NameObject("/Contents")] = writer._add_object(stream)
        fonts = DictionaryObject({NameObject("/F1"): writer._add_object(font)})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    writer.add_metadata({"/Title": "Annual report"})
    if len(pages) > 1:
        writer.add_outline_item(title="Results", page_number=1)
    if password is not None:
        writer.encrypt(password)
    buffer = io.BytesIO()
    writer.write(buffer)
    path.write_bytes(buffer.getvalue())
    return path


class TestReading:
    def test_markdown_has_sections_with_breadcrumbs(self) -> None:
        document = read_text(HANDBOOK)
        assert [section.headings for section in document.sections] == [
            ("Handbook",),
            ("Handbook", "Kitchen"),
            ("Handbook", "Kitchen", "Coffee"),
            ("Handbook", "Garden"),
        ]
        garden = document.sections[-1]
        assert "# this is code" in document.text[garden.start : garden.end]
        assert document.title == "Handbook"

    @pytest.mark.parametrize("ending", ["\r\n", "\n"])
    def test_offsets_of_markdown_hold_with_every_line_ending(
        self, tmp_path: Path, ending: str
    ) -> None:
        path = tmp_path / "handbook.md"
        path.write_bytes(HANDBOOK.replace("\n", ending).encode())
        document = read_file(path)
        coffee = document.sections[2]
        assert coffee.headings[-1] == "Coffee"
        assert document.text[coffee.start : coffee.end].strip().startswith("Descale")

    def test_html(self, tmp_path: Path) -> None:
        path = tmp_path / "page.html"
        path.write_text(
            "<html><head><title>Tea</title><script>alert('x')</script></head><body>"
            "<nav>Home</nav><h1>Green &amp; black</h1><p>Sencha is <b>green</b>.</p>"
            "<h2>Brewing</h2><ul><li>70 degrees</li><li>2 minutes</li></ul><!-- no --></body>"
        )
        document = read_file(path)
        assert document.title == "Tea"
        texts = [" ".join(document.text[s.start : s.end].split()) for s in document.sections]
        assert texts == ["Sencha is green.", "70 degrees 2 minutes"]
        assert document.sections[1].headings == ("Green & black", "Brewing")
        assert "alert" not in document.text
        assert "Home" not in document.text

    def test_deeply_nested_html(self, tmp_path: Path) -> None:
        path = tmp_path / "page.html"
        path.write_text("<div>" * 500 + "in the depths" + "</div>" * 500)
        assert read_file(path).text.strip() == "in the depths"

    def test_pdf_has_pages_and_bookmarks(self, tmp_path: Path) -> None:
        path = write_pdf(tmp_path / "report.pdf", ["We sell tea.", "Sales doubled.\nIn Porto."])
        document = read_file(path)
        assert document.title == "Annual report"
        assert [section.page for section in document.sections] == [1, 2]
        assert document.sections[1].headings == ("Results",)
        second = document.sections[1]
        assert "Sales doubled." in document.text[second.start : second.end]

    def test_pdf_without_a_text_layer(self, tmp_path: Path) -> None:
        path = write_pdf(tmp_path / "scan.pdf", ["", ""])
        with pytest.raises(DataFormatError, match="no text layer"):
            read_file(path)

    def test_encrypted_pdf(self, tmp_path: Path) -> None:
        path = write_pdf(tmp_path / "secret.pdf", ["We sell tea."], password="secret")
        with pytest.raises(DataFormatError, match="encrypted"):
            read_file(path)

    def test_docx(self, tmp_path: Path) -> None:
        docx = pytest.importorskip("docx", reason="python-docx is not installed")
        written = docx.Document()
        written.add_heading("Handbook", level=1)
        written.add_paragraph("Welcome to the house.")
        written.add_heading("Kitchen", level=2)
        table = written.add_table(rows=1, cols=2)
        table.cell(0, 0).text, table.cell(0, 1).text = "oven", "250 degrees"
        path = tmp_path / "handbook.docx"
        written.save(str(path))
        document = read_file(path)
        assert [section.headings for section in document.sections] == [
            ("Handbook",),
            ("Handbook", "Kitchen"),
        ]
        assert "oven | 250 degrees" in document.text

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("broken.pdf", b"%PDF-1.7 nothing of the kind", "not a readable PDF"),
            ("empty.pdf", b"", "not a readable PDF"),
            ("broken.docx", b"PK\x03\x04 not a zip", "not a readable DOCX"),
            ("latin.txt", "Größe".encode("latin-1"), "not UTF-8"),
            ("empty.md", b" \n", "no text"),
            ("empty.html", b"<p></p>", "no text"),
        ],
    )
    def test_damaged_files(self, tmp_path: Path, name: str, content: bytes, message: str) -> None:
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(DataFormatError, match=message):
            read_file(path)

    def test_missing_file(self, memory: MemoryController, tmp_path: Path) -> None:
        with pytest.raises(StoreUnavailableError, match=r"missing\.md"):
            memory.add_document(str(tmp_path / "missing.md"))
        with pytest.raises(EmptyTextError):
            memory.add_document("  \n ")
        assert memory.get_all() == []


class TestChunking:
    def test_chunks_cover_the_text_and_fit_the_window(self) -> None:
        paragraphs = "\n\n".join(
            f"Paragraph {n} tells of the garden. " * (n % 9 + 1) for n in range(60)
        )
        document = read_text(f"# Garden\n\n{paragraphs}\n\n## Roses\n\n{'rose ' * 900}")
        chunks = chunks_of(document, "Garden", 100, estimate_tokens)
        assert all(estimate_tokens(chunk.text) <= 100 for chunk in chunks)
        for one, other in pairwise(chunks):
            assert not document.text[one.end : other.start].replace("## Roses", "").strip()
        for chunk in chunks:
            assert chunk.text.endswith(document.text[chunk.start : chunk.end])
        assert {chunk.section for chunk in chunks} == {"Garden", "Garden > Roses"}

    def test_a_text_without_spaces(self) -> None:
        chunks = chunks_of(read_text("\u8336" * 1000), "", 50, estimate_tokens)
        assert sum(len(chunk.text) for chunk in chunks) == 1000
        assert all(estimate_tokens(chunk.text) <= 50 for chunk in chunks)


class TestInMemory:
    def test_a_chunk_has_its_provenance(self, memory: MemoryController, tmp_path: Path) -> None:
        path = tmp_path / "handbook.md"
        path.write_text(HANDBOOK)
        memory.add("I like the garden.", session_id="s1")
        document = memory.add_document(path, metadata={"project": "house"})
        hit = memory.search("key of the shed", k=1, reinforce=False)[0].memory
        origin = hit.metadata["document"]
        assert hit.role == "document"
        assert hit.text.endswith(HANDBOOK[origin["start"] : origin["end"]])
        assert (origin["section"], origin["page"]) == ("Handbook > Garden", None)
        assert (origin["title"], origin["source"]) == ("Handbook", str(path))
        assert hit.metadata["project"] == "house"
        chunks = memory.get_all(session_id=document.session_id, limit=None)
        assert {chunk.id for chunk in chunks} == set(document.chunks)
        hits = memory.search("garden", filter={"document.title": "Handbook"}, reinforce=False)
        assert {h.memory.role for h in hits} == {"document"}
        assert "shed" in memory.recall("Where is the key of the shed?").text

    def test_changed_texts_are_embedded(
        self, memory: MemoryController, embeddings: CountingEmbeddings
    ) -> None:
        first = memory.add_document(HANDBOOK, source="handbook")
        memory.search("citric acid")
        memory.flush()
        embeddings.embedded.clear()
        edited = HANDBOOK.replace("250", "275").replace("# Handbook\n", "# Handbook\n\nNew.\n", 1)
        second = memory.add_document(edited, source="handbook")
        assert second.id == first.id
        assert (second.added, second.removed) == (2, 2)
        assert len(embeddings.embedded) == 2
        chunks = memory.get_all(session_id=second.session_id, limit=None)
        assert len(chunks) == len(second.chunks) == 4
        for chunk in chunks:
            origin = chunk.metadata["document"]
            assert chunk.text.endswith(edited[origin["start"] : origin["end"]])
        coffee = memory.search("citric acid", k=1, reinforce=False)[0].memory
        assert coffee.recall_count == 1
        assert not any("250" in chunk.text for chunk in memory.get_all(limit=None))
        embeddings.embedded.clear()
        assert memory.add_document(edited, source="handbook").added == 0
        assert embeddings.embedded == []

    def test_a_thousand_pages(
        self, memory: MemoryController, embeddings: CountingEmbeddings
    ) -> None:
        pages = [f"## Page {n}\n\n{f'sentence {n} of the book. ' * 60}" for n in range(1000)]
        memory.add_document("\n\n".join(["# Book", *pages]), source="book")
        embeddings.embedded.clear()
        pages[500] = pages[500].replace("book", "novel", 1)
        changed = memory.add_document("\n\n".join(["# Book", *pages]), source="book")
        assert changed.added == changed.removed == len(embeddings.embedded) <= 2
        assert memory.check().ok

    def test_deleting_deletes_all(self, memory: MemoryController) -> None:
        memory.add("I like tea.", session_id="s1")
        document = memory.add_document(HANDBOOK, source="handbook")
        assert [d.source for d in memory.documents()] == ["handbook"]
        deletion = memory.delete_document("handbook")
        assert set(deletion.deleted) == set(document.chunks)
        assert [m.text for m in memory.get_all()] == ["I like tea."]
        assert memory.documents() == []
        with pytest.raises(MemoryNotFoundError, match="documents"):
            memory.delete_document(document.id)

    def test_expires(self, memory: MemoryController, clock: ManualClock) -> None:
        memory.add_document(HANDBOOK, expires_at=clock() + timedelta(days=1))
        clock.advance(days=2)
        assert not memory.search("oven")
        assert memory.documents() == []

    def test_never_becomes_a_fact_about_anybody(
        self, memory: MemoryController, clock: ManualClock
    ) -> None:
        memory.add("It rained all day.", session_id="s1")
        memory.add_document("# Letter\n\nI live in Lisbon. My name is Eve. I am allergic to nuts.")
        memory.end_session("s1")
        memory.consolidate()
        assert memory.facts() == []
        assert memory.profile() == []
        assert [event.text for event in memory.timeline()] == ["It rained all day."]
        assert memory.get_all(granularity=Granularity.TOPIC) == []

    def test_does_not_fade(self, memory: MemoryController, clock: ManualClock) -> None:
        memory.add_document(HANDBOOK)
        clock.advance(days=3650)
        hits = memory.search("citric acid", k=1)
        assert not hits[0].archived

    def test_before_write_sees_each_chunk(self, embeddings: CountingEmbeddings) -> None:
        from dataclasses import replace

        store = InMemoryStore(Embedder(embeddings).spec)
        with MemoryController(
            store,
            scope=Scope("ada"),
            embeddings=embeddings,
            before_write=lambda d: (
                None if "Garden" in d.text else replace(d, text=d.text.replace("250", "***"))
            ),
        ) as memory:
            memory.add_document(HANDBOOK)
            texts = "\n".join(m.text for m in memory.get_all())
        assert "***" in texts
        assert "250" not in texts
        assert "shed" not in texts

    def test_belongs_to_one_owner(self, memory: MemoryController) -> None:
        memory.add_document(HANDBOOK, source="handbook")
        assert memory.documents(scope=Scope("ben")) == []
        assert not memory.search("oven", scope=Scope("ben"))
        with pytest.raises(MemoryNotFoundError):
            memory.delete_document("handbook", scope=Scope("ben"))

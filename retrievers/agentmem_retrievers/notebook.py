"""Tables for notebooks."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

__all__ = ["html_table"]

# Characters of a cell; more than anybody reads in a table.
_MAX_CELL = 500


def html_table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose texts are escaped; the last column has the longest.

    >>> html_table("<b>", ["text"], [["a & b"]])
    "<table><caption>&lt;b&gt;</caption><thead><tr><th>text</th></tr></thead>\
<tbody><tr><td style='text-align:left'>a &amp; b</td></tr></tbody></table>"
    """
    head = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    return (
        f"<table><caption>{html.escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def _cells(row: Sequence[str]) -> str:
    *short, text = (html.escape(cell[:_MAX_CELL]) for cell in row)
    cells = "".join(f"<td>{cell}</td>" for cell in short)
    return f"{cells}<td style='text-align:left'>{text}</td>"

"""Documents: files read as text with headings and pages, and written as memories in chunks."""

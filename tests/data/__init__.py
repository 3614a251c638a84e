"""Stores as released versions wrote them: `python -m tests.data` writes that of the present one."""

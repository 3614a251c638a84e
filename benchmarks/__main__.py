"""`python -m benchmarks`: measure cost and fit weights."""

from __future__ import annotations

import benchmarks.cli.bench
import benchmarks.cli.crowd
import benchmarks.cli.fit
import benchmarks.cli.partitions  # noqa: F401
from benchmarks.cli.app import app

app(prog_name="python -m benchmarks")

"""Measuring cost: what memory takes on top of the bare vector database under it.

Every figure is a ratio to a floor that is measured in turns with it, in the same run.
"""

from ._corpus import *
from ._crowd import *
from ._measure import *
from ._partitions import *
from ._plot import *
from ._run import *
from ._settings import *
from ._stages import *

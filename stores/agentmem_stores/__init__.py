"""Where memories live: the records, the store seam and its implementations."""

from ._chroma import *
from ._copying import *
from ._directory import is_vacant as is_vacant
from ._errors import *
from ._inmemory import *
from ._records import *
from ._seam import *

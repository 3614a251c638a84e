"""Measuring memory: data sets, generated tests, and what each part of the search is worth.

Everything goes through `add`, `end_session` and `search`. A `Task` says what is told and asked;
`run` does it, and `report` sums it up.
"""

from ._ablation import *
from ._abstention import *
from ._answers import *
from ._cache import *
from ._fit import *
from ._happenings import *
from ._listwise import *
from ._metrics import *
from ._models import *
from ._needle import *
from ._plot import *
from ._ranking import *
from ._reflection import *
from ._report import *
from ._run import *
from ._tables import *
from ._tasks import *
from ._updates import *

"""Memory records, the store interface and its implementations."""

from agentmem_stores.chroma.files.directory import is_vacant as is_vacant
from agentmem_stores.chroma.store import *
from agentmem_stores.copying import *
from agentmem_stores.errors import *
from agentmem_stores.in_memory import *
from agentmem_stores.records import *
from agentmem_stores.store import *

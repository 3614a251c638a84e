"""The dependencies of routes: who calls, on which memories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request

from agentmem.controller import MemoryController
from agentmem.provenance import provenance
from agentmem.server.auth import Principal
from agentmem_stores import Scope

__all__ = ["Caller", "ReadAccess", "WriteAccess", "read_access", "write_access"]


@dataclass(frozen=True)
class Caller:
    """A controller, and the only scope that the request may use it with."""

    memory: MemoryController
    principal: Principal

    @property
    def scope(self) -> Scope:
        """The scope to pass to every method of the controller."""
        return self.principal.scope

    @property
    def source(self) -> str:
        """The name of the client; empty for requests with the token of the store's folder."""
        return "" if self.principal.local else self.principal.client

    @property
    def provenance(self) -> dict[str, Any]:
        """Metadata of what it writes; a message cannot claim to come from elsewhere.

        The user operates the command line and the page, so these add nothing.
        """
        if self.principal.local or self.principal.client == "page":
            return {}
        return provenance("api", self.principal.client)


async def read_access(request: Request) -> Caller:
    """Return who makes a request."""
    return Caller(request.app.state.server.memory, request.state.principal)


async def write_access(request: Request) -> Caller:
    """Return who makes a request that changes memories.

    Raises:
        HTTPException: 403, the token may only read.
    """
    caller = await read_access(request)
    if caller.principal.read_only:
        raise HTTPException(403, "this token may only read")
    return caller


ReadAccess = Annotated[Caller, Depends(read_access)]
WriteAccess = Annotated[Caller, Depends(write_access)]

"""agentmem in the places that other agent frameworks have for a memory.

One module for each framework, over public methods only; each needs that framework's package, which
no extra but its own installs.
"""

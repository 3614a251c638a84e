"""Hooks of coding agents: recall at a prompt, ingest at the end; and their installation.

- `events` parses events; `remote` and `store` answer them, over a server or with an open store.
- `startup` runs `mcp` and `hook` without the imports of the command line.
- `install` writes the settings files that `clients` describes.
"""

"""The command line: `agentmem`, the same as `python -m agentmem`.

`app` assembles the modules of `commands/`, `options` holds what they share, `terminal` prints
safely, `render` lays out memories, `chat/` is the chatbot. Modules import heavy packages inside
functions, so that `--help` stays fast.
"""

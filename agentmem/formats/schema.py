"""Validate entries of data files with pydantic; every error names the file, entry and field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, TypeAdapter
from pydantic import ValidationError as PydanticError
from pydantic_core import PydanticCustomError

from agentmem_stores import DataFormatError
from agentmem_stores.records import is_unicode

__all__ = [
    "Answer",
    "FileEntry",
    "FileModel",
    "Name",
    "Text",
    "expected",
    "first_error",
    "parse_with",
]

_T = TypeVar("_T")

# What pydantic calls "Input should be a valid dictionary or instance of ..." and the like, in terms
# of JSON. Errors of other types keep pydantic's wording.
_EXPECTED = {
    "missing": "this field",
    "string_type": "a string",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
}
# Long values are cut off, so that a message stays a line or two.
_MAX_SHOWN = 80


class FileModel(BaseModel):
    """Base of the models of file entries: no coercion, unknown fields are ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


@dataclass(frozen=True)
class FileEntry:
    """An object of a data file that has not been validated yet, and where it stands.

    Attributes:
        value: the parsed JSON object.
        file: the path of the file.
        label: which entry it is, such as `entry [2] (conv-42)` or `line 7`.
    """

    value: dict[str, Any]
    file: str
    label: str

    def named_by(self, field: str) -> FileEntry:
        """Return the entry with the text of a field added to its label, if there is one."""
        name = self.value.get(field)
        if not isinstance(name, str) or not name.strip():
            return self
        return replace(self, label=f"{self.label} ({name})")

    def parse(self, schema: TypeAdapter[_T], *path: str) -> _T:
        """Validate the entry, or the value at a path of keys within it.

        Raises:
            DataFormatError: a key of the path is missing, or the value does not fit the schema.
        """
        value: Any = self.value
        for depth, key in enumerate(path):
            if key not in value:
                raise self.error(".".join(path[: depth + 1]), "this field", None)
            value = value[key]
        try:
            return schema.validate_python(value)
        except PydanticError as error:
            field, problem = first_error(error, *path)
            raise self._error(field, problem) from None

    def error(self, field: str, wanted: str, actual: Any) -> DataFormatError:
        """Return the error that says what a field should hold, and what it does hold."""
        return self._error(field, f"expected {wanted}, found {_shorten(actual)}")

    def _error(self, field: str, problem: str) -> DataFormatError:
        where = f", field {field}" if field else ""
        return DataFormatError(f"{self.file}, {self.label}{where}: {problem}")


def first_error(error: PydanticError, *path: str) -> tuple[str, str]:
    """Return the field of the first validation error, such as `qa[1].text`, and what is wrong.

    Args:
        path: keys that lead to the value that was validated.
    """
    details = error.errors()[0]
    parts = [*path, *details["loc"]]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    # Keys come from the file, so they may be long or hold control characters.
    field = _shorten(field.removeprefix("."))[1:-1]
    if details["type"] == "value_error":
        return field, str(details["ctx"]["error"])
    if details["type"] == "extra_forbidden":
        return field, "there is no such field"
    if details["type"] == "expected":
        wanted = str(details["ctx"]["what"])
    else:
        default = details["msg"].removeprefix("Input should be ")
        wanted = _EXPECTED.get(details["type"], default)
    actual = None if details["type"] == "missing" else details["input"]
    return field, f"expected {wanted}, found {_shorten(actual)}"


def expected(what: str) -> PydanticCustomError:
    """Return the error to raise in a validator that wants something else."""
    return PydanticCustomError("expected", "expected {what}", {"what": what})


def parse_with(parse: Callable[[str], object], wanted: str) -> BeforeValidator:
    """Return a validator that parses a string.

    Args:
        parse: raises ValueError for a string that it cannot parse.
        wanted: what the field should hold, for the error message.
    """

    def validate(value: object) -> object:
        try:
            if isinstance(value, str):
                return parse(value)
        except (ValueError, OverflowError):
            pass
        raise expected(wanted)

    return BeforeValidator(validate)


def _require_unicode(text: str) -> str:
    if not is_unicode(text):
        raise expected("text without lone surrogates")
    return text


def _require_name(text: str) -> str:
    if not text.strip():
        raise expected("a string that is not blank")
    return text


def _answer_text(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise expected("a string or a number")
    return value


# A string, which may be blank. JSON can spell half of a surrogate pair, which no store can hold.
Text = Annotated[str, AfterValidator(_require_unicode)]
# A string that is not blank, with its spaces as they are in the file.
Name = Annotated[Text, AfterValidator(_require_name)]
# A string, or a number as text.
Answer = Annotated[Text, BeforeValidator(_answer_text)]


def _shorten(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None:
        return "nothing"
    text = ascii(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 3]}..."

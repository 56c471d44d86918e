"""Lets documents that Likeness wrote be read by an older version: fields and values that it doesn't know are kept.

While a deployment is updated, newer processes write what older ones read, and sometimes write back. A document of a
caller's is never read like this.
"""

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError
from pydantic_core import CoreSchema, core_schema

Resolve = Callable[[CoreSchema], CoreSchema]

TOLERANT = object()
"""The validation's context where values may be unknown."""

# The parts of a schema that are schemas again, or hold some.
_PARTS = ("schema", "items_schema", "keys_schema", "values_schema", "choices", "steps")


def make_tolerant(model: CoreSchema, resolve: Resolve) -> None:
    """Changes a model's schema in place. In the context `TOLERANT`, its enumerations of words take any text, which
    stays a plain `str`. Fields that aren't the model's, if it was told to keep any, are in its JSON.

    `resolve` returns what a reference to another schema stands for.
    """
    schema: Any = resolve(model)
    while schema["type"] != "model":
        # A validator of the whole model.
        schema = schema["schema"]
    if "serialization" in schema:
        # It was changed when its class was made, and is used in another schema now.
        return
    _open_words(schema, resolve)
    schema["serialization"] = core_schema.wrap_serializer_function_ser_schema(_with_unknown)


def _open_words(schema: Any, resolve: Resolve) -> None:
    if schema["type"] == "model-fields":
        for field in schema["fields"].values():
            _open_words(field, resolve)
        return
    for part in _PARTS:
        inner = schema.get(part)
        if isinstance(inner, list):
            # A union's choices may be pairs with a label.
            inner[:] = [
                (_opened(one[0], resolve), one[1]) if isinstance(one, tuple) else _opened(one, resolve)
                for one in inner
            ]
        elif isinstance(inner, dict):
            schema[part] = _opened(inner, resolve)


def _opened(schema: Any, resolve: Resolve) -> Any:
    meant: Any = resolve(schema)
    if meant["type"] == "function-wrap" and meant["function"]["function"] is _known_or_text:
        return schema
    is_words = (
        all(isinstance(word, str) for word in meant["expected"])
        if meant["type"] == "literal"
        else meant["type"] == "enum" and meant.get("sub_type") == "str"
    )
    if is_words:
        return core_schema.with_info_wrap_validator_function(
            # Otherwise, a value that isn't in the enumeration is written with a warning.
            _known_or_text,
            schema,
            serialization=core_schema.simple_ser_schema("any"),
        )
    # Another document was changed when its class was made.
    if meant["type"] != "model":
        _open_words(meant, resolve)
    return schema


def _known_or_text(value: Any, known: Callable[[Any], Any], info: core_schema.ValidationInfo) -> Any:
    try:
        return known(value)
    except ValidationError:
        if info.context is TOLERANT and isinstance(value, str):
            return value
        raise


def _with_unknown(document: Any, known: Callable[[Any], Any]) -> Any:
    data = known(document)
    return data | document.__pydantic_extra__ if document.__pydantic_extra__ else data

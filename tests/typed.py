"""Hypothesis strategies for whole Struct classes, read from their types: a new event has data at once."""

from functools import cache
from typing import Any

from hypothesis import strategies as st
from msgspec import Struct, inspect

# Lone surrogates are no Unicode text; encode() refuses them, and a test of its own says so.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@cache
def made(struct: type[Struct]) -> st.SearchStrategy[Any]:
    """Any value of *struct*, each field drawn from all that its type admits."""
    kind = inspect.type_info(struct)
    assert isinstance(kind, inspect.StructType)
    return st.builds(struct, **{field.name: _any(field.type) for field in kind.fields})


def _any(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.StrType():
            return TEXT
        case inspect.IntType(ge=low, le=high):
            return st.integers(-1 if low is None else low, 60 if high is None else high)
        case inspect.BoolType():
            return st.booleans()
        case inspect.FloatType(ge=low, le=high):
            return st.floats(low, high, allow_nan=False, allow_infinity=False)
        case inspect.NoneType():
            return st.none()
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.UnionType(types=types):
            return st.one_of(*map(_any, types))
        case inspect.VarTupleType(item_type=item):
            return st.lists(_any(item), max_size=3).map(tuple)
        case inspect.TupleType(item_types=items):
            return st.tuples(*map(_any, items))
        case inspect.StructType(cls=cls):
            return made(cls)
    raise TypeError(f"no test data for {kind}")

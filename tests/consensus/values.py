"""Hypothesis strategies for JSON values, the awkward ones first."""

from __future__ import annotations

from hypothesis import strategies as st


def joined(text: str) -> str:
    """Surrogates that stand as a pair become the character they stand for, as in any text that was
    ever decoded; lone ones stay."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


# A lone surrogate survives `surrogatepass` both ways; a pair comes back as one character.
strings = st.text(st.characters(exclude_categories=()), max_size=12).map(joined)
integers = st.one_of(
    st.integers(),
    st.integers(-(10**400) + 1, 10**400 - 1),
    st.sampled_from([2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**53) - 1, 10**20, 10**22]),
)
floats = st.one_of(
    st.floats(),
    st.sampled_from([-0.0, 1e21, 1e20, 1e16, 1e-6, 1e-7, 5e-324, 1.7976931348623157e308]),
    st.sampled_from([float("nan"), float("inf"), float("-inf"), 1506057125.900785, 5.0]),
)
scalars = st.one_of(st.none(), st.booleans(), integers, floats, strings)
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5), st.dictionaries(strings, inner, max_size=5)
    ),
    max_leaves=20,
)

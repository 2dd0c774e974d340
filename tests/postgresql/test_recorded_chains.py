"""The recorded chains of all dialects are judged, kept and served on PostgreSQL as on SQLite."""

from __future__ import annotations

from tests.network.test_recorded_chains import (
    conf,
    test_a_node_of_its_dialect_adopts_it,
    test_irregular_transactions_are_marked_and_move_nothing,
    test_it_is_served_again_character_for_character,
)

__all__ = [
    "conf",
    "test_a_node_of_its_dialect_adopts_it",
    "test_irregular_transactions_are_marked_and_move_nothing",
    "test_it_is_served_again_character_for_character",
]

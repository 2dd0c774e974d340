"""Reorganisations, marks and repairs on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.node.test_invalidation import (
    conf,
    test_a_block_that_was_set_aside_as_damaged_is_no_branch_to_go_to,
    test_a_branch_that_is_as_long_is_preferred_on_request,
    test_down_to_the_genesis_and_back,
    test_invalidate_and_reconsider_return_to_the_same_tip_with_every_transaction,
)
from tests.node.test_reorganisations import (
    test_a_crash_at_any_statement_of_a_reorganisation_changes_nothing,
    test_an_entry_below_a_block_that_has_ours_is_not_ours_too,
)
from tests.node.test_verification import (
    test_a_sound_chain_is_called_sound_and_counted,
    test_a_wrong_or_missing_inclusion_is_found_in_its_block,
)
from tests.node.test_verifying_texts import (
    chain,
    every_fault_is_told,
    test_a_sound_chain_is_sound_in_each_dialect,
    test_regular_blocks_are_looked_at_one_by_one_only_beside_those_that_are_not,
)

pytestmark = pytest.mark.usefixtures("unblocked")

__all__ = [
    "chain",
    "conf",
    "every_fault_is_told",
    "test_a_block_that_was_set_aside_as_damaged_is_no_branch_to_go_to",
    "test_a_branch_that_is_as_long_is_preferred_on_request",
    "test_a_crash_at_any_statement_of_a_reorganisation_changes_nothing",
    "test_a_sound_chain_is_called_sound_and_counted",
    "test_a_sound_chain_is_sound_in_each_dialect",
    "test_a_wrong_or_missing_inclusion_is_found_in_its_block",
    "test_an_entry_below_a_block_that_has_ours_is_not_ours_too",
    "test_down_to_the_genesis_and_back",
    "test_invalidate_and_reconsider_return_to_the_same_tip_with_every_transaction",
    "test_regular_blocks_are_looked_at_one_by_one_only_beside_those_that_are_not",
]

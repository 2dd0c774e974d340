"""Importing this registers every table with the admin's site.

The package itself must not: the site is in it, and is made when Django first looks for it.
"""

from . import accounts, blocks, peers, records, tokens, transactions

__all__ = ["accounts", "blocks", "peers", "records", "tokens", "transactions"]

"""Django's backend for PostgreSQL, and what a node needs beyond it."""

"""This node among others: who they are, what they say, and what becomes of it. See README.md."""

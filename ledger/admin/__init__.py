"""The operator's admin: history as it is, for reading only, and the acts on a running node.

Everything is read through pages that cost the same on any chain (`lists`), everything others wrote
is shown as text with nothing hidden in it (`showing`), and everything done goes through
`ledger.node.operator` and leaves a line in the admin's history (`running`).
"""

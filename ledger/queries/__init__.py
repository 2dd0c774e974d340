"""Named questions to the database, for pages, API and admin. They read and never write.

No answer costs more on a longer chain: everything is reached through an index and bounded by a
limit. Pages of rows are keyset pages: they continue behind a row, not after a count.
"""

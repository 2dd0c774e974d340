"""Several processes on one database: one has the duties, the others serve and ask it.

Everything they tell each other is a row, written before anybody waits for it. What wakes them
(`wakeups`) saves time and may fail at any moment.
"""

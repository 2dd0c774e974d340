"""Who may do what from where.

`policy` holds it as data, `visitor` tells who asks, `explanation` says it in words. What is asked
of each request on its way in is `chainsite.access`.
"""

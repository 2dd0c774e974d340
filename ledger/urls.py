"""The pages."""

from django.urls import path

from .views import (
    addresses,
    blocks,
    dashboard,
    forks,
    language,
    peers,
    pool,
    search,
    statistics,
    transactions,
)

app_name = "ledger"
urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("mining", dashboard.start_mining, name="start-mining"),
    path("mining/cancel", dashboard.cancel_mining, name="cancel-mining"),
    path("transactions", dashboard.submit_transaction, name="submit-transaction"),
    path("language", language.choose, name="language"),
    path("blocks", blocks.index, name="blocks"),
    path("pool", pool.index, name="pool"),
    path("forks", forks.index, name="forks"),
    path("peers", peers.index, name="peers"),
    path("charts", statistics.index, name="statistics"),
    path("search", search.index, name="search"),
]

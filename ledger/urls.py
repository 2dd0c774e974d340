"""The pages."""

from django.urls import path

from .views import (
    addresses,
    blocks,
    dashboard,
    favicon,
    feeds,
    forks,
    language,
    peers,
    pool,
    robots,
    search,
    statistics,
    transactions,
)

app_name = "ledger"
urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("kiosk", dashboard.kiosk, name="kiosk"),
    path("favicon.svg", favicon.favicon, name="favicon"),
    path("mining", dashboard.start_mining, name="start-mining"),
    path("mining/cancel", dashboard.cancel_mining, name="cancel-mining"),
    path("transactions", dashboard.submit_transaction, name="submit-transaction"),
    path("language", language.choose, name="language"),
    path("blocks", blocks.index, name="blocks"),
    path("blocks.atom", feeds.newest_blocks, name="feed"),
    path("robots.txt", robots.robots, name="robots"),
    path("badge.svg", feeds.badge, name="badge"),
    path("block/<str:reference>", blocks.block, name="block"),
    path("block/<str:reference>/raw", blocks.raw, name="block-raw"),
    path("tx/<uuid:uid>", transactions.life, name="transaction"),
    path("tx/<str:digest>/<int:position>", transactions.entry, name="entry"),
    path("address", addresses.address, name="address-by-name"),
    path("address/<path:name>", addresses.address, name="address"),
    path("qr", addresses.code, name="code-by-name"),
    path("qr/<path:name>", addresses.code, name="code"),
    path("pool", pool.index, name="pool"),
    path("forks", forks.index, name="forks"),
    path("reorganisation/<int:pk>", forks.reorganisation, name="reorganisation"),
    path("peers", peers.index, name="peers"),
    path("peers/register", peers.register, name="register-peer"),
    path("peers/resolve", peers.resolve, name="resolve"),
    path("charts", statistics.index, name="statistics"),
    path("charts.csv", statistics.csv, name="charts-csv"),
    path("search", search.index, name="search"),
    path("search/suggest", search.suggest, name="suggest"),
]

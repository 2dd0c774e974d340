"""The pages."""

from django.urls import path

from .views import dashboard

app_name = "ledger"
urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("mining", dashboard.start_mining, name="start-mining"),
    path("mining/cancel", dashboard.cancel_mining, name="cancel-mining"),
    path("transactions", dashboard.submit_transaction, name="submit-transaction"),
]

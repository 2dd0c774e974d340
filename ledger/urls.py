"""The pages."""

from django.urls import path

from . import views

app_name = "ledger"
urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("mining", views.start_mining, name="start-mining"),
    path("mining/cancel", views.cancel_mining, name="cancel-mining"),
    path("transactions", views.submit_transaction, name="submit-transaction"),
]

"""The pages. They read through `ledger.live.frames` and act through `ledger.node`."""
from django.http import HttpResponse
async def dashboard(request): return HttpResponse("x")
start_mining = cancel_mining = submit_transaction = dashboard

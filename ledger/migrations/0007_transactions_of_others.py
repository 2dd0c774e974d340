"""Transactions of other nodes come into the pool beside our own.

Those that are there keep their order. Where a reorganisation came after one, nothing says above
which block it may stand: then it is above the lowest block that any of them left.
"""

from django.db import migrations, models
from django.db.models import F, Max, Min, Q
from django.db.models.functions import Least

from ledger import triggers


def lift_triggers(apps, schema_editor):
    """SQLite drops them with the tables it remakes; all are put in place after `migrate`."""
    triggers.remove(schema_editor.connection)


def number(apps, schema_editor):
    alias = schema_editor.connection.alias
    transactions = apps.get_model("ledger", "Transaction").objects.using(alias)
    change = (
        apps.get_model("ledger", "Reorganisation")
        .objects.using(alias)
        .aggregate(lowest=Min("fork_index"), last=Max("at"))
    )
    transactions.update(entered=F("id"), floor=F("promised_index") - 1)
    if change["last"]:
        earlier = transactions.filter(submitted_at__lte=change["last"])
        earlier.update(floor=Least(F("floor"), change["lowest"]))


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0006_peers_kind_and_health"),
    ]

    operations = [
        migrations.RunPython(lift_triggers, migrations.RunPython.noop),
        migrations.AddField(
            model_name="transaction",
            name="entered",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="transaction",
            name="floor",
            field=models.BigIntegerField(null=True),
        ),
        migrations.RunPython(number, migrations.RunPython.noop),
        migrations.AddField(
            model_name="transaction",
            name="relayed_by",
            field=models.CharField(
                blank=True, default="", help_text="the peer it came from", max_length=300
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="transaction",
            name="entered",
            field=models.BigIntegerField(unique=True),
        ),
        migrations.AlterField(
            model_name="transaction",
            name="floor",
            field=models.BigIntegerField(help_text="it came after the active block of this index"),
        ),
        migrations.AlterField(
            model_name="transaction",
            name="state",
            field=models.CharField(
                choices=[
                    ("pending", "pending"),
                    ("confirmed", "confirmed"),
                    ("returned", "returned to the pool by a reorganisation"),
                    ("released", "left to the node that acknowledged it, by a reorganisation"),
                    ("refused", "refused"),
                ],
                default="pending",
                max_length=9,
            ),
        ),
        migrations.AlterField(
            model_name="reorganisedtransaction",
            name="effect",
            field=models.CharField(
                choices=[
                    ("returned", "returned to the pool"),
                    ("confirmed", "confirmed on the new branch"),
                    ("released", "left to the node that acknowledged it"),
                ],
                max_length=9,
            ),
        ),
        migrations.RemoveConstraint(model_name="transaction", name="transaction_state_known"),
        migrations.AddConstraint(
            model_name="transaction",
            constraint=models.CheckConstraint(
                condition=Q(state__in=["pending", "confirmed", "returned", "released", "refused"]),
                name="transaction_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="transaction",
            constraint=models.CheckConstraint(
                condition=~Q(relayed_by="", state="released"),
                name="transaction_released_is_relayed",
            ),
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=Q(state="released"), fields=["entered"], name="transaction_released"
            ),
        ),
        migrations.AddIndex(
            model_name="inclusion",
            index=models.Index(
                fields=["sender", "recipient", "amount", "index", "position"],
                name="inclusion_content",
            ),
        ),
    ]

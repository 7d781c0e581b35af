from importlib.resources import files

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = []

    operations = [
        migrations.RunSQL(
            (files("monolith.events.brokers") / "migrations" / "0001_log.sql").read_text(),
            "DROP TABLE claim, consumer, message, log",
        )
    ]

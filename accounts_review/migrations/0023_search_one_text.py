"""One text to search in, and one index of it of half the size; no figures about columns that nothing else looks into."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import migrations, models
from django.db.models.functions.text import Upper

NAMES = ("display_name", "first_name", "last_name")


def statistics(target: int) -> str:
    columns = ", ".join(f"ALTER COLUMN {name} SET STATISTICS {target}" for name in NAMES)
    return f"ALTER TABLE accounts_review_account {columns}"


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0022_judge_what_differs")]
    operations = [
        migrations.RunSQL(statistics(0), statistics(-1)),
        migrations.RemoveIndex("account", "account_search"),
        migrations.AddIndex(
            "account",
            GinIndex(
                OpClass(
                    Upper(
                        models.Func(
                            *("username", "email", *NAMES),
                            template="(%(expressions)s)",
                            arg_joiner=" || E'\\n' || ",
                            output_field=models.TextField(),
                        )
                    ),
                    name="gin_trgm_ops",
                ),
                name="account_search",
            ),
        ),
    ]

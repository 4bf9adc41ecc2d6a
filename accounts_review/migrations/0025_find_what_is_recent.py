"""What every run of e-mails asks for is found by an index of its own, however much was before."""

from django.db import migrations, models
from django.db.models import Q

EMAILS = ("case.noticed", "case.reminded", "case.closing_told", "case.kept_told", "email.tested")


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0024_fewer_indexes")]
    operations = [
        migrations.AddIndex(
            "auditentry",
            models.Index(fields=["workspace", "at"], condition=Q(kind__in=EMAILS), name="audit_emails"),
        ),
        migrations.AddIndex(
            "case", models.Index(fields=["cleanup"], condition=Q(outcome__has_key="taken"), name="case_taken")
        ),
    ]

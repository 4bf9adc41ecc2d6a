"""The app's registration with Django."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsReviewConfig(AppConfig):
    name = "accounts_review"
    verbose_name = "Accounts review"

    def ready(self) -> None:
        from accounts_review.models import ensure_roles

        post_migrate.connect(ensure_roles, sender=self)

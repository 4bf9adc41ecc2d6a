"""Settings of the portal, read from the environment: every variable is described in docs/settings.md.

On a loopback address nothing is required. As soon as ``ALLOWED_HOSTS`` names another host, what a public
installation needs must be set, and what is missing or malformed is refused by name.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from cleanup_portal import address, demo_clock, oidc, secret_keys, serve, signin_forms
from cleanup_portal import environment as env
from cleanup_portal.database_roles import derived_password
from cleanup_portal.logs import FORMATS, configuration, configure_structlog

BASE_DIR = Path(__file__).resolve().parent.parent
# Counted from here, so that processes with different working directories mean the same folder.
DATA_DIR = BASE_DIR / (env.text("DATA_DIR", default="") or "var")
LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]

ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", default=LOOPBACK)
# A public installation answers to its own names alone.
IS_PUBLIC = not set(ALLOWED_HOSTS) <= set(LOOPBACK)
if not IS_PUBLIC:
    ALLOWED_HOSTS = LOOPBACK
DEBUG = env.flag("DEBUG", default=False)
DEFAULT_EXCEPTION_REPORTER_FILTER = "cleanup_portal.error_pages.WithoutValues"
SECRET_KEY = secret_keys.secret_key(required=IS_PUBLIC, kept_in=DATA_DIR / "secret_key")
# Links in mails that were signed with a former key work as long as it is named here.
SECRET_KEY_FALLBACKS = secret_keys.former_secret_keys()
PUBLIC_URL = env.public_url("PUBLIC_URL", required=IS_PUBLIC, default=address.of(DATA_DIR))
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

# The workspaces this portal may read: the first is described by HUWISE_URL and HUWISE_API_KEY.
HUWISE = env.workspaces()
# In a data folder that `manage.py demo` marked, with sandboxes alone, there is a mailbox, and days can be skipped.
IS_DEMO = not IS_PUBLIC and demo_clock.is_demo(DATA_DIR, urls=[described["url"] for described in HUWISE.values()])
if IS_DEMO:
    demo_clock.install(DATA_DIR)
# The way to them out of a company's network: a proxy, and certificates (PEM) trusted beside the usual ones.
HUWISE_PROXY = env.proxy("HUWISE_PROXY")
HUWISE_CA = env.certificates("HUWISE_CA")
# Whether workspaces added in the portal may lie in a private network (and, on a public installation, on this host).
HUWISE_PRIVATE_NETWORKS = env.flag("HUWISE_PRIVATE_NETWORKS", default=False)
# An uncertain DELETE is settled by two rechecks this many seconds apart (law 7).
QUIET_SECONDS = env.whole("QUIET_SECONDS", default=120, least=0)
LEASE_SECONDS = env.whole("LEASE_SECONDS", default=120, least=1)

# The role that runs the portal, and, where there is another, the one that owns the tables and migrates.
_database, _owner = env.database(data_directory=DATA_DIR / "postgresql"), env.owner_database()
_nobody = {"USER": "", "PASSWORD": ""}
HAS_OWNER_ROLE, OWNER_ROLE = bool(_owner), str((_nobody | _owner)["USER"])
DERIVES_PASSWORD = env.flag("DATABASE_PASSWORD_DERIVED", default=False) and not _database.get("PASSWORD")
if DERIVES_PASSWORD:
    _database["PASSWORD"] = derived_password(SECRET_KEY)
HAS_TWO_ROLES = HAS_OWNER_ROLE or DERIVES_PASSWORD
RUNNING_ROLE = tuple(str((_nobody | _database)[name]) for name in _nobody)
_used = _owner if _owner and sys.argv[1:2] == ["migrate"] else _database
# Statements are prepared where they ask to be (models/prepared.py), not because they come again and again.
_used["OPTIONS"].setdefault("prepare_threshold", 1_000_000_000)
DATABASES: dict[str, dict[str, Any]] = {"default": _used | {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "accounts_review",  # First, so that its createsuperuser is the one that runs.
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "csp",
    "django_filters",
    "django_htmx",
    "django_q",
    "django_structlog",
    "django_tables2",
    "health_check",
]

MIDDLEWARE = [
    "cleanup_portal.proxy.ClientAddressMiddleware",
    "cleanup_portal.proxy.HealthFromWithinMiddleware",
    "accounts_review.web.shared.middleware.HeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "accounts_review.web.shared.middleware.QuickGZipMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts_review.web.signin.lifetime.SessionLifetimeMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts_review.web.signin.second_factor.SecondFactorMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts_review.web.shared.middleware.LogContextMiddleware",
    "accounts_review.web.shared.middleware.PrivatePagesMiddleware",
    "accounts_review.web.shared.controls.VisibleControlsMiddleware",
    "accounts_review.web.shared.middleware.NotAllowedMiddleware",
    "accounts_review.web.shared.middleware.TimeZoneMiddleware",
]

ROOT_URLCONF = "cleanup_portal.urls"
WSGI_APPLICATION = "cleanup_portal.wsgi.application"
FORM_RENDERER = "accounts_review.web.shared.widgets.FieldRenderer"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts_review.web.shared.navigation.portal",
            ],
            "libraries": {
                "heroicons": "accounts_review.templatetags.icons",
                "portal": "accounts_review.templatetags.portal",
            },
            "builtins": ["accounts_review.templatetags.portal", "accounts_review.templatetags.kept"],
        },
    }
]

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    # Length counts for more than composition.
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "cleanup_portal.passwords.CommonPasswordValidator"},
]
LOGIN_URL = reverse_lazy("account_login")
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts_review.web.signin.allauth_adapter.PortalAdapter"
ACCOUNT_FORMS = signin_forms.OF_ACCOUNT
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_CHANGE_EMAIL = False
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# A box "remember me" would outlive what the session may last.
ACCOUNT_SESSION_REMEMBER = False
# Failures bar an address, and an address at a login; never a login, whose owner signs in from elsewhere at once.
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key"}
# What could harm many asks for the person anew, once they have not proven who they are for so long.
REAUTHENTICATE_AFTER_SECONDS = env.whole("REAUTHENTICATE_AFTER_SECONDS", default=300, least=1)
ACCOUNT_REAUTHENTICATION_TIMEOUT = REAUTHENTICATE_AFTER_SECONDS
# From which role on a second factor is demanded of who signs in with a password.
_roles = ("operator", "nobody", "auditor", "reviewer", "administrator")
SECOND_FACTOR_FROM = env.one_of("SECOND_FACTOR_FROM", _roles if IS_PUBLIC else sorted(_roles, key="nobody".__ne__))
# Single sign-on; PASSWORDS_ONLY_FOR leaves a password to one login, for the day on which no provider answers.
OIDC = oidc.providers()
PASSWORDS_ONLY_FOR = oidc.only_password_login("PASSWORDS_ONLY_FOR", of=OIDC)
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {"APPS": OIDC, "provider_class": "accounts_review.web.signin.sso.provider.PortalProvider"}
}
SOCIALACCOUNT_ADAPTER = "accounts_review.web.signin.sso.adapter.PortalSocialAdapter"
SOCIALACCOUNT_AUTO_SIGNUP = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
MFA_ADAPTER = "accounts_review.web.signin.mfa_adapter.PortalMFAAdapter"
MFA_FORMS = signin_forms.OF_FACTORS
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "Cleanup Portal"
# allauth asks for a verified address otherwise; addresses are an administrator's to set here.
MFA_ALLOW_UNVERIFIED_EMAIL = True

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("fr", _("French"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "cleanup_portal.formats"
TIME_ZONE = env.time_zone("TIME_ZONE", default="UTC")
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static", ("docs/screenshots", BASE_DIR / "docs/screenshots")]
# Bootstrap (MIT) and the font Figtree (SIL Open Font Licence 1.1) come from their wheels, cut down to what is used.
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "cleanup_portal.assets.MadeFinder",
]
ASSETS_DIR = (BASE_DIR / "var" if os.access(BASE_DIR, os.W_OK) else DATA_DIR) / "assets"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "cleanup_portal.static_files.CollectedFiles", "OPTIONS": {"is_collected": IS_PUBLIC}},
}
WHITENOISE_USE_FINDERS = not IS_PUBLIC

CACHES = {
    # Sign-in attempts are counted in the cache, so it must be one for all processes.
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"},
    "qstat": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "qstat"},
}

# Mails leave by EMAIL_URL, or by the API of a provider that also tells what bounced.
EMAIL_PROVIDER = env.provider("EMAIL_PROVIDER")
ANYMAIL = env.starting_with("ANYMAIL_") | {"WEBHOOK_SECRET": env.password_pair("ANYMAIL_WEBHOOK_SECRET")}
if EMAIL_PROVIDER:
    EMAIL_BACKEND = f"anymail.backends.{EMAIL_PROVIDER}.EmailBackend"
else:
    globals().update(env.email("EMAIL_URL", required=IS_PUBLIC, default=f"filemail:///{DATA_DIR / 'mail'}"))
DEFAULT_FROM_EMAIL = env.sender("EMAIL_FROM", default="cleanup-portal@localhost")
EMAIL_REPLY_TO = env.sender("EMAIL_REPLY_TO", default="")
EMAIL_CONTACT = env.contact("EMAIL_CONTACT", default=EMAIL_REPLY_TO or DEFAULT_FROM_EMAIL)
EMAIL_TIMEOUT = 20
# Warnings are spread: so many an hour (0: no limit), within hours and weekdays (Monday is 1) of TIME_ZONE.
NOTICES_PER_HOUR = env.whole("NOTICES_PER_HOUR", default=500, least=0)
NOTICE_HOURS = env.span("NOTICE_HOURS", least=0, most=24, width=1)
NOTICE_WEEKDAYS = env.span("NOTICE_WEEKDAYS", least=1, most=7)

WORKERS = env.whole("WORKERS", default=2, least=1, most=env.MOST_PROCESSES)
WEB_CONCURRENCY = serve.processes()
# A message only says that something may be due (law 11): a failed one is dropped, the sweep looks again.
Q_CLUSTER = {
    "name": "cleanup-portal",
    "orm": "default",
    "workers": WORKERS,
    "queue_limit": 2,
    "bulk": 1,
    "timeout": 120,
    "retry": 900,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": -1,
    "broker_class": "accounts_review.tasks.broker.Broker",
    "poll": 0,
    "guard_cycle": 0.5,
    "recycle": 500,
    "catch_up": False,
    "cache": "qstat",
    "ALT_CLUSTERS": {},
}
# Called after each sweep, which is once a minute: whoever listens there raises the alarm when it falls silent.
PING_URL = env.address("PING_URL")

SECURE_SSL = urlsplit(PUBLIC_URL).scheme == "https"
SECURE_SSL_REDIRECT = SECURE_SSL
# A container's own health check speaks plain HTTP to its loopback address.
SECURE_REDIRECT_EXEMPT = [r"^health/"]
TRUSTED_PROXIES = env.proxies("BEHIND_PROXY")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_SSL else 0
# Other hosts of the same domain are not the portal's to decide on; once a browser has read it, nobody can take it back.
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.flag("HSTS_PRELOAD", default=False)
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
SESSION_ENGINE = "accounts_review.web.signin.store"
SESSION_COOKIE_SECURE = SECURE_SSL
# Passkeys need https but on a loopback address.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not SECURE_SSL
# A session ends after so long without a click, and after so long in any case.
SESSION_IDLE_SECONDS = env.whole("SESSION_IDLE_SECONDS", default=2 * 3600, least=60)
SESSION_COOKIE_AGE = env.whole("SESSION_SECONDS", default=12 * 3600, least=60)
# So long the audit knows from which address somebody signed in, or failed to.
CLIENT_ADDRESS_DAYS = env.whole("CLIENT_ADDRESS_DAYS", default=90, least=1, most=36_500)
CSRF_COOKIE_SECURE = SECURE_SSL
# Accounts that were ticked page after page, and a policy with many parts, are many fields of one form.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000
if SECURE_SSL:
    # Browsers take these from this very host alone, and only over https.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
X_FRAME_OPTIONS = "DENY"
# Bootstrap draws ticks, arrows and close buttons from data: images.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-src": [SELF],  # the preview of an e-mail, which may do nothing
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}

# Where checkpoints go besides DATA_DIR, after so many entries or so long, whichever is first.
CHECKPOINT_TO = env.destinations("CHECKPOINT_TO")
CHECKPOINT_EVERY_ENTRIES = env.whole("CHECKPOINT_EVERY_ENTRIES", default=1000, least=1)
CHECKPOINT_EVERY_MINUTES = env.whole("CHECKPOINT_EVERY_MINUTES", default=60, least=1)
# Who gets every entry of the audit, signed with a secret.
AUDIT_WEBHOOK_URL = env.address("AUDIT_WEBHOOK_URL")
AUDIT_WEBHOOK_SECRET = env.text("AUDIT_WEBHOOK_SECRET", default="")
if AUDIT_WEBHOOK_URL and len(AUDIT_WEBHOOK_SECRET) < 16:
    raise ImproperlyConfigured("AUDIT_WEBHOOK_SECRET must have 16 characters or more; it signs what is delivered.")

DJANGO_TABLES2_TEMPLATE = "accounts_review/shared/table.html"

# Who asks is told by our own middleware, with what they ask for.
DJANGO_STRUCTLOG_USER_ID_FIELD = ""
configure_structlog()
LOGGING = configuration(
    form=env.one_of("LOG_FORMAT", FORMATS),
    level=env.one_of("LOG_LEVEL", ("WARNING", "DEBUG", "INFO", "ERROR", "CRITICAL")),
    secrets=[
        SECRET_KEY,
        *SECRET_KEY_FALLBACKS,
        PING_URL,
        AUDIT_WEBHOOK_URL,
        AUDIT_WEBHOOK_SECRET,
        *CHECKPOINT_TO,
        *env.passwords_in(HUWISE_PROXY),
        *(described["api_key"] for described in HUWISE.values()),
        *(described["secret"] for described in OIDC),
        *ANYMAIL.values(),
        *ANYMAIL["WEBHOOK_SECRET"].split(":", 1)[1:],
        *(str(known.get("PASSWORD") or "") for known in (_database, _owner)),
        str(globals().get("EMAIL_HOST_PASSWORD") or ""),
    ],
)

"""Every setting of Purser, and the only module that reads the environment.

A bad value stops the start with a sentence that says what is wrong.
"""

from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from dashboard.core.embedded import Embedded, broker_url
from dashboard.core.secrets_file import secret_from_file
from providers.registry import PROVIDERS

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
if (BASE_DIR / ".env").exists():
    env.read_env(BASE_DIR / ".env")

VAR_DIR = Path(env.str("PURSER_VAR", default=str(BASE_DIR / "var"))).resolve()
DEBUG = env.bool("PURSER_DEBUG", default=False)
PORT = env.int("PURSER_PORT", default=8000)
HOST = env.str("PURSER_HOST", default="127.0.0.1")

# --- PostgreSQL and Redis: yours by URL, or embedded under var/ -------------------------------------------------
EMBEDDED = Embedded(VAR_DIR)
DATABASE_URL = env.str("DATABASE_URL", default="")
REDIS_URL = env.str("REDIS_URL", default="") or EMBEDDED.redis_url
EMBEDDED_POSTGRES = not DATABASE_URL
EMBEDDED_REDIS = not env.str("REDIS_URL", default="")

DATABASES = {"default": environ.Env.db_url_config(DATABASE_URL or EMBEDDED.database_url)}
if "postgresql" not in DATABASES["default"]["ENGINE"]:
    raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database: postgres://user:password@host:5432/name")
DATABASES["default"]["CONN_MAX_AGE"] = 0
DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
    "min_size": 1,
    "max_size": env.int("PURSER_DB_POOL", default=12),
    "timeout": 10,
}
# A restarted PostgreSQL leaves dead connections in the pool; each is tried before it is handed out.
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

# --- Secrets ---------------------------------------------------------------------------------------------------
# A deployment with its own database must bring its own keys: generated ones would be lost with the container.
_may_generate = EMBEDDED_POSTGRES
SECRET_KEY = env.str("PURSER_SECRET_KEY", default="") or secret_from_file(
    VAR_DIR / "secrets" / "secret_key", name="PURSER_SECRET_KEY", may_generate=_may_generate
)
ENCRYPTION_KEYS_FILE = VAR_DIR / "secrets" / "encryption_keys"
_encryption_keys = env.str("PURSER_ENCRYPTION_KEYS", default="")
ENCRYPTION_KEYS_FROM_ENVIRONMENT = bool(_encryption_keys)
ENCRYPTION_KEYS = [
    key.strip()
    for key in (
        _encryption_keys
        or secret_from_file(ENCRYPTION_KEYS_FILE, name="PURSER_ENCRYPTION_KEYS", may_generate=_may_generate)
    ).split(",")
    if key.strip()
]

# Whether backups carry the keys: they are in var/secrets, and nowhere else.
OWN_KEYS = not env.str("PURSER_SECRET_KEY", default="") and not ENCRYPTION_KEYS_FROM_ENVIRONMENT

# --- Django ----------------------------------------------------------------------------------------------------
# A name, not 127.0.0.1: browsers make passkeys for names only.
BASE_URL = env.str("PURSER_BASE_URL", default=f"http://localhost:{PORT}").rstrip("/")
HTTPS = BASE_URL.startswith("https://")
# Health checks come by the machine's own names, people by the address above.
ALLOWED_HOSTS = env.list("PURSER_ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
ALLOWED_HOSTS += [host for host in [urlsplit(BASE_URL).hostname] if host and host not in ALLOWED_HOSTS]
CSRF_TRUSTED_ORIGINS = [BASE_URL] if HTTPS else []
# How many proxies of yours stand in front, each of which adds to X-Forwarded-For. 0 believes nobody.
TRUSTED_PROXIES = env.int("PURSER_TRUSTED_PROXIES", default=0)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "dashboard.core",
    "dashboard.organizations",
    "dashboard.credentials",
    "dashboard.balances",
    "dashboard.keys",
    "dashboard.usage",
    "dashboard.sync",
    "dashboard.routing",
    "dashboard.overview",
]

MIDDLEWARE = [
    "dashboard.core.middleware.FilesMiddleware",  # its files are compressed already, and need no policies of pages
    "django.middleware.security.SecurityMiddleware",
    "dashboard.core.middleware.CompressionMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "dashboard.core.middleware.ContentSecurityPolicyMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "dashboard.organizations.middleware.LanguageMiddleware",
    "dashboard.organizations.middleware.OrganizationMiddleware",
    "dashboard.credentials.catalog.CatalogMiddleware",
]

ROOT_URLCONF = "dashboard.urls"
WSGI_APPLICATION = "dashboard.wsgi.application"
ASGI_APPLICATION = "dashboard.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.core.context.csp",
                "dashboard.core.context.room",
                "dashboard.core.context.places",
                "dashboard.organizations.context.organization",
            ],
            "builtins": [
                "dashboard.core.templatetags.purser",
                "dashboard.core.templatetags.drawings",
                "dashboard.core.templatetags.swaps",
            ],
            "libraries": {},
            "loaders": [
                (
                    "dashboard.core.whitespace.Loader",  # which keeps them too
                    ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ],
        },
    }
]

# --- Signing in: django-allauth. There is no open sign-up; people come by invitation ----------------------------
AUTH_USER_MODEL = "organizations.User"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "overview:overview"
LOGOUT_REDIRECT_URL = "account_login"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SESSION_COOKIE_AGE = 60 * 60 * 24 * 14

ACCOUNT_ADAPTER = "dashboard.organizations.sign_in.adapters.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "dashboard.organizations.sign_in.forms.SignInForm",
    "request_login_code": "dashboard.organizations.sign_in.forms.AskCodeForm",
    "confirm_login_code": "dashboard.organizations.sign_in.forms.SignInCodeForm",
    "reset_password": "dashboard.organizations.sign_in.forms.AskResetForm",
    "confirm_password_reset_code": "dashboard.organizations.sign_in.forms.ResetCodeForm",
    "reset_password_from_key": "dashboard.organizations.sign_in.forms.ResetPasswordForm",
    "change_password": "dashboard.organizations.sign_in.forms.NewPasswordForm",
    "set_password": "dashboard.organizations.sign_in.forms.FirstPasswordForm",
    "add_email": "dashboard.organizations.sign_in.forms.AddressForm",
    "confirm_email_verification_code": "dashboard.organizations.sign_in.forms.AddressCodeForm",
    "reauthenticate": "dashboard.organizations.sign_in.forms.AgainForm",
}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory"  # of a changed address; nobody is kept out by it (AccountAdapter)
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # nobody is mailed because a stranger typed their address
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 15 * 60
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = 15 * 60
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 5 * 60
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False  # this browser stays; sessions elsewhere end with the old password

MFA_ADAPTER = "dashboard.organizations.sign_in.adapters.SecondFactorAdapter"
MFA_FORMS = {
    "authenticate": "dashboard.organizations.sign_in.forms.SecondFactorForm",
    "reauthenticate": "dashboard.organizations.sign_in.forms.SecondFactorAgainForm",
    "activate_totp": "dashboard.organizations.sign_in.forms.ActivateAppForm",
    "edit_webauthn": "dashboard.organizations.sign_in.forms.EditPasskeyForm",
    "add_webauthn": "dashboard.organizations.sign_in.forms.AddPasskeyForm",
    "login_webauthn": "dashboard.organizations.sign_in.forms.PasskeySignInForm",
    "authenticate_webauthn": "dashboard.organizations.sign_in.forms.PasskeySecondForm",
    "reauthenticate_webauthn": "dashboard.organizations.sign_in.forms.PasskeyAgainForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # nobody can sign up under another one's address
MFA_TOTP_ISSUER = "Purser"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS  # browsers themselves allow http on localhost alone

# Single sign-on with one OpenID Connect provider, when its issuer is named.
OIDC_ISSUER = env.str("PURSER_OIDC_ISSUER", default="").rstrip("/")
OIDC_NAME = env.str("PURSER_OIDC_NAME", default="single sign-on")
SOCIALACCOUNT_ADAPTER = "dashboard.organizations.sign_in.adapters.SingleSignOnAdapter"
SOCIALACCOUNT_OPENID_CONNECT_URL_PREFIX = ""
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 10
if OIDC_ISSUER:
    SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {
            "OAUTH_PKCE_ENABLED": True,
            # A person known here by an address that the provider vouches for comes in as that person.
            "EMAIL_AUTHENTICATION": True,
            # Some providers never say `email_verified` although only the company hands out addresses.
            "VERIFIED_EMAIL": env.bool("PURSER_OIDC_TRUST_EMAIL", default=False),
            "APPS": [
                {
                    "provider_id": "sso",
                    "name": OIDC_NAME,
                    "client_id": env.str("PURSER_OIDC_CLIENT_ID"),
                    "secret": env.str("PURSER_OIDC_CLIENT_SECRET"),
                    "settings": {"server_url": OIDC_ISSUER},
                }
            ],
        }
    }

ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
if HTTPS:
    # No other host of the domain can set them, and they never travel without TLS.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = SESSION_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# A form of ours is small. Files pass a gate: only views that ask for one get it, up to the size that they name.
DATA_UPLOAD_MAX_MEMORY_SIZE = 500_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 300
DATA_UPLOAD_MAX_NUMBER_FILES = 1
FILE_UPLOAD_HANDLERS = [
    "dashboard.core.uploads.Gate",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
DEFAULT_EXCEPTION_REPORTER_FILTER = "dashboard.core.error_reports.NoValuesReporterFilter"
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # other hosts of the domain are not ours to bind
    "security.W008",  # the proxy that ends TLS sends plain requests on to it
    "security.W021",
]

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hant", "繁體中文"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "dashboard" / "locale"]
LANGUAGE_COOKIE_AGE = 31_536_000
LANGUAGE_COOKIE_SECURE = HTTPS
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "collected"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_MAX_AGE = 31_536_000
WHITENOISE_ALLOW_ALL_ORIGINS = False  # nobody else shows our files

CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

# --- Mail: through your server by URL; without one to the terminal, and to a page that owners see ---------------
EMAIL_URL = env.str("PURSER_EMAIL_URL", default="")
MAIL_GOES_OUT = bool(EMAIL_URL)
DEFAULT_FROM_EMAIL = env.str("PURSER_EMAIL_FROM", default="Purser <purser@localhost>")
if MAIL_GOES_OUT:
    try:
        vars().update(environ.Env.email_url_config(EMAIL_URL))
    except (ImproperlyConfigured, KeyError, ValueError) as error:
        raise ImproperlyConfigured(
            "PURSER_EMAIL_URL must look like smtp+tls://user:password@mail.example.com:587"
        ) from error
EMAIL_TIMEOUT = 15

# --- Celery ----------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = broker_url(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONCURRENCY = env.int("PURSER_WORKER_THREADS", default=32)

# --- The demo's simulator: its address when one runs beside the application, empty when there is none -----------
SIMULATOR_URL = env.str("PURSER_SIMULATOR_URL", default="")
DEMO = env.bool("PURSER_DEMO", default=True)  # whether `manage.py run` starts the simulator

# Provider keys found in the environment: the welcome page offers to connect them; their values are never shown.
PROVIDER_KEYS = {
    field.environment: env.str(field.environment)
    for provider in PROVIDERS.values()
    for field in provider.fields
    if field.environment and env.str(field.environment, default="")
}

# --- Calling out -----------------------------------------------------------------------------------------------
# Calls under way at once to one provider, per worker process.
HOST_CONCURRENCY = env.int("PURSER_HOST_CONCURRENCY", default=16)
# The European Central Bank's reference rates: read once a day when an organization has a reporting currency.
ECB_RATES = env.bool("PURSER_ECB_RATES", default=True)
ECB_URL = env.str("PURSER_ECB_URL", default="https://www.ecb.europa.eu/stats/eurofxref").rstrip("/")

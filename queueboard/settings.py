"""Settings. The environment alone decides between the embedded default and production (docs/settings.md)."""

from pathlib import Path
from urllib.parse import quote

import environ
from celery.schedules import crontab
from csp.constants import NONCE, NONE, SELF
from django.utils.translation import gettext_lazy as _
from kombu import Exchange, Queue

from booking import data_keys
from queueboard.sidebar import COLORS, NAVIGATION
from queueboard.supervisor.paths import socket_path

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.str("QUEUEBOARD_VAR", default=str(BASE_DIR / "var")))

# `manage.py up` makes a secret of its own on first start and hands it on. Without one Django refuses whatever needs it;
# only DEBUG has a key for development.
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY:
    secret_file = VAR_DIR / "secret_key"
    development = "insecure-" + "0" * 50 if DEBUG else ""
    SECRET_KEY = secret_file.read_text().strip() if secret_file.exists() else development
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
# What the data is encrypted with and found by: the first is in use, the others still read.
DATA_KEYS = data_keys.secrets(
    env.list("DATA_KEYS", default=[]),
    secret_keys=[SECRET_KEY, *SECRET_KEY_FALLBACKS],
    salt=env.str("FIELD_SALT", default=""),
    lookup=env.str("LOOKUP_KEY", default=""),
)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
TRUST_PROXY = env.bool("TRUST_PROXY", default=False)

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.import_export",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "csp",
    "axes",
    "import_export",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "booking",
    "queueboard",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "queueboard.compressed.StaticFiles",
    "queueboard.content_policy.ContentPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "queueboard.devices.DeviceCookie",
]

ROOT_URLCONF = "queueboard.urls"
WSGI_APPLICATION = "queueboard.wsgi.application"
ASGI_APPLICATION = "queueboard.asgi.application"

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
            ],
        },
    }
]

# --- data -----------------------------------------------------------------------------------------------------
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'queueboard.sqlite3'}")}
_db = DATABASES["default"]
if _db["ENGINE"] == "django.db.backends.sqlite3":
    # On SQLite every atomic block takes the write lock at once: two staff presses queue up instead of failing late.
    _db["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    _db["TEST"] = {"NAME": env.str("TEST_DB_NAME", default=str(VAR_DIR / "test.sqlite3"))}
else:
    _db["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
    _db["CONN_HEALTH_CHECKS"] = True
    _db["OPTIONS"] = {
        # For the cursors that ask for it (booking.kept): a statement sent so often on a connection is planned once.
        "prepare_threshold": 5,
        # One that is silent (its host gone, the network cut) is given up within seconds, not when the kernel does.
        "connect_timeout": 5,
        "tcp_user_timeout": 5000,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 2,
    } | _db.get("OPTIONS", {})
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- news: broker and pub/sub ---------------------------------------------------------------------------------
# The embedded Valkey listens on a unix socket in VAR_DIR, or in a shorter place where that path is too long.
VALKEY_SOCKET = env.str("VALKEY_SOCKET", default=str(socket_path(VAR_DIR)))
REDIS_URL = env.str("REDIS_URL", default=f"unix://{quote(VALKEY_SOCKET)}")
REDIS_PREFIX = env.str("REDIS_PREFIX", default="queueboard")
# More servers than one, that share the sessions' news among them; the broker stays REDIS_URL.
NEWS_URLS = env.list("NEWS_URLS", default=[])

# --- websockets of one process --------------------------------------------------------------------------------
LIVE_SOCKETS = env.int("LIVE_SOCKETS", default=15_000)
# A hospital's own network may be one address.
LIVE_SOCKETS_PER_ADDRESS = env.int("LIVE_SOCKETS_PER_ADDRESS", default=2_000)

CELERY_BROKER_URL = (
    REDIS_URL if not REDIS_URL.startswith("unix://") else "redis+socket://" + REDIS_URL.removeprefix("unix://")
)
# A worker takes from both, unless it is told otherwise; services outside are asked from the second one only.
CELERY_TASK_DEFAULT_QUEUE = REDIS_PREFIX
NOTICES_QUEUE = f"{REDIS_PREFIX}-notices"
CELERY_TASK_QUEUES = [Queue(each, Exchange(each), routing_key=each) for each in (REDIS_PREFIX, NOTICES_QUEUE)]
CELERY_TASK_ROUTES = {
    task: {"queue": NOTICES_QUEUE}
    for task in ("queueboard.send_by", "queueboard.send_refunds", "booking.reconcile_payments")
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a broker that is away for a night is no reason to give up
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 300, "global_keyprefix": f"{REDIS_PREFIX}:"}
CELERY_TIMEZONE = env.str("TIME_ZONE", default="Asia/Shanghai")
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat")
CELERY_BEAT_SCHEDULE = {
    "make-sessions": {"task": "booking.make_sessions", "schedule": crontab(minute="5", hour="*")},
    "recalculate-quotas": {"task": "booking.recalculate_quotas", "schedule": crontab(minute="35", hour="*")},
    "expire-holds": {"task": "booking.expire_holds", "schedule": 20.0, "options": {"expires": 20}},
    "forget-sources": {"task": "booking.forget_sources", "schedule": crontab(minute="15", hour="3")},
    "expire-data": {"task": "booking.expire_data", "schedule": crontab(minute="40", hour="3")},
    "forget-sessions": {"task": "queueboard.forget_sessions", "schedule": crontab(minute="50", hour="3")},
    "forget-tries": {"task": "queueboard.forget_tries", "schedule": crontab(minute="20", hour="*")},
    "forget-challenges": {"task": "queueboard.forget_challenges", "schedule": crontab(minute="25", hour="*")},
    "forget-codes": {"task": "queueboard.forget_codes", "schedule": crontab(minute="30", hour="*")},
    "free-numbers": {"task": "booking.free_numbers", "schedule": 20.0, "options": {"expires": 20}},
    "lapse-offers": {"task": "booking.lapse_offers", "schedule": 10.0, "options": {"expires": 10}},
    "draw-ballots": {"task": "booking.draw_ballots", "schedule": 5.0, "options": {"expires": 5}},
    "open-registrations": {"task": "queueboard.open_registrations", "schedule": 5.0, "options": {"expires": 5}},
    "run-the-clock": {"task": "queueboard.run_the_clock", "schedule": 5.0, "options": {"expires": 5}},
    "close-sessions": {"task": "queueboard.close_sessions", "schedule": 10.0, "options": {"expires": 10}},
    "refresh-estimates": {"task": "queueboard.refresh_estimates", "schedule": 60.0, "options": {"expires": 30}},
    "run-simulations": {"task": "queueboard.run_simulations", "schedule": 2.0, "options": {"expires": 2}},
    "note-foretold": {"task": "queueboard.note_foretold", "schedule": 60.0, "options": {"expires": 30}},
    "forget-chats": {"task": "queueboard.forget_chats", "schedule": crontab(minute="25", hour="*")},
    "reconcile-payments": {"task": "booking.reconcile_payments", "schedule": 30.0, "options": {"expires": 30}},
    "send-refunds": {"task": "queueboard.send_refunds", "schedule": 5.0, "options": {"expires": 5}},
    "forget-visits": {"task": "queueboard.forget_visits", "schedule": crontab(minute="25", hour="3")},
    "remind": {"task": "queueboard.remind", "schedule": 300.0, "options": {"expires": 300}},
    "tell-changes": {"task": "queueboard.tell_changes", "schedule": 60.0, "options": {"expires": 30}},
    "send-outbox": {"task": "queueboard.send_outbox", "schedule": 5.0, "options": {"expires": 5}},
}

# --- what booking asks the site for ---------------------------------------------------------------------------
# Days after which what nobody needs any more is erased; 0: never.
PATIENT_DAYS = env.int("PATIENT_DAYS", default=3 * 365)
OUTBOX_DAYS = env.int("OUTBOX_DAYS", default=30)
PERSONAL_DATA = "queueboard.personal"
SPLIT_OPTIMISER = "queueboard.optimised.split"
# Bookings that one of them may make in a day (R3.7): many patients share an address behind a hospital's or carrier's
# router, a family a device, and an account is one phone.
BOOKINGS_PER_ACCOUNT = env.int("BOOKINGS_PER_ACCOUNT", default=6)
BOOKINGS_PER_DEVICE = env.int("BOOKINGS_PER_DEVICE", default=10)
BOOKINGS_PER_ADDRESS = env.int("BOOKINGS_PER_ADDRESS", default=100)
SOURCE_DAYS = env.int("SOURCE_DAYS", default=30)
# After so many codes asked for or tries refused within minutes, something must be solved first; 0: never.
CHALLENGE_TRIES_PER_DEVICE = env.int("CHALLENGE_TRIES_PER_DEVICE", default=5)
CHALLENGE_TRIES_PER_ADDRESS = env.int("CHALLENGE_TRIES_PER_ADDRESS", default=40)
# Hashes to try at most, half of that on average: an old phone makes some 8,000 a second.
CHALLENGE_WORK = env.int("CHALLENGE_WORK", default=30_000)

# Who reads what is scanned at desk and kiosk, asked in this order (docs/desk.md).
CODE_READERS = env.list(
    "CODE_READERS",
    default=[f"queueboard.readers.{reader}" for reader in ("own_code", "resident_id", "phone", "ticket")],
)

# --- tables in and out of the admin (queueboard/admin/exchange.py) ---
IMPORT_EXPORT_USE_TRANSACTIONS = True
IMPORT_EXPORT_IMPORT_PERMISSION_CODE = "add"
IMPORT_EXPORT_EXPORT_PERMISSION_CODE = "view"

# --- payments -------------------------------------------------------------------------------------------------
SITE_URL = env.str("SITE_URL", default="").rstrip("/")
PAYMENT_PROVIDERS = env.list("PAYMENT_PROVIDERS", default=["demo"])
WECHATPAY = {
    "MCHID": env.str("WECHATPAY_MCHID", default=""),
    "APPID": env.str("WECHATPAY_APPID", default=""),
    "KEY": env.str("WECHATPAY_KEY", default="", multiline=True),
    "CERT_SERIAL": env.str("WECHATPAY_CERT_SERIAL", default=""),
    "API_V3_KEY": env.str("WECHATPAY_API_V3_KEY", default=""),
    "PUBLIC_KEY": env.str("WECHATPAY_PUBLIC_KEY", default="", multiline=True),
    "PUBLIC_KEY_ID": env.str("WECHATPAY_PUBLIC_KEY_ID", default=""),
    "URL": env.str("WECHATPAY_URL", default="https://api.mch.weixin.qq.com"),
}
ALIPAY = {
    "APP_ID": env.str("ALIPAY_APP_ID", default=""),
    "KEY": env.str("ALIPAY_KEY", default="", multiline=True),
    "PUBLIC_KEY": env.str("ALIPAY_PUBLIC_KEY", default="", multiline=True),
    "URL": env.str("ALIPAY_URL", default="https://openapi.alipay.com/gateway.do"),
}

# --- notices (docs/notices.md) --------------------------------------------------------------------------------
vapid_file = VAR_DIR / "vapid_key"
VAPID_PRIVATE_KEY = env.str("VAPID_PRIVATE_KEY", default="")
if not VAPID_PRIVATE_KEY and vapid_file.exists():
    VAPID_PRIVATE_KEY = vapid_file.read_text().strip()
VAPID_CONTACT = env.str("VAPID_CONTACT", default=SITE_URL if SITE_URL.startswith("https:") else "")
# The services of Chrome and its kin, Firefox, Edge and Safari; a browser cannot be told to use another one.
PUSH_SERVICES = env.list(
    "PUSH_SERVICES",
    default=["fcm.googleapis.com", "updates.push.services.mozilla.com", ".notify.windows.com", ".push.apple.com"],
)
NOTICE_WAYS = env.list("NOTICE_WAYS", default=["push", "sms"] if VAPID_PRIVATE_KEY else ["sms"])
QUIET_HOURS = env.str("QUIET_HOURS", default="21:00-07:00")
REMIND_AT = env.str("REMIND_AT", default="18:00")
SMS_PROVIDER = env.str("SMS_PROVIDER", default="console")
SMS_NOTICES = env.str("SMS_NOTICES", default="otherwise")
TENCENT_SMS = {
    "SECRET_ID": env.str("TENCENT_SMS_SECRET_ID", default=""),
    "SECRET_KEY": env.str("TENCENT_SMS_SECRET_KEY", default=""),
    "APP_ID": env.str("TENCENT_SMS_APP_ID", default=""),
    "SIGN_NAME": env.str("TENCENT_SMS_SIGN_NAME", default=""),
    "TEMPLATES": env.dict("TENCENT_SMS_TEMPLATES", default={}),
    "REGION": env.str("TENCENT_SMS_REGION", default="ap-guangzhou"),
    "URL": env.str("TENCENT_SMS_URL", default="https://sms.tencentcloudapi.com"),
}

# --- WeChat official account ----------------------------------------------------------------------------------
WECHAT = {
    "APP_ID": env.str("WECHAT_APP_ID", default=""),
    "SECRET": env.str("WECHAT_SECRET", default=""),
    "TOKEN": env.str("WECHAT_TOKEN", default=""),
    "AES_KEY": env.str("WECHAT_AES_KEY", default=""),
    "TEMPLATES": env.json("WECHAT_TEMPLATES", default={}),
    "URL": env.str("WECHAT_URL", default="https://api.weixin.qq.com"),
}

# --- who may do what ------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
LOGIN_URL = "/admin/login/"
LOGIN_REDIRECT_URL = "/admin/"
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_COOKIES = env.bool("SECURE_COOKIES", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

# --- languages and time ---------------------------------------------------------------------------------------
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_CODE = env.str("LANGUAGE_CODE", default="zh-hans")
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文"), ("zh-hant", "繁體中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.str("TIME_ZONE", default="Asia/Shanghai")

# --- files ----------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR_DIR / "static"
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}

# --- REST -----------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["queueboard.api.parsing.SmallJSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "PAGE_SIZE": 50,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_RATES": {"book": env.str("BOOKING_RATE", default="120/min")},
    "EXCEPTION_HANDLER": "queueboard.problems.handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "queueboard",
    "DESCRIPTION": "A hospital's live queue.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "SessionState": "booking.models.Session.State",
        "AppointmentState": "booking.models.Appointment.State",
        "TicketState": "queueboard.models.Ticket.State",
        "PaymentState": "booking.models.Payment.State",
        "PaymentProvider": "booking.models.Payment.Provider",
        "DrawRequestState": "booking.models.BallotEntry.State",
        "WaitingState": "booking.models.WaitlistEntry.State",
        "PlaceState": "queueboard.api.patient_shapes.STATES",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "queueboard.api.schema.with_problems",
    ],
}

UNFOLD = {
    "SITE_TITLE": "queueboard",
    "SITE_HEADER": "queueboard",
    "SITE_SYMBOL": "groups",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "/static/img/icon.svg"}],
    "SHOW_LANGUAGES": True,
    "COLORS": COLORS,
    "DASHBOARD_CALLBACK": "queueboard.sidebar.dashboard",
    "SIDEBAR": {"show_all_applications": False, "navigation": NAVIGATION},
}

# What is logged is looked through in queueboard/discreet.py, before any handler of whomever has it.
DEFAULT_EXCEPTION_REPORTER = "queueboard.discreet.Reporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "queueboard.discreet.ReporterFilter"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "axes": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        "urllib3": {"level": "INFO"},  # its DEBUG writes addresses, and WeChat wants its access token in them
    },
}
HOSPITAL_NAME = _("Demonstration Hospital")
HOSPITAL_PHONE = env.str("HOSPITAL_PHONE", default="")

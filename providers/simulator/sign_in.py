"""The sign-in desk of a simulated provider: its device, authorize and token endpoints, and who has agreed to what.

Client ids begin with "sim-"; the secret "sim-secret" is asked of those that end in "-confidential". A person agrees by
`approve` (or `POST /__simulator__/sign-in`), in a browser at the authorize address by being sent back at once. Tokens
are like other simulated keys: one with "sim-harbor" in it reads the account "harbor". A refresh token works once; one
that is used twice ends the whole sign-in, as the strict providers do it.
"""

import hashlib
import threading
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

SECRET = "sim-secret"  # noqa: S105 - of simulated apps
DEVICE_LIFE = timedelta(minutes=15)
Told = tuple[int, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """Where a provider differs: where its endpoints are, how tokens begin and how long they live, and whether errors
    come under 200. `life` None: tokens do not end, and nothing renews them."""

    device_path: str
    token_path: str
    verification_url: str
    token_start: str
    refresh_start: str
    life: timedelta | None
    scope: str
    errors_are_200: bool = False
    authorize_path: str = ""


@dataclass
class _Device:
    user_code: str
    client_id: str
    ends_at: datetime
    answer: str = "pending"
    slow: int = 0
    account: str = ""


@dataclass
class _Family:
    """Everything that came of one person's agreement."""

    account: str
    refresh: str = ""
    used: set[str] = field(default_factory=set)
    access: str = ""
    ends_at: datetime | None = None
    revoked: bool = False


class Desk:
    """One provider's sign-ins. `calls` counts what was asked of the token endpoint, by grant type."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.calls: dict[str, int] = {}
        self.interval = 5
        self.down = False
        self._devices: dict[str, _Device] = {}
        self._codes: dict[str, tuple[str, Mapping[str, str], datetime]] = {}
        self._families: list[_Family] = []
        self._count = 0
        self._lock = threading.Lock()

    # --- People ---

    def approve(self, user_code: str, account: str = "harbor", answer: str = "approved") -> None:
        """What a person does with a code; `answer` may be "denied" too."""
        with self._lock:
            device = next(one for one in self._devices.values() if one.user_code == user_code)
            device.answer, device.account = answer, account

    def slow_down(self, times: int = 1) -> None:
        """The next questions are called too frequent."""
        with self._lock:
            for device in self._devices.values():
                device.slow = times

    def revoke(self, account: str) -> None:
        """The person takes their agreement back."""
        with self._lock:
            for family in self._families:
                family.revoked = family.revoked or family.account == account

    def is_dead(self, token: str, now: datetime) -> bool:
        """Whether this is a token of ours that works no more."""
        with self._lock:
            for family in self._families:
                if token == family.access:
                    return family.revoked or (family.ends_at is not None and family.ends_at <= now)
            return token.startswith(f"{self.dialect.token_start}sim-") and token.count("-") >= 3

    # --- Endpoints ---

    def answer(self, method: str, path: str, asked: Mapping[str, str], now: datetime) -> tuple[int, Any, str] | None:
        """(status, document, address to go to) where the path is one of the desk's."""
        with self._lock:
            if method == "GET" and path and path == self.dialect.authorize_path:
                return self._authorize(asked, now)
            if method != "POST" or path not in (self.dialect.device_path, self.dialect.token_path):
                return None
            if self.down:
                return 503, {"message": "Service Unavailable"}, ""
            found = self._start(asked, now) if path == self.dialect.device_path else self._token(asked, now)
            status, document = found
            if "error" in document and self.dialect.errors_are_200:
                status = 200
            return status, document, ""

    def _start(self, asked: Mapping[str, str], now: datetime) -> Told:
        client = asked.get("client_id", "")
        if not client.startswith("sim-"):
            return 401, {"error": "invalid_client"}
        if client.endswith("-nodevice"):
            return 400, {"error": "device_flow_disabled"}
        self._count += 1
        code, user_code = f"sim-device-{self._count:04}", f"WDJB-{self._count:04}"
        self._devices[code] = _Device(user_code=user_code, client_id=client, ends_at=now + DEVICE_LIFE)
        return 200, {
            "device_code": code,
            "user_code": user_code,
            "verification_uri": self.dialect.verification_url,
            "expires_in": int(DEVICE_LIFE.total_seconds()),
            "interval": self.interval,
        }

    def _authorize(self, asked: Mapping[str, str], now: datetime) -> tuple[int, Any, str]:
        """Whoever comes agrees at once, for the account named by `login_hint`."""
        self._count += 1
        code = f"sim-code-{self._count:04}"
        self._codes[code] = (asked.get("login_hint", "harbor"), dict(asked), now + timedelta(minutes=10))
        back = urlencode({"code": code, "state": asked.get("state", "")})
        return 302, {}, f"{asked.get('redirect_uri', '')}?{back}"

    def _token(self, asked: Mapping[str, str], now: datetime) -> Told:
        grant = asked.get("grant_type", "")
        self.calls[grant] = self.calls.get(grant, 0) + 1
        client = asked.get("client_id", "")
        confidential = client.endswith("-confidential")
        if not client.startswith("sim-") or (confidential and asked.get("client_secret") != SECRET):
            return 401, {"error": "invalid_client"}
        if grant.endswith(":device_code"):
            return self._by_device(asked, now)
        if grant == "authorization_code":
            return self._by_code(asked, now)
        if grant == "refresh_token":
            return self._by_refresh(asked, now)
        return 400, {"error": "unsupported_grant_type"}

    def _by_device(self, asked: Mapping[str, str], now: datetime) -> Told:
        device = self._devices.get(asked.get("device_code", ""))
        if device is None or device.client_id != asked.get("client_id"):
            return 400, {"error": "invalid_grant"}
        if device.ends_at <= now:
            return 400, {"error": "expired_token"}
        if device.slow:
            device.slow -= 1
            self.interval += 5
            return 400, {"error": "slow_down", "interval": self.interval}
        if device.answer == "denied":
            return 400, {"error": "access_denied"}
        if device.answer == "pending":
            return 400, {"error": "authorization_pending"}
        del self._devices[asked["device_code"]]
        return self._agreed(device.account, now)

    def _by_code(self, asked: Mapping[str, str], now: datetime) -> Told:
        account, begun, ends_at = self._codes.pop(asked.get("code", ""), ("", {}, now))
        hashed = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
        challenge = urlsafe_b64encode(hashed).rstrip(b"=").decode()
        same = all(begun.get(name) == asked.get(name) for name in ("client_id", "redirect_uri"))
        if not account or ends_at <= now or not same or begun.get("code_challenge") != challenge:
            return 400, {"error": "invalid_grant"}
        return self._agreed(account, now)

    def _by_refresh(self, asked: Mapping[str, str], now: datetime) -> Told:
        token = asked.get("refresh_token", "")
        for family in self._families:
            if token in family.used:
                family.revoked = True  # used twice: somebody has a copy
            if token == family.refresh and not family.revoked:
                family.used.add(token)
                return self._renewed(family, now)
        return 400, {"error": "bad_refresh_token" if self.dialect.errors_are_200 else "invalid_grant"}

    def _agreed(self, account: str, now: datetime) -> Told:
        family = _Family(account=account)
        self._families.append(family)
        return self._renewed(family, now)

    def _renewed(self, family: _Family, now: datetime) -> Told:
        self._count += 1
        told: dict[str, Any] = {"token_type": "bearer", "scope": self.dialect.scope}
        family.access = f"{self.dialect.token_start}sim-{family.account}-{self._count:04}-signed"
        told["access_token"] = family.access
        if self.dialect.life is not None:
            family.ends_at = now + self.dialect.life
            family.refresh = f"{self.dialect.refresh_start}sim-{family.account}-{self._count:04}"
            told["refresh_token"] = family.refresh
            told["expires_in"] = int(self.dialect.life.total_seconds())
        return 200, told

"""Money and quota at the providers: one series per balance or limit, and its append-only readings; and what one unit of
money is worth in another."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dashboard.credentials.models import ProviderAccount, ProviderCredential
from dashboard.organizations.models import Organization, User


class BalanceSeries(models.Model):
    """One balance of an account over time, with its last good reading. Pages read this row; `spark` and the runway
    fields are rebuilt from the readings at every landing."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="balance_series")
    credential = models.ForeignKey(ProviderCredential, null=True, on_delete=models.SET_NULL, related_name="+")
    name = models.TextField()
    kind = models.CharField(max_length=12)
    unit = models.TextField()
    basis = models.CharField(max_length=8)
    amount = models.DecimalField(max_digits=38, decimal_places=12)
    granted = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    usable = models.BooleanField(null=True)
    expires_at = models.DateTimeField(null=True)
    at = models.DateTimeField()
    stored_at = models.DateTimeField()
    fresh_for_seconds = models.IntegerField()
    spark = models.JSONField(default=list)
    burn_per_day = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    runway_low_days = models.FloatField(null=True)
    runway_likely_days = models.FloatField(null=True)
    runway_high_days = models.FloatField(null=True)
    runway_reason = models.CharField(max_length=20, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "name", "kind", "unit", "basis"], name="balance_series_once")
        ]
        indexes = [models.Index(fields=["organization", "runway_likely_days"])]

    def __str__(self) -> str:
        return f"{self.account}: {self.name}"


class BalanceReading(models.Model):
    """What a balance was at a moment. Never changed; an unchanged balance is written at least once an hour."""

    series = models.ForeignKey(BalanceSeries, on_delete=models.CASCADE, related_name="readings")
    at = models.DateTimeField()
    amount = models.DecimalField(max_digits=38, decimal_places=12)
    granted = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["series", "at"])]

    def __str__(self) -> str:
        return f"{self.amount} at {self.at:%Y-%m-%d %H:%M}"


class QuotaSeries(models.Model):
    """One limit of an account (or of one key) over time, with its last good reading."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="quota_series")
    credential = models.ForeignKey(ProviderCredential, null=True, on_delete=models.SET_NULL, related_name="+")
    name = models.TextField()
    scope = models.TextField(blank=True)
    window = models.TextField(blank=True)
    unit = models.TextField()
    used = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    limit = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    remaining = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    percent_used = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    resets_at = models.DateTimeField(null=True)
    at = models.DateTimeField()
    stored_at = models.DateTimeField()
    fresh_for_seconds = models.IntegerField()
    gone = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "credential", "name", "scope", "window", "unit"],
                name="quota_series_once",
                nulls_distinct=False,
            )
        ]
        indexes = [models.Index(fields=["organization", "percent_used"])]

    def __str__(self) -> str:
        return f"{self.account}: {self.name}"


class QuotaReading(models.Model):
    """How much of a limit was used at a moment. Never changed."""

    series = models.ForeignKey(QuotaSeries, on_delete=models.CASCADE, related_name="readings")
    at = models.DateTimeField()
    used = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    limit = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    percent_used = models.DecimalField(max_digits=12, decimal_places=4, null=True)

    class Meta:
        indexes = [models.Index(fields=["series", "at"])]

    def __str__(self) -> str:
        return f"{self.used} of {self.limit} at {self.at:%Y-%m-%d %H:%M}"


class EntryKind(models.TextChoices):
    BALANCE = "balance", _("Balance")
    TOPUP = "topup", _("Top-up")
    INVOICE = "invoice", _("Invoice")


class BalanceEntry(models.Model):
    """What a person knows of an account and no API tells: the balance at a moment, money put in, or an invoice for the
    days [first_day, last_day]. `at` is when it was so; `created_at` when it was typed."""

    BROUGHT = True  # see credentials.services.account_recognise
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="balance_entries")
    kind = models.CharField(max_length=8, choices=EntryKind)
    amount = models.DecimalField(max_digits=38, decimal_places=12)
    unit = models.TextField()
    at = models.DateTimeField()
    first_day = models.DateField(null=True)
    last_day = models.DateField(null=True)
    note = models.TextField(blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["account", "at"])]

    def __str__(self) -> str:
        return f"{self.kind}: {self.amount} {self.unit} at {self.at:%Y-%m-%d %H:%M}"


class RateSource(models.TextChoices):
    ECB = "ecb", _("ECB")
    TYPED = "typed", _("Typed in")


class ExchangeRate(models.Model):
    """1 `unit` is `rate` `currency`. Of the ECB: of one day, for 1 EUR, everybody's (no organization) or those of the
    feed that an organization has of its own. Typed in: an organization's, from the month on whose first day is `day`; a
    provider's own unit (points, credits) names the provider, for a point of one is not a point of another."""

    organization = models.ForeignKey(Organization, null=True, on_delete=models.CASCADE, related_name="exchange_rates")
    source = models.CharField(max_length=5, choices=RateSource)
    provider_slug = models.CharField(max_length=40, blank=True)
    unit = models.TextField()
    currency = models.CharField(max_length=3)
    day = models.DateField()
    rate = models.DecimalField(max_digits=24, decimal_places=12)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "source", "provider_slug", "unit", "currency", "day"],
                nulls_distinct=False,
                name="exchange_rate_once",
            ),
            models.CheckConstraint(condition=models.Q(rate__gt=0), name="exchange_rate_sane"),
            models.CheckConstraint(
                condition=models.Q(source="ecb") | models.Q(organization__isnull=False), name="exchange_rate_typed_by"
            ),
        ]
        indexes = [models.Index(fields=["currency", "day"], name="exchange_rate_by_day")]

    def __str__(self) -> str:
        return f"1 {self.unit} = {self.rate.normalize():f} {self.currency}"


class RateFeed(models.Model):
    """How far the ECB's rates were read: everybody's feed (no organization), or one that an organization has of its own
    behind a relay. `reaches` is the day from which on the past was read, `last_day` the latest that has a rate."""

    organization = models.ForeignKey(Organization, null=True, on_delete=models.CASCADE, related_name="+")
    relay_url = models.TextField(blank=True)
    reaches = models.DateField(null=True)
    last_day = models.DateField(null=True)
    fetched_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization"], nulls_distinct=False, name="rate_feed_once"),
        ]

    def __str__(self) -> str:
        return f"rates until {self.last_day}"

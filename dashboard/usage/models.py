"""What was used and what it cost: records as the providers tell them, and the rollup that pages read."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from dashboard.credentials.models import ProviderAccount
from dashboard.keys.models import ServiceToken
from dashboard.organizations.models import Organization, Team, User
from dashboard.usage.allocation import ACCOUNT, KEY, PROJECT, USER
from dashboard.usage.sources import imported


class Record(models.Model):
    """Shared by both kinds of record. The natural key is (account, start, digest of the record's own key); the table is
    partitioned by month of `start`, so `start` is part of the primary key. Written by COPY only. `source` says who
    brought the record, see usage.sources: "" for the provider's own API."""

    pk = models.CompositePrimaryKey("account_id", "start", "key_hash")
    account = models.ForeignKey(ProviderAccount, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    start = models.DateTimeField()
    key_hash = models.UUIDField()
    end = models.DateTimeField()
    model = models.TextField()
    provider_key = models.TextField()
    project = models.TextField()
    unit = models.TextField()
    final = models.BooleanField(null=True)
    source = models.TextField(default="")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.model or 'all'} from {self.start:%Y-%m-%d %H:%M}"


class UsageRecord(Record):
    """Tokens and requests of one bucket. Unknown is NULL; a dimension that the provider did not split by is ''."""

    user = models.TextField()
    tier = models.TextField()
    endpoint = models.TextField()
    input_tokens = models.BigIntegerField(null=True)
    cached_input_tokens = models.BigIntegerField(null=True)
    cache_write_tokens = models.BigIntegerField(null=True)
    output_tokens = models.BigIntegerField(null=True)
    reasoning_tokens = models.BigIntegerField(null=True)
    requests = models.BigIntegerField(null=True)
    quantities = models.JSONField()
    cost = models.DecimalField(max_digits=38, decimal_places=12, null=True)

    class Meta:
        managed = True
        db_table = "usage_usagerecord"


class CostRecord(Record):
    """Money that the provider charged for one bucket."""

    line_item = models.TextField()
    category = models.TextField()
    amount = models.DecimalField(max_digits=38, decimal_places=12)

    class Meta:
        managed = True
        db_table = "usage_costrecord"


class UsageDaily(models.Model):
    """One account, day, model and unit. Rebuilt from the records for every touched day, never incremented.

    `billed` comes from CostRecord, `reported` from the cost inside UsageRecord, `derived` from falls of the balance.
    `estimated` is what its tokens cost by the provider's price list on that day, in USD whatever the row's unit.
    `spend` is the one that counts on that day for the account: billed where anything was billed for it, else reported,
    else derived; estimated for a use that none of them tells of. `basis` says which, or "covered" (other rows carry
    that day's money) or "unpriced"; what is estimated stands in a row of its own. `span` "month" marks figures that
    come for longer than a day: they stand on the first one and tell of the days up to `last`.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    span = models.CharField(max_length=5, default="day")
    last = models.DateField(null=True)
    model = models.TextField()
    unit = models.TextField(blank=True)
    input_tokens = models.BigIntegerField(null=True)
    cached_input_tokens = models.BigIntegerField(null=True)
    cache_write_tokens = models.BigIntegerField(null=True)
    output_tokens = models.BigIntegerField(null=True)
    reasoning_tokens = models.BigIntegerField(null=True)
    requests = models.BigIntegerField(null=True)
    billed = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    reported = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    derived = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    estimated = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    spend = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    basis = models.CharField(max_length=10, blank=True)
    provisional = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "day", "span", "model", "unit", "basis"], name="usage_daily_of_a_basis"
            )
        ]

    def __str__(self) -> str:
        return f"{self.model} on {self.day}"


class SpendDaily(models.Model):
    """What an account spent on a day, in one unit: the models of UsageDaily summed. Pages over many accounts read this,
    so that their cost follows accounts x days and not the number of models. Rebuilt together with UsageDaily.
    `estimated` is the part of `spend` that nobody but the price list tells; None is none of it."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="+")
    provider_slug = models.CharField(max_length=40)
    day = models.DateField()
    span = models.CharField(max_length=5)
    last = models.DateField(null=True)
    unit = models.TextField(blank=True)
    spend = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    estimated = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    provisional = models.BooleanField()
    unpriced_models = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "day", "span", "unit"], name="spend_daily_once")]
        indexes = [
            models.Index(
                # In the order in which pages group, so that sums need neither a sort nor a hash of all rows.
                fields=["organization", "day", "provider_slug", "unit", "span"],
                include=["spend", "estimated", "provisional", "unpriced_models"],
                name="spend_daily_of_all",
            )
        ]

    def __str__(self) -> str:
        return f"{self.spend} {self.unit} on {self.day}"


class UsageDetail(models.Model):
    """One account, day, model, provider key, project, user and unit: what all other rollups are summed from. Rebuilt
    from the records for every touched day. A dimension that was not told is ''.

    All bases stand beside each other; `spend` is the one that counts, `basis` says which: see UsageDaily.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+", db_index=False)
    account = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    span = models.CharField(max_length=5)
    last = models.DateField(null=True)
    model = models.TextField()
    provider_key = models.TextField()
    project = models.TextField()
    user = models.TextField()
    unit = models.TextField()
    input_tokens = models.BigIntegerField(null=True)
    cached_input_tokens = models.BigIntegerField(null=True)
    cache_write_tokens = models.BigIntegerField(null=True)
    output_tokens = models.BigIntegerField(null=True)
    reasoning_tokens = models.BigIntegerField(null=True)
    requests = models.BigIntegerField(null=True)
    billed = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    reported = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    derived = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    estimated = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    spend = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    basis = models.CharField(max_length=10)
    provisional = models.BooleanField()

    class Meta:
        indexes = [
            models.Index(fields=["account", "day"], name="usage_detail_by_day"),
            models.Index(fields=["organization", "day"], name="usage_detail_of_all"),
        ]

    def __str__(self) -> str:
        return f"{self.model} on {self.day}"


class TeamFigures(models.Model):
    """What TeamDaily and TeamMonthly share. `team` is who the allocation rules name; where none catches it, it is the
    team of its account, whoever that is when the page is read, but for what a rule gives to `nobody`. `tokens` are
    input and output of every class."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+", db_index=False)
    account = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="+", db_index=False)
    provider_slug = models.CharField(max_length=40)
    day = models.DateField()
    span = models.CharField(max_length=5)
    team = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL, related_name="+")
    nobody = models.BooleanField(default=False, db_default=False)
    model = models.TextField()
    unit = models.TextField()
    basis = models.CharField(max_length=10)
    spend = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    tokens = models.BigIntegerField(null=True)
    requests = models.BigIntegerField(null=True)
    provisional = models.BooleanField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.spend} {self.unit} from {self.day}"


class TeamDaily(TeamFigures):
    """UsageDetail by team: rebuilt for touched days, and for what a changed allocation rule catches."""

    last = models.DateField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["account", "day"], name="team_daily_of_account"),
            models.Index(fields=["organization", "day"], name="team_daily_by_day"),
        ]


class TeamMonthly(TeamFigures):
    """TeamDaily summed by month, on its first day: so that a long period costs no more than a short one."""

    class Meta:
        indexes = [
            models.Index(fields=["account", "day"], name="team_monthly_of_account"),
            models.Index(fields=["organization", "day"], name="team_monthly_by_day"),
        ]


class SumBy(models.TextChoices):
    """What a sum still tells beside account, unit and basis."""

    ACCOUNT = "account", _("Account")
    TEAM = "team", _("Team")
    MODEL = "model", _("Model")


class SumKind(models.Model):
    """What sums are told apart by beside who and when: PostgreSQL groups by one number much faster than by these."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+", db_index=False)
    provider_slug = models.CharField(max_length=40)
    unit = models.TextField()
    basis = models.CharField(max_length=10)
    span = models.CharField(max_length=5)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "provider_slug", "unit", "basis", "span"], name="sum_kind_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.unit} {self.basis} of {self.provider_slug} by {self.span}"


class SpendSum(models.Model):
    """TeamDaily or TeamMonthly added up over models, over teams, or over both: who asks for no more reads a fraction of
    the rows. A team that `by` does not tell is NULL, a model ''."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+", db_index=False)
    account = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="+", db_index=False)
    by = models.CharField(max_length=7, choices=SumBy)
    day = models.DateField()
    kind = models.ForeignKey(SumKind, on_delete=models.CASCADE, related_name="+", db_index=False)
    team = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL, related_name="+")
    nobody = models.BooleanField()
    model = models.TextField()
    spend = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    tokens = models.BigIntegerField(null=True)
    requests = models.BigIntegerField(null=True)
    provisional = models.BooleanField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.spend} from {self.day}"


class DailySum(SpendSum):
    """Sums of TeamDaily."""

    class Meta:
        indexes = [
            models.Index(fields=["account", "day"], name="daily_sum_of_account"),
            models.Index(fields=["organization", "by", "day"], name="daily_sum_by_day"),
        ]


class MonthlySum(SpendSum):
    """Sums of TeamMonthly."""

    class Meta:
        indexes = [
            models.Index(fields=["account", "day"], name="monthly_sum_of_account"),
            models.Index(fields=["organization", "by", "day"], name="monthly_sum_by_day"),
        ]


class Dimension(models.TextChoices):
    """By what spend is given to teams; the first that catches it counts."""

    KEY = KEY, _("Provider key")
    PROJECT = PROJECT, _("Project or workspace")
    USER = USER, _("User")
    ACCOUNT = ACCOUNT, _("Account")


class AllocationRule(models.Model):
    """Everything with that value of the dimension belongs to the teams of its shares, or without any to nobody, from a
    day on: see usage.allocation. No account is any; no day is from the beginning."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="allocation_rules")
    dimension = models.CharField(max_length=10, choices=Dimension)
    account = models.ForeignKey(ProviderAccount, null=True, on_delete=models.CASCADE, related_name="+")
    value = models.CharField(max_length=300, blank=True)
    valid_from = models.DateField(null=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "dimension", "account", "value", "valid_from"],
                nulls_distinct=False,
                name="allocation_rule_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.dimension} {self.value}".strip()


class AllocationShare(models.Model):
    """A team's part of a rule, in percent; those of a rule add up to 100."""

    rule = models.ForeignKey(AllocationRule, on_delete=models.CASCADE, related_name="shares")
    team = models.ForeignKey(Team, on_delete=models.RESTRICT, related_name="+")
    percent = models.DecimalField(max_digits=7, decimal_places=4)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rule", "team"], name="allocation_share_once"),
            models.CheckConstraint(condition=models.Q(percent__gt=0, percent__lte=100), name="allocation_share_sane"),
        ]

    def __str__(self) -> str:
        return f"{self.percent} % for {self.team}"


class DerivedSpend(models.Model):
    """What an account's balance in one unit fell by on a day, top-ups and expiries taken out: see usage.derived."""

    account = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    unit = models.TextField()
    amount = models.DecimalField(max_digits=38, decimal_places=12)
    provisional = models.BooleanField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "day", "unit"], name="derived_spend_once")]

    def __str__(self) -> str:
        return f"{self.amount} {self.unit} on {self.day}"


class CounterReading(models.Model):
    """The last value of one counter of a server that counts since its start: see usage.counters. `series` is a digest
    of its name and labels."""

    account = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="+")
    series = models.CharField(max_length=36)
    server = models.CharField(max_length=500, blank=True)
    value = models.DecimalField(max_digits=40, decimal_places=6)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "series"], name="counter_once")]

    def __str__(self) -> str:
        return f"{self.server}: {self.value} at {self.at:%Y-%m-%d %H:%M}"


class ImportState(models.TextChoices):
    """Where an import stands. A preview that is dropped leaves no row; what was undone stays as a line of history."""

    PREVIEWED = "previewed", _("Waits for you")
    CHECKING = "checking", _("Being checked")
    CHECKED = "checked", _("Checked, not imported")
    IMPORTING = "importing", _("Being imported")
    IMPORTED = "imported", _("Imported")
    FAILED = "failed", _("Failed")
    UNDONE = "undone", _("Undone")


class UsageImport(models.Model):
    """A file that a console exported, on its way into one account. `mapping` is usage.imports.lines.Mapping, `report`
    what the dry run found; `signature` recognises files with the same columns. `steps_done` of `steps` are the shares
    of the work that are done; whoever works renews `touched_at`, and who died is followed after a while."""

    BROUGHT = True  # see credentials.services.account_recognise
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="imports")
    file_name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=ImportState, default=ImportState.PREVIEWED)
    mapping: Any = models.JSONField(default=dict)
    signature = models.CharField(max_length=32)
    report: Any = models.JSONField(default=dict)
    records = models.BigIntegerField(null=True)
    steps = models.IntegerField(default=0)
    steps_done = models.IntegerField(default=0)
    tries = models.SmallIntegerField(default=0)
    touched_at = models.DateTimeField()
    imported_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "sha256"],
                condition=models.Q(state__in=["previewed", "checking", "checked", "importing", "imported"]),
                name="usage_import_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["touched_at"],
                condition=models.Q(state__in=["previewed", "checking", "checked", "importing"]),
                name="usage_import_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.file_name} into {self.account}"

    @property
    def source(self) -> str:
        """As its records name it."""
        return imported(self.pk)


class UsageImportPart(models.Model):
    """A piece of an upload that waits to be imported: packed, sealed, and gone once it was or a day has passed."""

    SEALED = "sealed_content"
    usage_import = models.ForeignKey(UsageImport, on_delete=models.CASCADE, related_name="parts")
    number = models.IntegerField()
    sealed_content = models.TextField()
    key_id = models.CharField(max_length=8)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["usage_import", "number"], name="usage_import_part_once")]

    def __str__(self) -> str:
        return f"part {self.number} of import {self.usage_import_id}"


class IntakeRow(models.Model):
    """One row that a gateway or script sent in, as it was sent last: see usage.intake. `digest` stands for the sender's
    own id of it; the same one again replaces the row. The hours of UsageRecord are sums over these rows, so a row stays
    as long as its hour can still change. Unknown is NULL; a dimension that was not told is ''."""

    BROUGHT = True  # see credentials.services.account_recognise
    pk = models.CompositePrimaryKey("account_id", "digest")
    account = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="+", db_index=False)
    digest = models.UUIDField()
    token = models.ForeignKey(ServiceToken, on_delete=models.CASCADE, related_name="+")
    hour = models.DateTimeField()
    model = models.TextField()
    provider_key = models.TextField()
    project = models.TextField()
    unit = models.TextField()
    input_tokens = models.BigIntegerField(null=True)
    cached_input_tokens = models.BigIntegerField(null=True)
    cache_write_tokens = models.BigIntegerField(null=True)
    output_tokens = models.BigIntegerField(null=True)
    reasoning_tokens = models.BigIntegerField(null=True)
    requests = models.BigIntegerField(null=True)
    cost = models.DecimalField(max_digits=38, decimal_places=12, null=True)

    class Meta:
        indexes = [
            models.Index(fields=["account", "hour"], name="intake_by_hour"),
            models.Index(fields=["hour"], name="intake_old"),
        ]

    def __str__(self) -> str:
        return f"{self.model or 'all'} in the hour from {self.hour:%Y-%m-%d %H:%M}"


class IntakeBatch(models.Model):
    """What was answered to one batch, for whoever sends it again under the same idempotency key. Of key and body only
    their SHA-256 are kept."""

    token = models.ForeignKey(ServiceToken, on_delete=models.CASCADE, related_name="+")
    key_hash = models.CharField(max_length=64)
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    response = models.TextField()  # as it was sent, to the letter
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "key_hash"], name="intake_batch_once")]

    def __str__(self) -> str:
        return f"batch of {self.token_id} at {self.at:%Y-%m-%d %H:%M}"

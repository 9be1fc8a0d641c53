"""What other rooms may want to hear of keys. The floors forbid calling them from here."""

from django.dispatch import Signal

# A key got another owner team. Sent inside the transaction of the change, so that whoever listens writes with it or not
# at all, with account_id, external_id, team_id (None: nobody any more), valid_from (a date: the first day that the team
# answers for, None: all days), by (organizations.audit.Actor) and now.
provider_key_assigned = Signal()

"""A demo company and its source systems, so that everything runs without a vendor account.

Belongs here: planning, procurement and ledger of a company with several entities, currencies and calendars, evolving day by
day, with planted problems and an answer key. Does not: anything of the product itself. It imports the catalog, the settings
and the errors, and nothing else of finance_sync.
"""

from finance_sync.sandbox.answers import Verification, verify
from finance_sync.sandbox.sandbox import Sandbox, advance, create, exists

__all__ = ["Sandbox", "Verification", "advance", "create", "exists", "verify"]

"""finance_sync: planning, procurement, ledger and settlement systems brought to agreement, every night."""

__version__ = "0.1.0"

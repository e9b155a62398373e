"""The ledger of an institution: an authenticated append-only record of audits and privacy budgets of all runs."""

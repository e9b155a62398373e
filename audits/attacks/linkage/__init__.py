"""Linkage audit: attribute inference, joining of records, and retrieval of real records through synthetic rows."""

"""What an institution counts across all its runs, append-only and chained: how often control persons were asked."""

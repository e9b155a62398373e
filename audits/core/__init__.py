"""What every audit rests on: tables, estimates, intervals, reports, errors."""

"""What invented notes and letters tell of: illnesses, the people who have them, and reports of tests."""

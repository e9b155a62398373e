"""The medical content of invented notes and letters: illnesses, patients, and reports of tests."""

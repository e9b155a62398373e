"""Private labelled text in, an audited and signed synthetic dataset out, or a refusal with its reasons."""

"""Attack any synthetic text dataset and judge whether it may be released; stands alone, without the engine."""

"""Whether two releases of one source betray who joined or left in between."""

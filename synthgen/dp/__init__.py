"""What a run under a budget of differential privacy asks persons, and with how much noise."""

"""A virtual audience: users with known tastes, who watch, rate and follow recommendations."""

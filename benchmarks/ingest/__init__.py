"""How fast the log comes into the store, beside what its parts can do alone."""

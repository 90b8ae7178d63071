"""Training beside its peers: who is measured, how, and what comes of it."""

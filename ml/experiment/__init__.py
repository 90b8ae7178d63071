"""Comparing two arms with the user as the unit. Arm 1 is old, the champion; arm 2 is new, the challenger."""

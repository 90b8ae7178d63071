"""The online metrics of everything since a start, brought up to date with what is new."""

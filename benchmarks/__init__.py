"""What is measured, one command each; docs/benchmarks.md holds the last results."""

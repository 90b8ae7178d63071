"""What an answer costs behind nginx, beside a view that always says the same."""

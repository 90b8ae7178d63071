"""An experiment on live users: which one it is, its looks, its results and its report."""

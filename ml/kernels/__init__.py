"""The loops that numba compiles: training and serving."""

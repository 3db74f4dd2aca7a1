"""Solvers behind one function: `simulate(microstructure, material, sweep, discretization, keep) -> curve`."""

"""One evaluator a task: what is measured of every network of it."""

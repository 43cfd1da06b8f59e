"""What the blocks of foveate cost beside what people use: ``python -m benchmarks``."""

"""What a file says, and merging it by that: symbols, blocks, the structural merge and the checks on its results."""

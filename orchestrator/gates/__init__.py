"""What decides: checks carried out on commits, evidence, verdicts."""

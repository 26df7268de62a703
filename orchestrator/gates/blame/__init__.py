"""Where a candidate is red: the search for the smallest set of agents that makes it so."""

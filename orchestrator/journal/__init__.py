"""What happened: events, the durable log, the fold into state."""

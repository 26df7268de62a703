"""What the outside world talks to."""

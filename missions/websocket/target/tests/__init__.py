"""Tests of the backend. They talk to it as browsers do: real sockets, real frames, on loopback."""

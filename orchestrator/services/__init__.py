"""What runs beside an attempt or a check: services of its own, on ports of its own."""

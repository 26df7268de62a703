"""What people see in a browser: all runs below one folder, live, by whose turn it is."""

"""What a team sees of a mission: issues, pull requests and checks on GitHub, through its own program `gh`."""

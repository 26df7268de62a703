"""What was asked for: the mission file, its model and its meaning, and the scopes that agents keep
to.
"""

"""What stands beside a run: looking before it, judging without it, landing and cleaning after
it.
"""

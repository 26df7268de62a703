"""The work of many agents put together: trees, contents, and what lies between them; branches and
the driver.
"""

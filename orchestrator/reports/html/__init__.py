"""`report.html`: one page that needs nothing beside it. Begin with `page.py`."""

"""From a plan that people wrote in Markdown to a draft of a mission: pure, and the same every time."""

"""Agents, their tools and what runs them."""

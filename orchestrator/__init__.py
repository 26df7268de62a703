"""Parallel multi-agent remediation: isolated, merged, and proven before it lands."""

"""Assess: judge what changed under the policy in force."""

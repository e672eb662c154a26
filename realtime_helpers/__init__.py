"""Realtime Workshop."""

"""Clients to compare, each as its authors show it, all on the same virtual sound card and the same scripted server."""

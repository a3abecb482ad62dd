"""Screens as managed devices: a code that a screen shows, a manager who types it, the secret in the screen's cookie."""

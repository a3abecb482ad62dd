"""Web push: subscriptions that a patient's browser gives us, and notices encrypted for it (RFC 8030, 8291, 8292)."""

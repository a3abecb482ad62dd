"""The REST interface, at /api/v1/ (docs/api.md)."""

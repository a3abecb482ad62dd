"""What docs/prediction.md shows, measured anew: a module a section, each with a `section(pictures) -> str`."""

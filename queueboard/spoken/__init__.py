"""What a board says aloud, as sound made here, for browsers that have no voice of their own in its language."""

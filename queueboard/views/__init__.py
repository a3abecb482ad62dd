"""The public pages: boards, a patient's own page, the running queues, the look-up of a lost link."""

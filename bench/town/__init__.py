"""A hospital on several hosts in one machine, and what goes wrong in it: each host is a network namespace."""

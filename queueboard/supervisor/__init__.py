"""One command starts everything and leaves nothing behind: what `manage.py up` is made of.

install.py prepares .venv; checks.py refuses with one sentence; guard.py and guardian.py see to it that no process
outlives the supervisor, even a killed one; supervisor.py starts, watches and stops the children of services.py.
"""

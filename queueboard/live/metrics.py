"""What Prometheus reads of the live way at /metrics. Every figure is of this process alone."""

from prometheus_client import Counter, Gauge, Histogram

sockets = Gauge("queueboard_live_sockets", "Open websockets on a feed", ["audience"])
pushes = Counter("queueboard_live_pushes_total", "Messages handed to sockets, heartbeats included")
coalesced = Counter("queueboard_live_coalesced_total", "States that a newer one replaced before they were pushed")
closed = Counter("queueboard_live_closed_total", "Websockets that have ended, by why", ["reason"])
refused = Counter("queueboard_live_refused_total", "Websockets that were not accepted, by why", ["reason"])
snapshot_age = Gauge(
    "queueboard_live_snapshot_age_seconds",
    "Since the oldest feed with sockets on it was last known to be the database's",
)
commit_to_socket = Histogram(
    "queueboard_live_commit_to_socket_seconds",
    "From a commit until its state was written to every socket on its feed that could take it",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)

//! Replicas belong to whoever scales: silent inside an autoscaler's range, drift outside it.

//! Everything that needs more than one room: HTTP on loopback, the real binary, the real API server.

mod daemon;

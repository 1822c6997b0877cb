//! What random runs have found, each as a case of its own.

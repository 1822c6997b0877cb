//! The rules of the configuration on the real binary: what is hidden, masked and judged anew.

mod ignore;
mod redact;
mod severity;
mod stage;

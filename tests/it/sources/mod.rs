//! Environments that Argo CD's own objects describe: rendered as Argo CD renders them, refused where they say what is
//! not honoured.

mod argo;
mod cluster;
mod fleet;
mod several;

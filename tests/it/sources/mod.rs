//! Environments that Argo CD's and Flux's own objects describe: rendered as those tools render them, refused where they
//! say what is not honoured.

mod argo;
mod fleet;
mod several;

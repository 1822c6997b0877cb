//! Where every key and value of a document stands.

use std::collections::BTreeMap;

/// Lines by JSON pointer.
#[derive(Debug, Clone, Default)]
pub struct Lines(BTreeMap<String, u32>);

impl Lines {
    /// The line of the deepest known ancestor of `pointer`, or of the pointer itself.
    #[must_use]
    pub fn nearest(&self, mut pointer: &str) -> u32 {
        loop {
            if let Some(line) = self.0.get(pointer) {
                return *line;
            }
            match pointer.rfind('/') {
                Some(cut) => pointer = &pointer[..cut],
                None => return 1,
            }
        }
    }
}

//! Objects as Git declares them and as an API server gives them back, made from a seed.

mod live;
mod manifests;

use serde_json::Value;

/// One object on both sides, in sync.
pub struct Pair {
    /// As Git declares it.
    pub declared: Value,
    /// As the server completes it: with defaults, status and managedFields.
    pub live: Value,
}

/// `count` objects, eight kinds in turn, spread over the namespaces; the same for the same seed.
pub fn pairs(count: usize, namespaces: &[&str], seed: u64) -> Vec<Pair> {
    let mut random = Random(seed | 1);
    let pair = |index: usize| {
        // All kinds of one application live in one namespace.
        let application = index / manifests::KINDS.len();
        let namespace = namespaces[application % namespaces.len()];
        let make = manifests::KINDS[index % manifests::KINDS.len()];
        let declared = make(&mut random, application, namespace);
        let live = live::complete(&declared, index);
        Pair { declared, live }
    };
    (0..count).map(pair).collect()
}

/// A small generator of even quality (xorshift64*), so that the objects need no other crate.
pub struct Random(u64);

impl Random {
    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let mixed = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(mixed).map_or(0, |mixed| mixed % bound)
    }

    /// One of `words`.
    pub fn of<T: Copy>(&mut self, words: &[T]) -> T {
        words[self.below(words.len())]
    }
}

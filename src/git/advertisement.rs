//! What a server says of its references before anything is fetched, as gitprotocol-pack(5) defines it.

use git2::Oid;

use super::references::References;

/// What a server offers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Advertisement {
    pub references: References,
    /// Whether commits can be asked for that no branch or tag points at.
    pub any_commit: bool,
}

/// Reads the packet lines of an advertisement. A reference whose name is no UTF-8 is left out: nobody can ask for it.
pub(super) fn parse(bytes: &[u8]) -> Advertisement {
    let mut offered = Advertisement::default();
    for line in Packets(bytes) {
        let Ok(line) = std::str::from_utf8(line) else { continue };
        let (line, capabilities) = line.trim_end_matches('\n').split_once('\0').unwrap_or((line, ""));
        for capability in capabilities.split(' ') {
            match capability.split_once('=') {
                Some(("symref", target)) => {
                    if let Some(("HEAD", branch)) = target.split_once(':') {
                        offered.references.default = branch.strip_prefix("refs/heads/").map(str::to_owned);
                    }
                }
                _ => {
                    offered.any_commit |=
                        matches!(capability, "allow-tip-sha1-in-want" | "allow-reachable-sha1-in-want");
                }
            }
        }
        let Some((id, name)) = line.trim_end_matches('\n').split_once(' ') else { continue };
        let Ok(id) = Oid::from_str(id) else { continue };
        if id.is_zero() {
            continue;
        }
        offered.references.add(name, id);
    }
    offered
}

/// The packet lines of a text; flushes are left out.
struct Packets<'a>(&'a [u8]);

impl<'a> Iterator for Packets<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let length = std::str::from_utf8(self.0.get(..4)?).ok()?;
            let length = usize::from_str_radix(length, 16).ok()?;
            if length < 4 {
                self.0 = &self.0[4..];
                continue;
            }
            let line = self.0.get(4..length)?;
            self.0 = &self.0[length..];
            return Some(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(text: &str) -> String {
        format!("{:04x}{text}", text.len() + 4)
    }

    #[test]
    fn references_and_capabilities_are_read() {
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        let text = [
            packet("# service=git-upload-pack\n"),
            "0000".to_owned(),
            packet(&format!(
                "{one} HEAD\0multi_ack symref=HEAD:refs/heads/main allow-reachable-sha1-in-want agent=git/2\n"
            )),
            packet(&format!("{one} refs/heads/main\n")),
            packet(&format!("{two} refs/heads/ünï code\n")),
            packet(&format!("{two} refs/tags/v1\n")),
            packet(&format!("{one} refs/tags/v1^{{}}\n")),
            packet(&format!("{one} refs/pull/1/head\n")),
            "0000".to_owned(),
        ];
        let offered = parse(text.concat().as_bytes());
        assert!(offered.any_commit);
        assert_eq!(offered.references.default.as_deref(), Some("main"));
        assert_eq!(offered.references.branches.keys().collect::<Vec<_>>(), ["main", "ünï code"]);
        assert_eq!(offered.references.tags.keys().collect::<Vec<_>>(), ["v1"]);
    }

    #[test]
    fn an_empty_repository_and_nonsense_offer_nothing() {
        let empty = packet(&format!("{} capabilities^{{}}\0agent=git/2\n", "0".repeat(40)));
        for text in [empty.as_bytes(), b"", b"zzzz", b"ffff", b"0005\xff0004", b"0003"] {
            assert_eq!(parse(text).references, References::default());
        }
    }
}

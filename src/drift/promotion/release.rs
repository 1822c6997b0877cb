//! Release branches and the branches into which they are merged back.

/// The branch into which a release branch is merged back: `master_v1` of `release_v1.1.0`, `master/2` of `release/2.3`.
#[must_use]
pub fn master_of(branch: &str) -> Option<String> {
    let start = branch.find("release")?;
    let (before, rest) = (&branch[..start], &branch[start + "release".len()..]);
    let separator: String = rest.chars().take_while(|c| matches!(c, '_' | '-' | '/')).collect();
    let version = &rest[separator.len()..];
    let prefix = if version.starts_with('v') { "v" } else { "" };
    let major: String = version[prefix.len()..].chars().take_while(char::is_ascii_digit).collect();
    if separator.is_empty() || major.is_empty() {
        return None;
    }
    Some(format!("{before}master{separator}{prefix}{major}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_branch_names_its_master() {
        let cases = [
            ("release_v1.1.0", Some("master_v1")),
            ("release_v12.0", Some("master_v12")),
            ("trino/release-2.3.4", Some("trino/master-2")),
            ("release", None),
            ("release_next", None),
            ("released1", None),
            ("main", None),
        ];
        for (branch, master) in cases {
            assert_eq!(master_of(branch).as_deref(), master, "{branch}");
        }
    }
}

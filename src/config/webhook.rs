//! Who may tell that a repository has changed, and by which secret such a word is known to be true.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::cursor::{Cursor, Noted};
use super::parse::collect;

/// A service that tells of pushes by HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Forge {
    /// github.com and GitHub Enterprise.
    GitHub,
    /// gitlab.com and GitLab.
    GitLab,
    /// Gitea and Forgejo.
    Gitea,
    /// bitbucket.org and Bitbucket Data Center.
    Bitbucket,
    /// Azure DevOps.
    Azure,
    /// Whatever can sign a request.
    Generic,
}

impl Forge {
    /// Every one.
    pub const ALL: [Self; 6] = [Self::GitHub, Self::GitLab, Self::Gitea, Self::Bitbucket, Self::Azure, Self::Generic];

    /// The word of the configuration and of the path.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Gitea => "gitea",
            Self::Bitbucket => "bitbucket",
            Self::Azure => "azure",
            Self::Generic => "generic",
        }
    }
}

/// The file with the secret of each forge that is listened to. It is read anew at every request, so that it may rotate.
pub type Webhooks = BTreeMap<Forge, PathBuf>;

pub(super) fn read(cursor: &Cursor<'_>, folder: &Path) -> Result<Webhooks, Noted> {
    let section = cursor.section(&["github", "gitlab", "gitea", "bitbucket", "azure", "generic"])?;
    let forges = Forge::ALL.into_iter().filter_map(|forge| Some((forge, section.get(forge.as_str())?)));
    let secret = |(forge, cursor): (Forge, Cursor<'_>)| {
        let secret = cursor.section(&["secretFile"])?.require("secretFile", "name the file that holds the secret")?;
        Ok((forge, folder.join(secret.text()?)))
    };
    Ok(collect(forges.map(secret).collect())?.into_iter().collect())
}

//! The API server tries what Git declares and writes nothing: one patch for each object, `dryRun=All`.

use std::time::Duration;

use futures_util::StreamExt as _;
use kube::core::Status;
use tokio::time::{Instant, timeout, timeout_at};

use crate::drift::model::{Answer, Declared, Identity, Live, Received, TypeKey, Withheld, WithheldReason};

use super::super::Proposal;
use super::client::Connection;
use super::{CONCURRENCY, Cluster};

/// How long the server may take for one object; a definition of many kinds takes it two seconds.
const EACH: Duration = Duration::from_secs(10);
/// How long all objects of a scan may take together.
const ALL: Duration = Duration::from_mins(1);
/// So many fields of a refusal are named.
const FIELDS: usize = 5;
/// Where the server's own words can be had.
const SHOWS: &str = "`kubectl apply --server-side --dry-run=server` shows its words, which may quote values";

impl Cluster {
    /// Asks for each object what an apply would make of it, a few at once.
    pub(in super::super) async fn dry_run(&self, proposals: Vec<Proposal>) -> Vec<(Identity, Answer)> {
        let connection = match self.connection().await {
            Ok(connection) => connection,
            Err(error) => {
                let withheld = withheld(WithheldReason::Failed, format!("the cluster does not answer: {error}"));
                return proposals.into_iter().map(|one| (one.key.identity(), Err(withheld.clone()))).collect();
            }
        };
        let deadline = Instant::now() + ALL;
        let tries = proposals.into_iter().map(|proposal| {
            let connection = connection.clone();
            async move {
                let identity = proposal.key.identity();
                let answer = timeout_at(deadline, self.try_one(&connection, proposal)).await;
                (identity, answer.unwrap_or_else(|_| Err(late("all objects", ALL))))
            }
        });
        futures_util::stream::iter(tries).buffer_unordered(CONCURRENCY).collect().await
    }

    async fn try_one(&self, connection: &Connection, proposal: Proposal) -> Answer {
        let url = url(&proposal);
        let Proposal { key, served, body } = proposal;
        let text = match timeout(EACH, connection.try_apply(&url, body.into_body(key.namespace.as_deref()))).await {
            Err(_) => return Err(late("one object", EACH)),
            Ok(Err(kube::Error::Api(status))) => {
                return Err(refusal(&status, &key.type_key, &served.plural, &key.name));
            }
            Ok(Err(_)) => return Err(withheld(WithheldReason::Failed, "the cluster does not answer".to_owned())),
            Ok(Ok(text)) => text,
        };
        // Neither error may be told in its own words: they are about the text.
        let unreadable = || withheld(WithheldReason::Failed, "the server's answer is no object".to_owned());
        let mut received: Received = serde_json::from_str(&text).map_err(|_| unreadable())?;
        received.name_kind(&key.type_key);
        Declared::received(received, &self.redactor).map(Live::from).map_err(|_| unreadable())
    }
}

fn withheld(reason: WithheldReason, message: String) -> Withheld {
    Withheld { reason, message }
}

fn late(whose: &str, limit: Duration) -> Withheld {
    let message = format!("the time limit of {}s for {whose} is over", limit.as_secs());
    withheld(WithheldReason::TimedOut, message)
}

/// Why the server refused, in words that hold nothing of the object but its fields' names.
fn refusal(status: &Status, type_key: &TypeKey, plural: &str, name: &str) -> Withheld {
    if let Some(by) = denier(&status.message, type_key, plural, name) {
        return withheld(WithheldReason::Denied, format!("{by} refuses the dry-run; {SHOWS}"));
    }
    match status.code {
        403 if status.message.contains(" cannot patch resource ") => withheld(
            WithheldReason::Forbidden,
            format!(
                "the dry-run needs the verb patch on {plural} in the API group \"{}\": grant it, or compare with the strategy local",
                type_key.group
            ),
        ),
        403 => withheld(WithheldReason::Denied, format!("admission refuses the dry-run; {SHOWS}")),
        404 | 409 => withheld(WithheldReason::Changed, "the object changed or vanished since it was listed".to_owned()),
        422 => {
            withheld(WithheldReason::Invalid, format!("the server calls the result invalid{}; {SHOWS}", fields(status)))
        }
        code => withheld(WithheldReason::Failed, format!("the server answers the dry-run with status {code}; {SHOWS}")),
    }
}

/// The webhook or policy that refused. What it says itself is left out: it may quote the object.
fn denier(message: &str, type_key: &TypeKey, plural: &str, name: &str) -> Option<String> {
    let of_group = if type_key.group.is_empty() { plural.to_owned() } else { format!("{plural}.{}", type_key.group) };
    let forbidden = format!("{of_group} \"{name}\" is forbidden: ValidatingAdmissionPolicy '");
    let webhook = ["admission webhook \"", "Internal error occurred: failed calling webhook \""];
    let named = |start: &str, end: char| message.strip_prefix(start)?.split_once(end).map(|(name, _)| name);
    let of_a_name = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    let policy = named(&forbidden, '\'').filter(of_a_name).map(|name| format!("the admission policy {name}"));
    policy.or_else(|| {
        let name = webhook.iter().find_map(|start| named(start, '"')).filter(of_a_name)?;
        Some(format!("the admission webhook {name}"))
    })
}

/// `: spec.ports[1].name`, the fields that the server names, without what it says of them.
fn fields(status: &Status) -> String {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let mut fields: Vec<&str> = causes.map(|cause| cause.field.as_str()).filter(|field| !field.is_empty()).collect();
    fields.dedup();
    fields.truncate(FIELDS);
    if fields.is_empty() { String::new() } else { format!(": {}", fields.join(", ")) }
}

/// The path of the object; a name may hold what would end a path.
fn url(proposal: &Proposal) -> String {
    let TypeKey { group, version, .. } = &proposal.key.type_key;
    let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
    let namespace = proposal.key.namespace.as_ref().map(|name| format!("/namespaces/{}", segment(name)));
    format!("{root}{}/{}/{}", namespace.unwrap_or_default(), proposal.served.plural, segment(&proposal.key.name))
}

/// RFC 3986, §2.3: everything but the unreserved characters is escaped.
fn segment(name: &str) -> String {
    let escaped = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    name.bytes().map(escaped).collect()
}

#[cfg(test)]
mod tests;

//! Names behind which people keep secrets outside Secrets, and the values behind them in a text.

/// What a name holds, without its dashes, dots and underscores, where its value is a secret.
const WORDS: [&str; 8] = ["password", "passwd", "passphrase", "secret", "token", "apikey", "accesskey", "credential"];
/// What such a name may be in full.
const WHOLE: [&str; 2] = ["authorization", "privatekey"];
/// How the name of a field ends whose text is a secret; `secretName` names one and is none.
const ENDINGS: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "credentials",
];

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Whether the value of an environment variable, a key, a flag or a property of this name is hidden.
pub(super) fn is_sensitive(name: &str) -> bool {
    let name = plain(name);
    WORDS.iter().any(|word| name.contains(word))
        || WHOLE.contains(&name.as_str())
        || name.ends_with("privatekey")
        || (name.ends_with("pwd") && name != "pwd")
}

/// Whether the text of an object's field of this name is hidden.
pub(super) fn is_sensitive_field(name: &str) -> bool {
    let name = plain(name);
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// `text` with every value that stands behind a sensitive name replaced by what `hide` makes of it: properties, YAML,
/// JSON, XML, flags, queries and passwords of addresses. Rather too much is hidden than too little.
pub(super) fn seal(text: &str, hide: &dyn Fn(&str) -> String) -> String {
    if text.contains("PRIVATE KEY-----") {
        return hide(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut follow = Follow::Nothing;
    for whole in text.split_inclusive('\n') {
        let line = whole.trim_end_matches(['\n', '\r']);
        let ending = &whole[line.len()..];
        follow = match follow {
            Follow::Continued => hide_rest(line, hide, &mut out),
            Follow::Block(indent) if line.trim().is_empty() || indentation(line) > indent => {
                hide_trimmed(line, hide, &mut out);
                Follow::Block(indent)
            }
            Follow::Value if line.contains("<value>") => {
                let at = line.find("<value>").map_or(0, |at| at + "<value>".len());
                out.push_str(&line[..at]);
                Scan { line, hide, out: &mut out }.element(at);
                Follow::Nothing
            }
            Follow::Value if !line.contains("</property>") => {
                out.push_str(line);
                Follow::Value
            }
            _ => {
                let line = seal_addresses(line, hide);
                Scan { line: &line, hide, out: &mut out }.scan()
            }
        };
        out.push_str(ending);
    }
    out
}

/// What the next line has to do with this one.
enum Follow {
    Nothing,
    /// It goes on with the value, which ended in a backslash.
    Continued,
    /// Deeper lines are the value.
    Block(usize),
    /// The next `<value>` is the value.
    Value,
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn hide_trimmed(text: &str, hide: &dyn Fn(&str) -> String, out: &mut String) {
    let value = text.trim();
    let start = indentation(text);
    out.push_str(&text[..start]);
    if !value.is_empty() {
        out.push_str(&hide(value));
    }
    out.push_str(&text[(start + value.len()).min(text.len())..]);
}

/// Hides the rest of a line whose value may go on in the next.
fn hide_rest(rest: &str, hide: &dyn Fn(&str) -> String, out: &mut String) -> Follow {
    if let Some(value) = rest.strip_suffix('\\') {
        hide_trimmed(value, hide, out);
        out.push('\\');
        return Follow::Continued;
    }
    hide_trimmed(rest, hide, out);
    Follow::Nothing
}

/// Hides the password of `scheme://user:password@host`.
fn seal_addresses(line: &str, hide: &dyn Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + "://".len());
        out.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "/?#\"'<>".contains(c)).unwrap_or(after.len());
        let password = after[..end].rfind('@').and_then(|to| Some((after[..to].find(':')? + 1, to)));
        rest = after;
        if let Some((from, to)) = password {
            out.push_str(&after[..from]);
            out.push_str(&hide(&after[from..to]));
            rest = &after[to..];
        }
    }
    out.push_str(rest);
    out
}

/// One line, read from left to right.
struct Scan<'a> {
    line: &'a str,
    hide: &'a dyn Fn(&str) -> String,
    out: &'a mut String,
}

impl Scan<'_> {
    fn scan(&mut self) -> Follow {
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let mut at = 0;
        let mut written = 0;
        while let Some(start) = self.line[at..].find(is_name).map(|found| at + found) {
            let end = self.line[start..].find(|c| !is_name(c)).map_or(self.line.len(), |found| start + found);
            at = end;
            if !is_sensitive(&self.line[start..end]) {
                continue;
            }
            let before = &self.line[..start];
            if before.trim_end().ends_with("<name>") {
                return self.property(written, end);
            }
            let Some(value) = self.value_start(start, end) else { continue };
            self.out.push_str(&self.line[written..value]);
            match self.value(start, end, value) {
                Ok(next) => (at, written) = (next, next),
                Err(follow) => return follow,
            }
        }
        self.out.push_str(&self.line[written..]);
        Follow::Nothing
    }

    /// Whether nothing but what introduces a name stands before it.
    fn begins(&self, start: usize) -> bool {
        let before = self.line[..start].trim_matches(|c: char| c.is_whitespace() || "-#\"'".contains(c));
        ["", "export", "set", "ENV"].contains(&before)
    }

    /// Where the value behind the name begins; `None` where none does.
    fn value_start(&self, start: usize, end: usize) -> Option<usize> {
        let rest = &self.line[end..];
        if self.line[..start].ends_with('<') && rest.starts_with('>') {
            return Some(end + 1);
        }
        let unquoted = rest.trim_start_matches(['"', '\'', '\\', ']']);
        let separated = unquoted.trim_start();
        let after = if let Some(after) = separated.strip_prefix('=') {
            after.trim_start_matches(['=', '>'])
        } else if let Some(after) = separated.strip_prefix(':') {
            let spaced = after.is_empty() || after.starts_with([' ', '\t', '"', '\'', '=', '\\']);
            // An image's tag stands behind a colon, too; a property's line begins with its name.
            let property = self.begins(start) && !self.line.contains('/');
            if !spaced && !property && unquoted.len() == rest.len() {
                return None;
            }
            after.trim_start_matches('=')
        } else if self.line[start..].starts_with('-') && separated.len() < rest.len() && !separated.starts_with('-') {
            separated
        } else {
            return None;
        };
        Some(self.line.len() - after.trim_start().len())
    }

    /// Hides the value and tells where the line goes on, or what becomes of the next.
    fn value(&mut self, start: usize, end: usize, at: usize) -> Result<usize, Follow> {
        let rest = &self.line[at..];
        if self.line[..start].ends_with('<') && self.line[end..].starts_with('>') {
            return Ok(self.element(at));
        }
        let block = rest.trim_end().trim_end_matches(|c: char| "+-0123456789".contains(c));
        if self.begins(start) && ["", "|", ">"].contains(&block) && self.line[..at].contains(':') && rest.len() < 4 {
            self.out.push_str(rest);
            return Err(Follow::Block(indentation(self.line)));
        }
        let quote = rest.trim_start_matches('\\').chars().next().filter(|c| "\"'`".contains(*c));
        if let Some(quote) = quote {
            let open = rest.find(quote).unwrap_or(0) + 1;
            let close = closing(&rest[open..], quote);
            self.out.push_str(&rest[..open]);
            self.hidden(&rest[open..open + close]);
            return Ok(at + open + close);
        }
        if self.begins(start) && !rest.contains("://") {
            return Err(if is_reference(rest) {
                self.out.push_str(rest);
                Follow::Nothing
            } else {
                hide_rest(rest, self.hide, self.out)
            });
        }
        let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
        self.hidden(&rest[..length]);
        Ok(at + length)
    }

    fn hidden(&mut self, value: &str) {
        if value.is_empty() || is_reference(value) {
            self.out.push_str(value);
        } else {
            self.out.push_str(&(self.hide)(value));
        }
    }

    /// Hides up to the next tag and tells where that begins.
    fn element(&mut self, at: usize) -> usize {
        let rest = &self.line[at..];
        let length = rest.find("</").unwrap_or(rest.len());
        self.hidden(&rest[..length]);
        if at + length < self.line.len() && self.line[..at].ends_with("<value>") {
            self.out.push_str(&self.line[at + length..]);
        }
        at + length
    }

    /// `<name>…</name>` of Hadoop's configuration: its value stands further on, or on a line of its own.
    fn property(&mut self, written: usize, end: usize) -> Follow {
        if let Some(at) = self.line[end..].find("<value>").map(|found| end + found + "<value>".len()) {
            self.out.push_str(&self.line[written..at]);
            self.element(at);
            return Follow::Nothing;
        }
        self.out.push_str(&self.line[written..]);
        Follow::Value
    }
}

/// Where the quotes end that are open at the beginning of `text`; at its end where they do not.
fn closing(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            '\\' => escaped = !escaped,
            other if other == quote && !escaped => return at,
            _ => escaped = false,
        }
    }
    text.len()
}

/// `${NAME}`, `$(NAME)`: says where the value is, and is none.
fn is_reference(value: &str) -> bool {
    let value = value.trim();
    let inner = value
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .or_else(|| value.strip_prefix("$(").and_then(|rest| rest.strip_suffix(')')));
    inner.is_some_and(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:".contains(c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(text: &str) -> String {
        seal(text, &|_| "<X>".to_owned())
    }

    #[test]
    fn names_are_known_in_every_spelling() {
        for name in
            ["PASSWORD", "db_password", "api-key", "apiKey", "API_KEY", "fs.s3a.secret.key", "authToken", "DB_PWD"]
        {
            assert!(is_sensitive(name), "{name}");
        }
        for name in ["PWD", "user", "key", "monkey", "passenger", "hive.security.authorization.enabled"] {
            assert!(!is_sensitive(name), "{name}");
        }
        assert!(is_sensitive_field("clientSecret") && is_sensitive_field("bearer-token"));
        assert!(!is_sensitive_field("secretName") && !is_sensitive_field("secretKeyRef"));
    }

    #[test]
    fn the_value_behind_a_sensitive_name_is_hidden_in_every_notation() {
        for (text, expected) in [
            ("a=1\ndb.password = s3 cret\nb=2\n", "a=1\ndb.password = <X>\nb=2\n"),
            ("token: s3cret", "token: <X>"),
            ("a: 1\npassword:s3cret\n", "a: 1\npassword:<X>\n"),
            ("  - apiKey: \"s3 cret\" # why", "  - apiKey: \"<X>\" # why"),
            ("{\"a\":1,\"password\":\"s3\\\"cret\",\"b\":2}", "{\"a\":1,\"password\":\"<X>\",\"b\":2}"),
            ("export DB_PASSWORD='s3cret'", "export DB_PASSWORD='<X>'"),
            ("mysql -u root --password=s3cret -h db", "mysql -u root --password=<X> -h db"),
            ("mysql --password s3cret db", "mysql --password <X> db"),
            ("url=jdbc:x?user=a&password=s3cret&b=1 c", "url=jdbc:x?user=a&password=<X> c"),
            ("https://user:s3c:ret@host/path", "https://user:<X>@host/path"),
            ("password=a\\\n  b\\\n  c\nd=1", "password=<X>\\\n  <X>\\\n  <X>\nd=1"),
            ("password: |\n  s3\n  cret\nother: 1", "password: |\n  <X>\n  <X>\nother: 1"),
            (
                "<name>x.secret.key</name>\n <value>s3cret</value>\n<name>a</name>\n<value>b</value>",
                "<name>x.secret.key</name>\n <value><X></value>\n<name>a</name>\n<value>b</value>",
            ),
            ("<name>x.password</name><value>s3cret</value>", "<name>x.password</name><value><X></value>"),
            ("<password>s3cret</password><a>b</a>", "<password><X></password><a>b</a>"),
            ("x\n-----BEGIN RSA PRIVATE KEY-----\nabc", "<X>"),
            ("password=s3cret\r\na=1\r\n", "password=<X>\r\na=1\r\n"),
        ] {
            assert_eq!(sealed(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_secret_stays_readable() {
        for text in [
            "registry.example.org/vault/secrets-operator:1.2",
            "password=${ENV:DB_PASSWORD}",
            "the token is kept elsewhere",
            "a=1\nb: 2\n",
            "--token-file",
            "https://host:8080/path@x",
            "",
        ] {
            assert_eq!(sealed(text), text);
        }
    }
}
